"""What each training zone means for one athlete: intensity, load an hour and a target in pace, watts, heart rate or
effort."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from modeling.core.performance import RACES, Race, race_time, training_pace
from plans.pipelines.contract import AthleteSnapshot


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone: intensity factor (share of threshold speed or power), half width of its target as a share, share of
    threshold heart rate (low, high), perceived effort of 10 (low, high), and how a coach would say it."""

    factor: float
    width: float
    hr: tuple[float, float]
    rpe: tuple[int, int]
    words: str


RUNNING: Final[dict[str, Zone]] = {
    "recovery": Zone(0.66, 0.04, (0.65, 0.80), (1, 2), "very easy jog"),
    "easy": Zone(0.75, 0.04, (0.75, 0.88), (2, 3), "easy, you can talk"),
    "long": Zone(0.76, 0.035, (0.77, 0.89), (3, 4), "easy and steady"),
    "steady": Zone(0.84, 0.02, (0.87, 0.93), (4, 5), "steady"),
    "marathon": Zone(0.91, 0.01, (0.90, 0.96), (5, 6), "marathon pace"),
    "half_marathon": Zone(0.965, 0.01, (0.95, 1.00), (6, 7), "half marathon pace"),
    "threshold": Zone(1.00, 0.01, (0.97, 1.02), (7, 7), "threshold, comfortably hard"),
    "10k": Zone(1.02, 0.01, (0.98, 1.04), (7, 8), "10 km pace"),
    "5k": Zone(1.06, 0.01, (1.00, 1.06), (8, 9), "5 km pace"),
    "interval": Zone(1.08, 0.01, (1.00, 1.07), (8, 9), "hard, interval pace"),
    "hill": Zone(1.08, 0.02, (1.00, 1.07), (8, 9), "hard uphill, 5 km effort"),
    "repetition": Zone(1.17, 0.01, (1.00, 1.08), (9, 9), "fast and loose, mile pace"),
}
CYCLING: Final[dict[str, Zone]] = {
    "recovery": Zone(0.50, 0.08, (0.60, 0.75), (1, 2), "spin lightly"),
    "easy": Zone(0.65, 0.05, (0.70, 0.83), (2, 3), "endurance, you can talk"),
    "long": Zone(0.68, 0.05, (0.72, 0.85), (3, 4), "endurance"),
    "tempo": Zone(0.83, 0.035, (0.85, 0.94), (5, 6), "tempo"),
    "sweetspot": Zone(0.91, 0.025, (0.91, 0.98), (6, 7), "sweet spot"),
    "gran_fondo": Zone(0.78, 0.035, (0.82, 0.93), (5, 6), "gran fondo effort"),
    "threshold": Zone(0.98, 0.02, (0.97, 1.02), (7, 8), "threshold"),
    "40km_tt": Zone(1.00, 0.02, (0.98, 1.03), (8, 8), "time-trial effort"),
    "vo2": Zone(1.12, 0.03, (1.00, 1.07), (8, 9), "VO2max, hard"),
    "anaerobic": Zone(1.30, 0.05, (1.00, 1.08), (9, 10), "very hard"),
}
HARD_FROM: Final[dict[str, float]] = {"running": 0.88, "cycling": 0.80}
"""Intensity factor from which minutes count as hard (above the first ventilatory threshold)."""
SESSION_LOAD_PER_HOUR: Final[dict[str, dict[str, float]]] = {
    "running": {"tempo": 72.0, "interval": 68.0, "repetition": 62.0, "race": 95.0, "strength": 30.0},
    "cycling": {"tempo": 57.0, "interval": 58.0, "repetition": 52.0, "race": 85.0, "strength": 30.0},
}
"""What an hour of a usual session of a kind costs, TSS: warm-up, recoveries and cool-down included."""
USUAL_RACE_SECONDS: Final[dict[str, tuple[float, float, float, float]]] = {
    "5k": (1680, 1380, 1140, 930),
    "10k": (3540, 2820, 2370, 1950),
    "half_marathon": (7860, 6300, 5250, 4290),
    "marathon": (16800, 13500, 11100, 9000),
    "40km_tt": (4500, 3900, 3480, 3180),
    "gran_fondo": (25200, 19500, 16200, 13800),
}
"""Race times usual at a level (beginner to elite), for athletes without any threshold or test."""
LEVELS: Final = ("beginner", "intermediate", "advanced", "elite")


