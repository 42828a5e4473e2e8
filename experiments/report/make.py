"""A report from an experiment's facts and its looks. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from experiments.analysis import Comparison, NotIdentified, Span, Tuning
from experiments.analysis.sequences import boundary, steps
from experiments.judging import treatments_of, tuning_of
from experiments.looks import Look
from experiments.report.balance import balance_of, sample_ratio_of
from experiments.report.compare import Rows, compare, families_of, planned_for, rows_of
from experiments.report.headline import headline
from experiments.report.model import (
    Facts,
    Funnel,
    Judged,
    Outlook,
    Phase,
    Point,
    Pooled,
    Report,
    Stand,
    Treatment,
)

DAY: Final = timedelta(days=1)


def looks_until(looks: Sequence[Look], as_of: datetime | None = None) -> Sequence[Look]:
    """Return the looks up to the newest one at or before a moment, or all; none where there is none."""
    return [look for look in looks if as_of is None or look.as_of <= as_of]


def report(facts: Facts, looks: Sequence[Look], *, as_of: datetime | None = None, now: datetime) -> Report:
    """Tell what came of an experiment as of a look; later looks change nothing of it.

    Args:
        looks: the oldest first. as_of: the newest look at or before it is told, the newest of all without it.

    Raises:
        ValueError: there is no such look.
    """
    told = looks_until(looks, as_of)
    if not told:
        raise ValueError("there is no look at or before that moment")
    last, ratio = told[-1], sample_ratio_of(facts, told)
    treatments = () if ratio.mismatch else _treatments(facts, told)
    phase = phase_at(facts, last.as_of)
    balance = balance_of(facts, told, ratio, lambda moment: phase_at(facts, moment).day)
    return Report(
        key=facts.key,
        name=facts.name,
        synthetic=facts.synthetic,
        status=facts.status,
        ended_by=facts.ended_by,
        protocol_sha256=facts.protocol.sha256,
        alpha=facts.protocol.alpha,
        number=last.number,
        as_of=last.as_of,
        age=max(now - last.as_of, timedelta(0)),
        next_look=_next_look(facts, last.as_of),
        phase=phase,
        arms=_arms(facts),
        control=facts.protocol.control,
        weights=facts.weights[max(facts.weights)],
        funnel=_funnel(last, hidden=ratio.mismatch),
        strata=last.strata,
        balance=balance,
        hidden=ratio.mismatch,
        headline=headline(facts, phase, balance, treatments),
        families=families_of(facts),
        treatments=treatments,
        pooled=_pooled(facts, last) if ratio.mismatch else (),
    )


def phase_at(facts: Facts, moment: datetime) -> Phase:
    """Return the day of an experiment at a moment: days begin at its start, the first is 1."""
    ends = _ends(facts, moment)
    of = None if facts.end_at is None else max(math.ceil((facts.end_at - facts.start_at) / DAY), 1)
    return Phase(max(math.ceil((min([moment, *ends]) - facts.start_at) / DAY), 1), of, bool(ends))


def span_at(facts: Facts, moment: datetime) -> Span:
    """Return the days that were counted at a look.

    The start's day and the day in which a look is taken at midnight count as whole; of an experiment that is over, its
    own length counts. A look in the middle of a day has part of a day, and is none of whole weeks.
    """
    ends = _ends(facts, moment)
    first, days = facts.start_at.astimezone(UTC).date(), (min([moment, *ends]) - facts.start_at) / DAY
    if ends or moment == _midnight(moment):
        of = math.ceil(days) if ends else (moment.astimezone(UTC).date() - first).days
        return Span(first, first + DAY * (max(of, 1) - 1), facts.protocol.fewest_weeks)
    today = moment.astimezone(UTC).date()
    before = Span(first, max(today - DAY, first), facts.protocol.fewest_weeks)
    return Span(first, today, facts.protocol.fewest_weeks) if before.whole else before


def _ends(facts: Facts, moment: datetime) -> list[datetime]:
    return [end for end in (facts.end_at, facts.ended_at) if end is not None and end <= moment]


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _next_look(facts: Facts, as_of: datetime) -> datetime | None:
    following = _midnight(as_of) + DAY
    over = facts.looked_until is not None and following > _midnight(facts.looked_until)
    return None if over else following


def _arms(facts: Facts) -> tuple[str, ...]:
    control = facts.protocol.control
    return (control, *sorted({name for one in facts.weights.values() for name in one} - {control}))


def _funnel(look: Look, *, hidden: bool) -> Funnel:
    immature = {name: found.immature for name, found in look.measured.items() if not hidden}
    counts = {name: dict(getattr(look, name)) for name in ("assigned", "exposed", "members", "excluded")}
    return Funnel(**counts, held_out=look.held_out, immature=immature, late=look.late, coaches=look.coaches)


def _pooled(facts: Facts, look: Look) -> tuple[Pooled, ...]:
    found = []
    for rule in facts.protocol.guardrails:
        measured = look.measured.get(rule.metric)
        arms = [arm for arm in measured.arms.values() if arm.value is not None and arm.n] if measured else []
        n = sum(arm.n for arm in arms)
        value = sum(arm.n * (arm.value or 0.0) for arm in arms) / n if n else None
        # Of one arm alone the sum over all would be that arm's.
        found.append(Pooled(facts.metrics[rule.metric], n, value if len(arms) > 1 else None))
    return tuple(found)


def _treatments(facts: Facts, looks: Sequence[Look]) -> tuple[Treatment, ...]:
    last = looks[-1]
    rows, judged = rows_of(facts, looks, span_at(facts, last.as_of)), _judged(facts, looks)
    return tuple(
        Treatment(
            name=name,
            control=facts.protocol.control,
            primary=rows[name].primary,
            goals=rows[name].goals,
            guardrails=rows[name].guardrails,
            course=_course(facts, looks, name),
            outlook=_outlook(facts, last, name),
            judged=judged.get(name),
        )
        for name in treatments_of(facts.protocol, facts.weights[1])
    )


def _judged(facts: Facts, looks: Sequence[Look]) -> Mapping[str, Judged]:
    """Return what the newest look at the end of a whole week said of the primary metric, where it was not the last."""
    index = next((i for i in reversed(range(len(looks))) if span_at(facts, looks[i].as_of).whole), None)
    if index is None or index == len(looks) - 1:
        return {}
    look = looks[index]
    rows: Mapping[str, Rows] = rows_of(facts, looks[: index + 1], span_at(facts, look.as_of))
    return {name: Judged(look.number, look.as_of, one.primary.finding) for name, one in rows.items()}


def _course(facts: Facts, looks: Sequence[Look], treatment: str) -> tuple[Point, ...]:
    found = []
    for look in looks:
        compared = compare(facts, look, treatment, facts.protocol.primary)
        day = phase_at(facts, look.as_of).day
        if isinstance(compared, NotIdentified):
            found.append(Point(look.number, look.as_of, day, None, None, None))
        else:
            between = compared.interval
            found.append(Point(look.number, look.as_of, day, compared.pair.difference, between.low, between.high))
    return tuple(found)


def _outlook(facts: Facts, look: Look, treatment: str) -> Outlook | None:
    compared = compare(facts, look, treatment, facts.protocol.primary)
    if isinstance(compared, NotIdentified):
        return None
    protocol, between = facts.protocol, compared.interval
    worst = -between.low if facts.metrics[protocol.primary].higher_is_better else between.high
    return Outlook(
        none=Stand.RULED_OUT if between.excludes_zero else Stand.POSSIBLE,
        target=None if protocol.target is None else _stand(protocol.target, between.low, between.high),
        similar=None if protocol.similar is None else _similar(compared, protocol.similar),
        worst=max(worst, 0.0),
        half_width=_half_width(compared, tuning_of(protocol, facts.weights[1], treatment), protocol.alpha),
        planned=planned_for(facts, treatment),
        next=None if _ends(facts, look.as_of) else span_at(facts, look.as_of + DAY).judged_on,
    )


def _stand(target: float, low: float, high: float) -> Stand:
    """Return how an interval lies to a difference that matters, which may be one downwards."""
    least, most = (low, high) if target >= 0 else (-high, -low)
    if most < abs(target):
        return Stand.RULED_OUT
    return Stand.REACHED if least >= abs(target) else Stand.POSSIBLE


def _similar(compared: Comparison, margin: float) -> Stand:
    lifts = compared.lifts
    if lifts.within(margin):
        return Stand.REACHED
    outside = lifts.bounded and lifts.low is not None and lifts.high is not None
    if outside and (lifts.low >= margin or lifts.high <= -margin):  # type: ignore[operator]
        return Stand.RULED_OUT
    return Stand.POSSIBLE


def _half_width(compared: Comparison, tuning: Tuning, alpha: float) -> float | None:
    """Return about how wide the interval will be to either side at the planned subjects, if they are like those so far.

    The standard error goes with the square root of the subjects, by as many coaches as now.
    """
    pair = compared.pair
    n = pair.n_treatment + pair.n_control
    if n >= tuning.planned_n:
        return None
    return steps(boundary(tuning.u(tuning.planned_n), alpha), pair.df) * pair.se * math.sqrt(n / tuning.planned_n)
