"""From week loads to sessions that keep the guards after rounding: built week by week, checked against what is
already built."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import numpy as np

from modeling.core import guards as g
from modeling.core.guard_checks import mornings
from modeling.core.guards import StartState
from plans.pipelines.contract import AthleteSnapshot, PlannedSession, PlannedWeek, RaceGoal
from plans.pipelines.frames import RECOVERY_WEEKS, WeekFrame
from plans.pipelines.intensity import Intensities
from plans.pipelines.placement import Placed, fitted
from plans.pipelines.sessions import SessionSpec, build_session

TRIES: Final = 6
SHRINK: Final = 0.96
"""Part of its target that a week keeps when its CTL or form went over a guard after rounding."""


@dataclass
class Builder:
    """The plan so far, and what the guards of the next week follow from."""

    athlete: AthleteSnapshot
    goal: RaceGoal
    state: StartState
    intensities: Intensities
    seed: int
    reference: float = 0.0
    ctl: float = 0.0
    atl: float = 0.0
    sizes: list[tuple[int, float]] = field(default_factory=list)
    loading: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reference = self.state.reference_week
        self.ctl, self.atl = self.state.ctl, self.state.atl

    @property
    def race_day(self) -> int:
        return (self.goal.race_date - self.athlete.today).days

    def longest(self, day: int) -> float:
        """Return the largest load of one session in the 30 days before a day of the plan."""
        inside = [load for d, load in self.sizes if day - g.SESSION_WINDOW <= d < day]
        return max([*inside, self.state.longest_session] if day < g.SESSION_WINDOW else inside, default=0.0)

    def week(self, frame: WeekFrame, slots: tuple[Placed, ...], target: float) -> PlannedWeek:
        """Build one week; its target comes down until its sessions keep every guard that asks for less."""
        target = min(target, self._most(frame))
        slots = fitted(slots, target, g.session_ceiling(self.longest(frame.first)), self.intensities)
        sessions: list[PlannedSession] = []
        for _ in range(TRIES):
            sessions = self._sessions(frame, slots, target)
            total = sum(s.load for s in sessions)
            if total > self._most(frame) or not self._fits(frame, sessions):
                target = min(target, total) * SHRINK
                continue
            break
        done = sum(s.load for s in sessions)
        if done < target - g.target_tolerance(target) * 0.9 or done > target + g.target_tolerance(target) * 0.9:
            target = done
        sessions = [s for s in sessions if s.kind != "rest"] + self._race(frame)
        self._remember(frame, sessions)
        ordered = tuple(sorted(sessions, key=lambda s: s.day))
        return PlannedWeek(frame.number, frame.monday, frame.phase, frame.is_recovery, round(target, 1), ordered)  # type: ignore[arg-type]

    def _most(self, frame: WeekFrame) -> float:
        """Return the most a week may hold by the guards on weeks, TSS."""
        if frame.phase == "recovery":
            return self._after_race(frame)
        most = g.MAX_GROWTH * self.reference * frame.days / 7
        return min(most, g.MAX_RECOVERY_SHARE * self.reference) if frame.is_recovery else most

    def _after_race(self, frame: WeekFrame) -> float:
        base = sum(self.loading[-3:]) / len(self.loading[-3:]) if self.loading else self.state.reference_week
        shares = RECOVERY_WEEKS[self.goal.race]
        return base * shares[min(frame.week_in_phase, len(shares)) - 1]

    def _sessions(self, frame: WeekFrame, slots: tuple[Placed, ...], target: float) -> list[PlannedSession]:
        """Build the sessions of a week and let the easy ones take up what rounding and ceilings left over."""
        if target <= 0 or not slots:
            return []
        wanted = [s.share * target for s in slots]
        built = [self._one(frame, s, w) for s, w in zip(slots, wanted, strict=True)]
        built = self._within_share(frame, slots, self._topped_up(frame, slots, built, target, rounds=2))
        return self._within_share(frame, slots, self._topped_up(frame, slots, built, target, rounds=1))

    def _topped_up(
        self, frame: WeekFrame, slots: tuple[Placed, ...], built: list[PlannedSession], target: float, *, rounds: int
    ) -> list[PlannedSession]:
        """Let the easy sessions, shortest first, take up what is missing to the target or give back what is over."""
        takers = [k for k, s in enumerate(slots) if s.kind == "easy" or len(slots) <= 2]
        for k in sorted(takers * rounds, key=lambda k: built[k].load):
            missing = target - sum(s.load for s in built)
            if abs(missing) > max(0.01 * target, g.SMALLEST_STEP / 2):
                step = min(max(missing, -2 * g.SMALLEST_STEP), 2 * g.SMALLEST_STEP)
                built[k] = self._one(frame, slots[k], max(built[k].load + step, 0.0))
        return built

    def _within_share(
        self, frame: WeekFrame, slots: tuple[Placed, ...], built: list[PlannedSession]
    ) -> list[PlannedSession]:
        """Shorten the longest session of a full week until it keeps its share."""
        if frame.phase in ("taper", "race", "recovery") or frame.days < 7:
            return built
        limit = g.long_share_limit(len(built))
        for _ in range(4):
            total = sum(s.load for s in built)
            k = max(range(len(built)), key=lambda i: built[i].load)
            if total <= 0 or built[k].load <= limit * total:
                break
            most = limit / (1 - limit) * (total - built[k].load) if limit < 1 else total
            built[k] = self._one(frame, slots[k], most * 0.99, most=most)
        return built

    def _one(self, frame: WeekFrame, slot: Placed, load: float, most: float = float("inf")) -> PlannedSession:
        day = frame.first + slot.offset
        ceiling = min(g.session_ceiling(self.longest(day)), self.state.limits.daily_cap, slot.cap, most)
        return build_session(
            SessionSpec(
                day=self.athlete.today + timedelta(days=day),
                slot=0,
                kind=slot.kind,  # type: ignore[arg-type]
                focus=slot.focus,
                target_load=min(load, ceiling),
                phase=frame.phase,  # type: ignore[arg-type]
                week_in_phase=frame.week_in_phase,
                race=self.goal.race,
                level=self.athlete.level,
                sport=self.athlete.sport,
                seed=self.seed,
                max_load=ceiling,
                max_minutes=slot.minutes,
                key_session=slot.key_session,
            ),
            self.intensities,
        )

    def _race(self, frame: WeekFrame) -> list[PlannedSession]:
        offset = self.race_day - frame.first
        if not 0 <= offset < frame.days:
            return []
        return [build_session(race_spec(self.athlete, self.goal, self.seed), self.intensities)]

    def _fits(self, frame: WeekFrame, sessions: list[PlannedSession]) -> bool:
        """Tell whether CTL ramp, CTL ceiling and the floor of form hold up to the week's end or the race."""
        if frame.phase == "recovery":
            return True
        ctl, atl = self._mornings(frame, sessions, min(frame.days, self.race_day - frame.first))
        form_ok = all(c - a >= g.FORM_FLOOR for c, a in zip(ctl[1:], atl[1:], strict=True))
        if not frame.first + frame.days <= self.race_day:
            return form_ok
        ramp_ok = ctl[-1] - ctl[0] <= self.state.limits.ramp
        return form_ok and ramp_ok and ctl[-1] <= self.state.ctl_ceiling

    def _mornings(self, frame: WeekFrame, sessions: list[PlannedSession], days: int) -> tuple[list[float], list[float]]:
        loads = np.zeros(max(days, 0))
        for s in sessions:
            k = (s.day - self.athlete.today).days - frame.first
            if k < days:
                loads[k] += s.load
        ctl, atl = mornings(loads, self.ctl, self.atl)
        return ctl.tolist(), atl.tolist()

    def _remember(self, frame: WeekFrame, sessions: list[PlannedSession]) -> None:
        ctl, atl = self._mornings(frame, sessions, frame.days)
        self.ctl, self.atl = ctl[-1], atl[-1]
        for s in sessions:
            self.sizes.append(((s.day - self.athlete.today).days, s.load))
        if frame.days == 7 and not frame.is_recovery and frame.phase in ("base", "build", "peak"):
            self.reference = sum(s.load for s in sessions)
            self.loading.append(self.reference)


def race_spec(athlete: AthleteSnapshot, goal: RaceGoal, seed: int) -> SessionSpec:
    """Return the race itself as a session; its load is what its duration costs."""
    return SessionSpec(
        day=goal.race_date,
        slot=0,
        kind="race",
        focus=goal.race,
        target_load=0.0,
        phase="race",
        week_in_phase=1,
        race=goal.race,
        level=athlete.level,
        sport=athlete.sport,
        seed=seed,
        key_session=True,
        goal_seconds=goal.goal_seconds,
    )
