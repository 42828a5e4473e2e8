"""A synthetic cohort's events, from a seed: for the demonstration, benchmarks and tests. Pure.

Athletes join, have plans made, train, race and rate; coaches each have habits of their own; half of the plans are of an
experiment's second arm, whose adherence is better by `Cohort.effect`. Every event says `/mesocycle/synthetic`, and the
pages that show numbers from them say so too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np

from telemetry.schema_files import urn

SOURCE: Final = "/mesocycle/synthetic"
ARMS: Final = ("synthetic-advanced:control", "synthetic-advanced:advanced")
KINDS: Final = ("volume", "intensity", "session_type", "order", "rest_days", "strength", "notes")
_LEVELS: Final = ("beginner", "intermediate", "advanced", "elite")
_TIERS: Final = ("free", "basic", "guided", "premium", "elite")
_RACES: Final = {"running": ("5k", "10k", "half_marathon", "marathon"), "cycling": ("40km_tt", "gran_fondo")}
_REASONS: Final = ("athlete_preference", "coach_judgement", "fatigue", "time_constraint", "travel", "illness")
_VERSIONS: Final = {"plan.published": 2, "plan.version.updated": 2, "plan.submitted": 2, "plan.approved": 2}
_SECONDS: Final = {"5k": 1300.0, "10k": 2700.0, "half_marathon": 6100.0, "marathon": 12900.0}
_EDGES: Final = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
_ROUTES: Final = (("api/v1/plans/<uuid:plan_id>/", "GET", 55.0), ("api/v1/plans/<uuid:plan_id>/edits/", "POST", 110.0),
                  ("api/v1/sessions/<uuid:session_id>/completion/", "PUT", 60.0), ("admin/plans/review/", "GET", 140.0),
                  ("api/v1/plan-generations/", "POST", 90.0))  # fmt: skip
"""Routes with method and median milliseconds."""
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Cohort:
    """Who trains: numbers of athletes and coaches, for how many weeks until (not with) a day.

    effect: what the second arm adds to the probability that a session is done. known_coaches: tokens of people who take
    the places of the first coaches. service_days: for how many days the service was measured.
    """

    athletes: int = 240
    coaches: int = 9
    weeks: int = 26
    until: date = date(2026, 3, 2)
    seed: int = 1
    effect: float = 0.06
    known_coaches: tuple[str, ...] = ()
    service_days: int = 14


Event = dict[str, Any]
"""A CloudEvent as the relay gives it to a sink: `time` in ISO 8601."""


def events(cohort: Cohort) -> Iterator[Event]:
    """Yield the events of a cohort, athlete by athlete, each in the order of time; then those of the service."""
    draw = np.random.default_rng(cohort.seed)
    habits = draw.beta(2, 4, size=(cohort.coaches, len(KINDS)))
    for number in range(cohort.athletes):
        yield from _Athlete(cohort, number, habits).live()
    yield from _service(cohort)


def token(cohort: Cohort, kind: str, number: int) -> str:
    """Return a person's token, of the form that real ones have."""
    return "v1:" + hashlib.sha256(f"{cohort.seed} {kind} {number}".encode()).hexdigest()


