"""Facts about answers as they come, and the minutes they add up to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Athlete
from common.context import unit_of_work
from common.stats.histogram import Histogram
from common.stats.streak import Streak
from rollout.attribution import Attribution, attributed
from rollout.evaluation import Subject
from rollout.gates.evidence import Arm, Tally
from rollout.gates.look import MINUTE
from rollout.lifecycle import EXPOSING
from rollout.models import OutcomeFact, OutcomeKind, OutcomeMinute, Rollout
from rollout.runs import is_killed
from rollout.selectors import evaluate
from rollout.services.steps import ENGINE

MOST = 5_000
"""Facts rolled up in one transaction."""

ONCE: Final[Mapping[str, Mapping[str, Any]]] = {
    "subjects": {"kind": OutcomeKind.ANSWER},
    "reporters": {"kind": OutcomeKind.REPORT},
    "critical_reporters": {"kind": OutcomeKind.REPORT, "critical": True},
}
"""What counts a person once in a stage, and by which facts."""


def record_answer(
    *,
    attribution: Attribution | None,
    athlete_id: UUID,
    source_id: UUID,
    latency_ms: float | None,
    failed: bool = False,
    fallback: bool = False,
    invalid: bool = False,
    unsafe: bool = False,
    cost_seconds: float = 0.0,
) -> OutcomeFact | None:
    """Keep the outcome of one answered request, in the transaction of the answer; told twice it counts once.

    None where no arm answered.

    A fallback counts as the new arm's failure: else falling back would hide a regression.
    """
    where = _columns(attribution)
    if where is None:
        return None
    outcome = {
        "athlete_id": athlete_id,
        "failed": failed or fallback,
        "fallback": fallback,
        "invalid": invalid,
        "unsafe": unsafe,
        "latency_ms": latency_ms,
        "cost_seconds": cost_seconds,
    }
    return OutcomeFact.objects.get_or_create(
        kind=OutcomeKind.ANSWER, source_id=source_id, defaults={**where, **outcome}
    )[0]


def record_fact(
    *,
    flag_key: str,
    athlete_id: UUID,
    kind: OutcomeKind,
    source_id: UUID,
    about: UUID | None = None,
    **values: bool | int,
) -> OutcomeFact | None:
    """Keep what is told later of an answer: a decision, a rating, a report; told twice it counts once.

    Args:
        about: the source of the answer (a generation); without it the athlete's newest answer under the live run.
        values: `accepted`, `rating` or `critical`.
    """
    where = _where(flag_key, athlete_id, about)
    if where is None:
        return None
    defaults = {"athlete_id": athlete_id, **where, **values}
    return OutcomeFact.objects.get_or_create(kind=kind, source_id=source_id, defaults=defaults)[0]


def _where(flag_key: str, athlete_id: UUID, about: UUID | None) -> dict[str, Any] | None:
    """Return run, stage and arm of the answer that a later fact is about; without one, of the athlete as of now."""
    answers = OutcomeFact.objects.filter(kind=OutcomeKind.ANSWER, athlete_id=athlete_id, rollout__flag__name=flag_key)
    if about is not None:
        answers = answers.filter(source_id=about)
    else:
        answers = answers.filter(rollout__state__in=[state.value for state in EXPOSING])
    answer = answers.order_by("-id").first()
    if answer is not None:
        return {"rollout_id": answer.rollout_id, "stage": answer.stage, "arm": answer.arm, "invited": answer.invited}
    if about is not None:
        return None
    tier = Athlete.objects.filter(pk=athlete_id).values_list("tier", flat=True).first()
    return _columns(attributed(evaluate(flag_key, Subject(str(athlete_id), tier or ""))))


def _columns(where: Attribution | None) -> dict[str, Any] | None:
    if where is None:
        return None
    run_id, arm = UUID(where.rollout_id), where.arm.value
    return {"rollout_id": run_id, "stage": where.stage, "arm": arm, "invited": where.invited}


def roll_up(*, at: datetime) -> int:
    """Count what came since the last look into the minute that has just ended, once a minute; return how many facts.

    A minute that was counted never changes, since decisions rest on it: what is committed late, or comes between two
    looks in one minute, counts in the next one and is not lost.
    """
    minute, counted, first = at.replace(second=0, microsecond=0) - MINUTE, 0, True
    while True:
        with unit_of_work(ENGINE):
            if first and not _claimed(minute, at):
                return 0
            facts = list(_uncounted())
            for (run_id, stage), found in _by_stage(facts).items():
                _add(run_id, stage, minute, found)
            OutcomeFact.objects.filter(pk__in=[fact.pk for fact in facts]).update(rolled_up=True)
        counted, first = counted + len(facts), False
        if len(facts) < MOST:
            return counted


def _uncounted() -> QuerySet[OutcomeFact]:
    return OutcomeFact.objects.select_for_update(skip_locked=True).filter(rolled_up=False).order_by("id")[:MOST]


def _claimed(minute: datetime, at: datetime) -> bool:
    """Mark the minute of each run as watched; return whether there was one that nobody had marked, or none at all."""
    exposing = list(Rollout.objects.filter(state__in=[s.value for s in EXPOSING]).select_related("flag"))
    marked = [_marked(run, minute, at) for run in exposing]
    return any(marked) or not exposing


def _marked(run: Rollout, minute: datetime, at: datetime) -> bool:
    watched = {"watched_at": at, "killed": is_killed(run.flag)}
    row, fresh = OutcomeMinute.objects.get_or_create(rollout=run, stage=run.stage, minute=minute, defaults=watched)
    # Later minutes were watched already where the clock went back: these are not two looks in one minute.
    return fresh or OutcomeMinute.objects.filter(rollout=run, minute__gt=row.minute).exists()


def _by_stage(facts: Sequence[OutcomeFact]) -> Mapping[tuple[UUID, int], list[OutcomeFact]]:
    found: dict[tuple[UUID, int], list[OutcomeFact]] = defaultdict(list)
    for fact in facts:
        found[fact.rollout_id, fact.stage].append(fact)
    return found


def _add(run_id: UUID, stage: int, minute: datetime, facts: list[OutcomeFact]) -> None:
    row, _ = OutcomeMinute.objects.select_for_update().get_or_create(rollout_id=run_id, stage=stage, minute=minute)
    firsts = _first_told(run_id, stage, facts)
    for arm in Arm:
        column = f"{arm.value}_json"
        tally = Tally.from_json(getattr(row, column))
        for fact in facts:
            if fact.arm == arm.value:
                tally += tally_of(fact, first=firsts.get(fact.pk, ()))
        setattr(row, column, tally.as_json())
    row.save(update_fields=["new_json", "control_json"])


def _first_told(run_id: UUID, stage: int, facts: list[OutcomeFact]) -> dict[UUID, list[str]]:
    """Return, by fact, what it is its subject's first of since the stage's evidence counts."""
    since = Rollout.objects.values_list("fresh_from", flat=True).get(pk=run_id)
    found: dict[UUID, list[str]] = defaultdict(list)
    for name, what in ONCE.items():
        first: dict[UUID, UUID] = {}
        for fact in facts:
            if all(getattr(fact, column) == value for column, value in what.items()):
                first.setdefault(fact.athlete_id, fact.pk)
        if not first:
            continue
        known = OutcomeFact.objects.filter(rollout=run_id, stage=stage, rolled_up=True, athlete_id__in=first, **what)
        known = known.filter(created_at__gte=since) if since else known
        for athlete_id in known.values_list("athlete_id", flat=True):
            first.pop(athlete_id, None)
        for key in first.values():
            found[key].append(name)
    return found


def tally_of(fact: OutcomeFact, *, first: Collection[str]) -> Tally:
    """Return what one fact adds to its arm; `first` names what (of `ONCE`) it counts its subject for."""
    once: dict[str, Any] = dict.fromkeys(first, 1)
    match fact.kind:
        case OutcomeKind.ANSWER:
            return Tally(
                answered=1,
                invited=int("subjects" in first and fact.invited),
                failed=int(fact.failed),
                fallback=int(fact.fallback),
                invalid=int(fact.invalid),
                unsafe=int(fact.unsafe),
                cost_seconds=fact.cost_seconds,
                latency=Histogram() if fact.latency_ms is None else Histogram.of(fact.latency_ms),
                streak=Streak.of([fact.failed]),
                **once,
            )
        case OutcomeKind.DECISION:
            return Tally(decided=1, accepted=int(bool(fact.accepted)))
        case OutcomeKind.RATING:
            rating = float(fact.rating or 0)
            return Tally(rated=1, rating_sum=rating, rating_squares=rating * rating)
    return Tally(reports=1, critical=int(fact.critical), unsafe=int(fact.unsafe), **once)
