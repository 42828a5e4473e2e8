"""What an edit does to race day: the predicted change with its interval, the curves, the guards it breaks. Pure.

Two predictions of one athlete share everything that is not known about them, so the interval of their difference comes
from the joint posterior: at each of its nodes the difference is linear in the loads, `(slope·Δw)ᵀβ`, Gaussian in β, and
free of the race's own noise and of the drift. Subtracting the ends of two intervals would claim an uncertainty that
both plans have in common.

Where recent tests hold a prediction back (`plausible_range`), the baseline is held and both sides move with it:
clamping each for itself would show no change at all for an athlete at the edge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from common.newest import Newest
from modeling.core.conventions import pmc
from modeling.core.guards import GUARDS, TOLERANCE, Floats
from modeling.core.performance import RACES, race_time
from modeling.core.prediction import RaceDayResponse, mixture_quantiles
from plans.pipelines.checks import plan_breaches, relaxations
from plans.pipelines.contract import (
    AthleteSnapshot,
    PlannedSession,
    PlannedWeek,
    PredictedOutcome,
    RaceGoal,
    Relaxation,
)
from plans.pipelines.predict import LEAST, believed, usual_performance, weekly_hours
from plans.pipelines.registry import GRADES_FOR_ADVANCED
from plans.pipelines.response import Response, individual_response, population_response
from plans.pipelines.start import start_state

SAFETY: Final = frozenset(
    {"rest_day", "hard_spacing", "daily_cap", "session_growth", "growth", "recovery_week", "form_floor", "ctl_ramp"}
)
"""Guards against overload. The others are about the race (form, taper), the week's shape and the athlete's diary."""
LEVEL: Final = 0.8
MOST_SIDES: Final = 8

Sessions = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class WhatIfContext:
    """What a what-if knows of athlete and plan; made once, it serves any number of edits.

    share: how far the baseline's prediction was held back to stay plausible, 1 where it was not.
    """

    athlete: AthleteSnapshot
    goal: RaceGoal
    weeks: tuple[dict[str, Any], ...]
    response: Response
    ctl: float
    atl: float
    share: float
    sides: Newest[tuple[Any, ...], Side] = field(default_factory=lambda: Newest(MOST_SIDES), compare=False, repr=False)

    @property
    def n_days(self) -> int:
        """Return the days from today to the race, the race's not counted."""
        return (self.goal.race_date - self.athlete.today).days


@dataclass(frozen=True)
class Difference:
    """after − before on race day with its interval; seconds, positive is slower."""

    value: float
    low: float
    high: float
    unit: str = "s"
    level: float = LEVEL


@dataclass(frozen=True)
class BrokenGuard:
    """A guard that the edited plan breaks; `new`: the plan before did not, or by less."""

    guard: str
    amount: float
    unit: str
    where: str
    message: str
    safety: bool
    new: bool


@dataclass(frozen=True)
class Curves:
    """Fitness, fatigue and form (CTL, ATL, TSB) on each morning from today to the race, (n_days + 1,) load a day."""

    fitness: Floats
    fatigue: Floats
    form: Floats


@dataclass(frozen=True)
class Side:
    """What one set of sessions comes to."""

    loads: Floats
    outcome: PredictedOutcome
    curves: Curves
    broken: tuple[Relaxation, ...]


@dataclass(frozen=True)
class WhatIf:
    """The answer; `delta` is None where nothing is known that would tell the two plans apart."""

    before: PredictedOutcome
    after: PredictedOutcome
    delta: Difference | None
    days: tuple[date, ...]
    before_curves: Curves
    after_curves: Curves
    guards: tuple[BrokenGuard, ...]


def context_of(
    athlete: AthleteSnapshot, goal: RaceGoal, weeks: Sequence[dict[str, Any]], baseline: Sessions
) -> WhatIfContext:
    """Return the context of a plan; `weeks` are a version's week frames, `baseline` the machine's own sessions.

    Planned loads of days before `athlete.today` are ignored: what happened is in the athlete's history. Of the target
    of a week under way, the share that the baseline left for the days from today on remains.
    """
    trusted = athlete.grade in GRADES_FOR_ADVANCED
    response = (individual_response(athlete, goal) if trusted else None) or population_response(athlete, goal)
    start = start_state(athlete)
    found = response.performance(_loads(baseline, athlete.today, goal)) or usual_performance(athlete)
    share = believed(athlete, goal, found)[0] / found[0]
    ahead = (w for w in weeks if date.fromisoformat(w["monday"]) + timedelta(days=7) > athlete.today)
    frames = tuple(_frame_left(week, baseline, athlete.today) for week in ahead)
    return WhatIfContext(athlete, goal, frames, response, start.ctl, start.atl, share)