class _Athlete:
    """One athlete's life, told as events."""

    def __init__(self, cohort: Cohort, number: int, habits: np.ndarray[Any, Any]) -> None:
        self._cohort, self._number, self._count = cohort, number, 0
        self._draw = draw = np.random.default_rng((cohort.seed, number))
        self._token = token(cohort, "athlete", number)
        coach = int(draw.integers(cohort.coaches))
        known = cohort.known_coaches
        self._coach = known[coach] if coach < len(known) else token(cohort, "coach", coach)
        self._habits = habits[coach]
        self._sport = "running" if draw.random() < 0.7 else "cycling"
        self._arm = number % 2
        self._end = datetime.combine(cohort.until, time(), tzinfo=UTC)
        self._joined = self._end - timedelta(days=float(draw.uniform(1, 7 * cohort.weeks)))
        self._diligence = float(np.clip(draw.normal(0.72, 0.12), 0.2, 0.98))

    def live(self) -> Iterator[Event]:
        draw, tier = self._draw, str(self._draw.choice(_TIERS, p=(0.2, 0.25, 0.2, 0.15, 0.2)))
        level = str(draw.choice(_LEVELS, p=(0.25, 0.4, 0.25, 0.1)))
        described: dict[str, Any] = {
            "athlete": self._token,
            "coach_id": self._coach,
            "sport": self._sport,
            "level": level,
        }
        described |= {"tier": tier, "joined_on": self._joined.date().isoformat(), "is_synthetic": True}
        found = [self._event("athlete.described", self._token, self._joined, described)]
        moment = self._joined + timedelta(days=float(draw.exponential(9 if tier == "elite" else 16)))
        while moment < self._end:
            plan = _Plan(self, moment)
            found += plan.live()
            moment = plan.over + timedelta(days=float(draw.uniform(3, 25)))
        found += self._reports()
        found += self._recomputed()
        yield from (one for one in sorted(found, key=lambda one: str(one["time"])) if _moment(one) < self._end)

    def _reports(self) -> Iterator[Event]:
        """Something is wrong, now and then."""
        days = (self._end - self._joined).days
        for _ in range(int(self._draw.poisson(days / 400))):
            at = self._joined + timedelta(days=float(self._draw.uniform(0, days)))
            severity = str(self._draw.choice(("low", "medium", "high", "critical"), p=(0.5, 0.35, 0.13, 0.02)))
            number = _id(self._cohort.seed, self._number, "report", at)
            about = {"report_id": number, "topic": "guidance", "severity": severity, "level": 1}
            yield self._event("report.filed", number, at, {**about, "athlete": self._token, "flag": None, "arm": ""})

    def _recomputed(self) -> Iterator[Event]:
        """One fit in a while is computed a second time, and hardly ever contradicted."""
        draw = np.random.default_rng((self._cohort.seed, self._number, 1 << 21))
        for _ in range(int(draw.poisson(0.4))):
            at = self._joined + (self._end - self._joined) * float(draw.random())
            wrong = bool(draw.random() < 0.004)
            told: dict[str, Any] = {"athlete": self._token, "fit_id": _id(self._cohort.seed, self._number, "fit", at)}
            told |= {"model_version": "grid-posterior-1", "outcome": "contradicts" if wrong else "agrees"}
            told |= {"deviation": round(float(draw.uniform(0.06, 0.2) if wrong else draw.uniform(0, 0.012)), 4)}
            yield self._event("model.recomputed", self._token, at, told)

    def _event(self, kind: str, subject: str, at: datetime, data: dict[str, Any]) -> Event:
        self._count += 1
        return _envelope(_id(self._cohort.seed, self._number, self._count), kind, subject, at, data)