@dataclass(frozen=True)
class Intensities:
    """An athlete's zones; thresholds that are unknown are None, targets then fall back to heart rate and perceived
    effort.

    threshold_pace: seconds a km; easy_load: TSS of an easy hour; performance: VDOT or watts of the latest test.
    """

    athlete_id: str
    sport: str
    level: str
    threshold_pace: float | None = None
    ftp_w: float | None = None
    threshold_hr: float | None = None
    easy_load: float | None = None
    performance: float | None = None
    weekly_hours: float | None = None

    @classmethod
    def for_athlete(cls, athlete: AthleteSnapshot) -> Intensities:
        """Return the zones that hold today: stored thresholds first, else what the latest test implies."""
        performance = athlete.tests[-1].value if athlete.tests else None
        held = athlete.thresholds
        pace, ftp, hr = held.threshold_pace_s_per_km, held.ftp_w, held.threshold_hr
        if athlete.sport == "running":
            ftp = None
            if pace is None and performance is not None:
                pace = training_pace(performance, "threshold")
        else:
            pace = None
            ftp = ftp if ftp is not None else performance
            performance = performance if performance is not None else ftp
        if hr is None and held.max_hr:
            hr = 0.9 * held.max_hr
        week = athlete.median_week_load_year
        return cls(
            athlete_id=athlete.athlete_id,
            sport=athlete.sport,
            level=athlete.level,
            threshold_pace=pace,
            ftp_w=ftp,
            threshold_hr=hr,
            easy_load=_bounded_easy_load(athlete.load_per_hour_easy),
            performance=performance,
            weekly_hours=week / 55.0 if week > 0 else None,
        )

    @property
    def zones(self) -> dict[str, Zone]:
        """Return the sport's zones by name."""
        return RUNNING if self.sport == "running" else CYCLING

    def factor(self, zone: str) -> float:
        """Return a zone's intensity factor; race paces of a known performance follow from its race time."""
        if zone in ("easy", "long") and self.easy_load is not None:
            return math.sqrt(self.easy_load / 100) * self.zones[zone].factor / self.zones["easy"].factor
        if zone in RACES and self.performance is not None and self.threshold_pace is not None:
            speed = RACES[zone].distance_m / self.race_seconds(zone)
            return min(max(speed * self.threshold_pace / 1000, 0.76), 1.12)
        if zone == "marathon":
            return (0.84, 0.88, 0.91, 0.93)[LEVELS.index(self.level)]
        return self.zones[zone].factor

    def load_per_hour(self, name: str) -> float:
        """Return the load of an hour, TSS, of a zone, or of a usual session of a kind (tempo, interval, race…).

        A name that is both ("easy", "long") means the zone; "tempo" and "interval" mean the kind of session.
        """
        kinds = SESSION_LOAD_PER_HOUR[self.sport]
        return kinds[name] if name in kinds else self.zone_load(name)

    def zone_load(self, zone: str) -> float:
        """Return the load of an hour in a zone, TSS: 100·IF²."""
        return float(100 * self.factor(zone) ** 2)

    def is_hard(self, zone: str) -> bool:
        """Tell whether minutes in a zone are above easy."""
        return self.zones[zone].factor >= HARD_FROM[self.sport]

    def race_seconds(self, key: str) -> float:
        """Return the expected time of a race, seconds, from today's performance or the level's usual time."""
        if self.performance is not None:
            return race_time(RACES[key], self.performance, weekly_hours=self.weekly_hours)
        return float(USUAL_RACE_SECONDS[key][LEVELS.index(self.level)])

    def race_factor(self, race: Race, seconds: float) -> float:
        """Return the intensity factor of a race of so many seconds: above 1 under an hour, below it beyond."""
        hours = max(seconds / 3600, 0.1)
        if race.sport == "cycling":
            return float(min(hours**-0.07, 1.05) if hours <= 1 else max(hours**-0.17, 0.65))
        return float(min(max(hours**-0.065, 0.82), 1.08))

    def pace_factor(self, zone: str) -> float:
        """Return the speed or power of a zone as a share of threshold: what an easy hour costs does not change its
        pace."""
        return self.zones[zone].factor if zone in ("easy", "long") else self.factor(zone)

    def assumed_speed(self, zone: str) -> float:
        """Return the speed of a zone in running, m/s, from the level's usual threshold pace where the own one is
        unknown."""
        usual = (400.0, 300.0, 245.0, 200.0)[LEVELS.index(self.level)]
        return 1000 / (self.threshold_pace or usual) * self.pace_factor(zone)

    def target(self, zone: str) -> dict[str, Any]:
        """Return the target of a step: zone, text for people, and the numbers behind it as [low, high]."""
        z = self.zones[zone]
        factor = self.pace_factor(zone)
        found: dict[str, Any] = {"zone": zone, "rpe": list(z.rpe)}
        words = z.words
        if self.threshold_hr:
            found["hr"] = [round(self.threshold_hr * share) for share in z.hr]
        if self.threshold_pace and zone != "hill":
            fast, slow = (round(self.threshold_pace / (factor * (1 + w))) for w in (z.width, -z.width))
            found["pace_s_per_km"] = [fast, slow]
            return found | {"text": f"{pace_text(fast)}–{pace_text(slow)} /km, {words}"}
        if self.ftp_w:
            low, high = (round(self.ftp_w * factor * (1 + w) / 5) * 5 for w in (-z.width, z.width))
            found["power_w"] = [low, high]
            return found | {"text": f"{low}–{high} W, {words}"}
        if self.threshold_hr and z.factor < 1.02:
            return found | {"text": f"HR {found['hr'][0]}–{found['hr'][1]}, {words}"}
        effort = f"{z.rpe[0]}–{z.rpe[1]}" if z.rpe[0] != z.rpe[1] else f"{z.rpe[0]}"
        return found | {"text": f"effort {effort} of 10, {words}"}


def _bounded_easy_load(load: float | None) -> float | None:
    """Keep a measured load of an easy hour within what an easy hour can cost, TSS."""
    return None if load is None else min(max(load, 30.0), 60.0)


def pace_text(seconds: float) -> str:
    """Return a pace as "m:ss"."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"