def _frame_left(frame: dict[str, Any], baseline: Sessions, today: date) -> dict[str, Any]:
    """Return a week's frame with the target of its days from today on; a share, so that the tolerance keeps its size.

    The race is no part of a target.
    """
    monday = date.fromisoformat(frame["monday"])
    if monday >= today:
        return frame
    days = {(monday + timedelta(days=i)).isoformat() for i in range(7)}
    week = [entry for entry in baseline.values() if entry["day"] in days and entry["kind"] != "race"]
    total = sum(entry["load"] for entry in week)
    left = sum(entry["load"] for entry in week if entry["day"] >= today.isoformat())
    return frame | {"target_load": frame["target_load"] * left / total if total else frame["target_load"]}


def what_if(context: WhatIfContext, before: Sessions, after: Sessions) -> WhatIf:
    """Return what an edit from `before` to `after` (entries by session id) does."""
    old, new = _side(context, before), _side(context, after)
    today = context.athlete.today
    return WhatIf(
        before=old.outcome,
        after=new.outcome,
        delta=_difference(context, old.loads, new.loads, new.outcome.value - old.outcome.value),
        days=tuple(today + timedelta(days=i) for i in range(context.n_days + 1)),
        before_curves=old.curves,
        after_curves=new.curves,
        guards=_guards(old, new),
    )


def outcome_of(context: WhatIfContext, sessions: Sessions) -> PredictedOutcome:
    """Return the predicted outcome of sessions (entries by session id) alone."""
    return _outcome(context, _loads(sessions, context.athlete.today, context.goal))


def _side(context: WhatIfContext, sessions: Sessions) -> Side:
    """Return what sessions come to; a few are kept, so that the head need not be looked at anew with every edit."""
    key = tuple(sorted((e["day"], e["kind"], e["load"], *_minutes(e["prescribed_work"])) for e in sessions.values()))
    found = context.sides.get(key)
    if found is None:
        loads = _loads(sessions, context.athlete.today, context.goal)
        found = Side(loads, _outcome(context, loads), _curves(context, loads), _broken(context, sessions))
        context.sides.put(key, found)
    return found


def _minutes(work: Mapping[str, Any]) -> tuple[float, float]:
    return float(work.get("duration_min") or 0.0), float(work.get("hard_min") or 0.0)


def as_json(found: WhatIf) -> dict[str, Any]:
    """Return the answer as the API shows it: times to a tenth of a second, curves to a tenth."""
    return {
        "before": asdict(found.before),
        "after": asdict(found.after),
        "delta": asdict(found.delta) if found.delta else None,
        "days": [day.isoformat() for day in found.days],
        "before_series": _series(found.before_curves),
        "after_series": _series(found.after_curves),
        "guards": [asdict(guard) for guard in found.guards],
    }


def _series(curves: Curves) -> dict[str, list[float]]:
    return {name: [round(float(v), 1) for v in getattr(curves, name)] for name in ("fitness", "fatigue", "form")}


def _loads(sessions: Sessions, today: date, goal: RaceGoal) -> Floats:
    """Return the planned load of each day from today up to the day before the race, (n_days,) TSS."""
    loads = np.zeros(max((goal.race_date - today).days, 0))
    for entry in sessions.values():
        index = (date.fromisoformat(entry["day"]) - today).days
        if 0 <= index < len(loads):
            loads[index] += entry["load"]
    return loads


def _outcome(context: WhatIfContext, loads: Floats) -> PredictedOutcome:
    found = context.response.performance(loads) or usual_performance(context.athlete)
    value, low, high = (max(context.share * p, LEAST[context.athlete.sport]) for p in found)
    times = [round(_seconds(context, p, loads), 1) for p in (value, high, low)]
    return PredictedOutcome(times[0], times[1], times[2], "s", LEVEL)