class _Plan:
    """One plan from the request to its rating."""

    def __init__(self, athlete: _Athlete, asked: datetime) -> None:
        self._of, self._draw, self._asked = athlete, athlete._draw, asked
        self._id = _id(athlete._cohort.seed, athlete._number, 1_000_000 + athlete._count)
        self._weeks = int(self._draw.integers(6, 15))
        self._begins = asked.date() + timedelta(days=7 - asked.weekday())
        self._race_day = self._begins + timedelta(days=7 * self._weeks - 1)
        self._race = str(self._draw.choice(_RACES[athlete._sport]))
        self.over = datetime.combine(self._race_day, time(18), tzinfo=UTC)
        self._pipeline = ("simplified", "advanced")[athlete._arm]
        self._grade = str(self._draw.choice(("calibrated", "provisional", "population"), p=(0.6, 0.25, 0.15)))
        self._common = {
            "plan_id": self._id,
            "athlete": athlete._token,
            "coach_id": athlete._coach,
            "experiment_arm": ARMS[athlete._arm],
            "algorithm_version": ("2.0.0", "3.1.0")[athlete._arm],
            "pipeline": self._pipeline,
            "version_number": 1,
        }

    def live(self) -> list[Event]:
        found = self._made()
        reviewed = self._asked + self._hours(9.0)
        found += self._edited(reviewed)
        found.append(self._about("plan.submitted", reviewed, self._impact()))
        if self._draw.random() < 0.07:  # nobody answers
            self.over = reviewed + timedelta(days=21)
            return found
        answered = reviewed + self._hours(6.0)
        changed = [kind for kind, habit in zip(KINDS, self._of._habits, strict=True) if self._draw.random() < habit]
        changes = int(self._draw.integers(1, 12)) if changed else 0
        accepted = {**self._impact(), "changes": changes, "changed": sorted(changed)}
        found.append(self._about("plan.approved", answered, accepted))
        published = answered + self._hours(1.5)
        days = self._days()
        schedule = [{"session_id": _id(self._id, n), "day": day.isoformat()} for n, day in enumerate(days)]
        found.append(self._about("plan.published", published, {**self._impact(), "schedule": schedule}))
        if self._draw.random() < 0.08:  # given up half way
            self.over = self._asked + (self.over - self._asked) / 2
            found += self._trained(schedule)
            return [*found, self._about("plan.superseded", self.over, self._impact())]
        return found + self._trained(schedule) + self._raced()

    def _made(self) -> list[Event]:
        draw, of = self._draw, self._of
        wish = str(draw.choice(("", "advanced", "simplified"), p=(0.6, 0.25, 0.15)))
        outcome = "ok" if draw.random() > 0.015 else "fallback"
        settled = {
            "athlete": of._token,
            "coach_id": of._coach,
            "generation_id": _id(self._id, "generation"),
            "plan_id": self._id,
            "outcome": outcome,
            "latency_ms": round(float(draw.lognormal(6.2, 0.4)), 1),
            "pipeline": self._pipeline,
            "preference": wish,
            "experiment_arm": ARMS[of._arm],
            "variant": ARMS[of._arm].partition(":")[2],
            "algorithm_version": self._common["algorithm_version"],
            "routing_reason": "experiment",
        }
        made = {"grade": self._grade, "race": self._race, "outcome": outcome, "variant": settled["variant"]}
        return [
            self._about("plan.generated", self._asked, {**made, "preference": wish}),
            of._event("generation.settled", of._token, self._asked, settled),
        ]

    def _edited(self, until: datetime) -> list[Event]:
        moments = sorted(
            self._asked + (until - self._asked) * float(x) for x in self._draw.random(self._draw.poisson(1.3))
        )
        return [
            self._about(
                "plan.edited",
                at,
                {
                    "volume_percent": round(float(self._draw.normal(-6, 8)), 1),
                    "load_percent": round(float(self._draw.normal(-5, 8)), 1),
                    "reasons": [str(self._draw.choice(_REASONS))],
                    "is_override": False,
                },
            )
            for at in moments
        ]

    def _days(self) -> list[date]:
        a_week = int(self._draw.integers(3, 7))
        return [
            self._begins + timedelta(days=7 * week + int(day))
            for week in range(self._weeks)
            for day in sorted(self._draw.choice(7, size=a_week, replace=False))
        ]

    def _trained(self, schedule: list[dict[str, str]]) -> list[Event]:
        found, of = [], self._of
        chance = min(of._diligence + of._cohort.effect * of._arm, 0.99)
        for one in schedule:
            day = date.fromisoformat(one["day"])
            at = datetime.combine(day, time(6), tzinfo=UTC) + self._hours(8.0)
            if at >= self.over or self._draw.random() > 0.93:  # of the rest nobody says anything
                continue
            lucky = self._draw.random()
            status = "done" if lucky < chance else "partly" if lucky < chance + 0.08 else "skipped"
            rpe = None if status == "skipped" else int(self._draw.integers(2, 9))
            told = {"session_id": one["session_id"], "status": status, "rpe": rpe, "day": one["day"]}
            found.append(self._about("session.completed", at, told))
        return found

    def _raced(self) -> list[Event]:
        draw, running = self._draw, self._of._sport == "running"
        better = -1 if running else 1  # seconds go down, watts up
        before = float(
            draw.normal(_SECONDS[self._race], 0.1 * _SECONDS[self._race]) if running else draw.normal(255, 40)
        )
        predicted = before * (1 + better * abs(float(draw.normal(0.03, 0.015))))
        spread = {"calibrated": 0.035, "provisional": 0.06, "population": 0.09}[self._grade]
        raced = predicted * (1 + float(draw.normal(0, spread)))
        result = {
            "race": self._race,
            "grade": self._grade,
            "unit": "s" if running else "w",
            "predicted": round(predicted, 2),
            "predicted_low": round(predicted * (1 - 1.64 * spread), 2),
            "predicted_high": round(predicted * (1 + 1.64 * spread), 2),
            "raced": round(raced, 2),
            "error_percent": round(100 * (predicted - raced) / raced, 3),
            "before": round(before, 2),
            "improvement_percent": round(100 * better * (raced - before) / before, 3),
            "raced_on": self._race_day.isoformat(),
        }
        done = self.over + _HOUR
        found = [self._about("race.result", done, result), self._about("plan.completed", done, self._impact())]
        if draw.random() < 0.8:
            score = int(np.clip(round(float(draw.normal(4.15 + 0.1 * self._of._arm, 0.8))), 1, 5))
            found.append(self._about("cycle.rated", done + self._hours(20.0), {"score": score}))
        return found

    def _about(self, kind: str, at: datetime, data: dict[str, Any]) -> Event:
        return self._of._event(kind, self._id, at, {**self._common, **data})

    def _impact(self) -> dict[str, Any]:
        return {"volume_percent": 0.0, "load_percent": 0.0, "reasons": [], "is_override": False}

    def _hours(self, median: float) -> timedelta:
        return timedelta(hours=float(self._draw.lognormal(np.log(median), 0.9)))


def _service(cohort: Cohort) -> Iterator[Event]:
    """Yield the service's hours: busier by day, a bad hour now and then."""
    draw = np.random.default_rng((cohort.seed, 1 << 20))
    first = datetime.combine(cohort.until, time(), tzinfo=UTC) - timedelta(days=cohort.service_days)
    for hour in (first + n * _HOUR for n in range(24 * cohort.service_days - 1)):  # the last is told on the day after
        for place, (route, method, median) in enumerate(_ROUTES):
            requests = int(draw.poisson(12 if 6 <= hour.hour <= 21 else 2))
            if not requests:
                continue
            times = np.searchsorted(_EDGES, draw.lognormal(np.log(median), 0.5, requests))
            names = [str(_EDGES[n]) if n < len(_EDGES) else "inf" for n in times]
            bad = int(draw.binomial(requests, 0.15 if draw.random() < 0.01 else 0.002))
            told = {
                "hour": hour.isoformat(),
                "route": route,
                "method": method,
                "requests": requests,
                "client_errors": int(draw.binomial(requests - bad, 0.01)),
                "server_errors": bad,
                "latency": {name: names.count(name) for name in sorted(set(names))},
            }
            number = _id(cohort.seed, "service", hour, place)
            yield _envelope(number, "service.measured", _id(route), hour + _HOUR, told)
        yield _observed(cohort, hour)


def _observed(cohort: Cohort, hour: datetime) -> Event:
    """Return the service's hour as a whole: up but for a minute now and then."""
    draw = np.random.default_rng((cohort.seed, 1 << 21, int(hour.timestamp())))
    requests, asked = int(draw.poisson(80 if 6 <= hour.hour <= 21 else 12)), int(draw.poisson(4000))
    hits = int(draw.binomial(asked, 0.978))
    told = {
        "hour": hour.isoformat(),
        "requests": requests,
        "total_ms": round(float(draw.lognormal(np.log(85), 0.5, requests).sum()), 3),
        "cache_hits": hits,
        "cache_misses": asked - hits,
        "probes": 60,
        "probes_answered": 60 - int(draw.random() < 0.01),
    }
    return _envelope(_id(cohort.seed, "observed", hour), "service.observed", _id("service"), hour + _HOUR, told)


def _envelope(number: str, kind: str, subject: str, at: datetime, data: dict[str, Any]) -> Event:
    return {
        "specversion": "1.0",
        "id": number,
        "source": SOURCE,
        "type": kind,
        "subject": subject,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "dataschema": urn(kind, _VERSIONS.get(kind, 1)),
        "data": data,
    }


def _moment(event: Event) -> datetime:
    return datetime.fromisoformat(event["time"])


def _id(*parts: object) -> str:
    digest = hashlib.sha256(" ".join(map(str, parts)).encode()).digest()
    return str(UUID(bytes=digest[:16], version=4))