def _seconds(context: WhatIfContext, performance: float, loads: Floats) -> float:
    return float(race_time(RACES[context.goal.race], performance, weekly_hours=weekly_hours(loads)))


def _difference(context: WhatIfContext, old: Floats, new: Floats, value: float) -> Difference | None:
    """Return the difference in seconds; its interval is that of the performance difference, laid around `value`."""
    model = context.response.prediction
    if model is None:
        return None
    if np.array_equal(old, new):
        return Difference(0.0, 0.0, 0.0)
    mean, low, high = _performance_difference(model, np.concatenate([np.zeros(context.response.gap_days), new - old]))
    base = max(context.share * model.expected(np.concatenate([np.zeros(context.response.gap_days), old])), 1e-6)
    least = LEAST[context.athlete.sport]
    middle, slow, fast = (_seconds(context, max(base + context.share * step, least), new) for step in (mean, low, high))
    return Difference(round(value, 1), round(value + fast - middle, 1), round(value + slow - middle, 1))


def _performance_difference(model: RaceDayResponse, step: Floats) -> tuple[float, float, float]:
    """Return mean and central interval of the difference in performance that (n_days,) more load makes."""
    regressors = model.slope @ step
    means = np.einsum("kp,kp->k", regressors, model.mean)
    spread = np.sqrt(np.maximum(np.einsum("kp,kpq,kq->k", regressors, model.cov, regressors), 1e-18))
    tails = np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    low, high = mixture_quantiles(model.weight, means[:, None], spread[:, None], tails)
    return float(model.scale * (model.weight @ means)), float(model.scale * low[0]), float(model.scale * high[0])


def _curves(context: WhatIfContext, loads: Floats) -> Curves:
    states = pmc(loads, context.ctl, context.atl)
    return Curves(states.ctl, states.atl, states.tsb)


def _guards(before: Side, after: Side) -> tuple[BrokenGuard, ...]:
    """Return what the edited plan breaks, the new ones first."""
    known: dict[tuple[str, str], float] = {}
    for r in before.broken:  # two sessions of one day can break the same guard
        known[r.guard, r.week_or_day] = max(r.amount, known.get((r.guard, r.week_or_day), 0.0))
    found = [
        BrokenGuard(
            guard=r.guard,
            amount=round(r.amount, 2),
            unit=r.unit,
            where=r.week_or_day,
            message=r.message,
            safety=r.guard in SAFETY,
            new=r.amount > known.get((r.guard, r.week_or_day), 0.0) + TOLERANCE.get(r.unit, 1e-6),
        )
        for r in after.broken
    ]
    return tuple(sorted(found, key=lambda g: (not g.new, not g.safety, GUARDS[g.guard].order)))


def _broken(context: WhatIfContext, sessions: Sessions) -> tuple[Relaxation, ...]:
    today = context.athlete.today
    return relaxations(plan_breaches(today, _weeks(context, sessions), context.athlete, context.goal), today)


def _weeks(context: WhatIfContext, sessions: Sessions) -> tuple[PlannedWeek, ...]:
    """Return the weeks still ahead with the sessions from today on, as the guards look at them."""
    by_monday: dict[date, list[PlannedSession]] = defaultdict(list)
    for session_id, entry in sessions.items():
        day = date.fromisoformat(entry["day"])
        if day >= context.athlete.today:
            by_monday[day - timedelta(days=day.weekday())].append(_planned(session_id, day, entry))
    weeks = []
    for frame in context.weeks:
        monday = date.fromisoformat(frame["monday"])
        found = tuple(sorted(by_monday[monday], key=lambda s: s.day))
        weeks.append(
            PlannedWeek(frame["number"], monday, frame["phase"], frame["is_recovery"], frame["target_load"], found)
        )
    return tuple(weeks)


def _planned(session_id: str, day: date, entry: Mapping[str, Any]) -> PlannedSession:
    return PlannedSession(
        session_id=session_id,
        day=day,
        modality=entry["modality"],
        kind=entry["kind"],
        title=entry["title"],
        prescribed_work=entry["prescribed_work"],
        load=entry["load"],
        key_session=entry["key_session"],
    )
