"""What published versions led to (E3): adherence, change of performance, satisfaction.

A row tells what was known `MATURE` days after its span, and never changes by what is said later: only rows that were
there by then count. So it is available from that moment on and not before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import mean
from typing import Any, Final
from uuid import UUID

from django.db.models import Min

from modeling.models import Test
from plans.features.people import People, Row, of_athletes
from plans.features.planning import batched
from plans.features.training import Known, known_since, start_of
from plans.measures import DONE
from plans.models import (
    CompletionStatus,
    CycleFeedback,
    Decision,
    Plan,
    PlanReview,
    PlanSession,
    PlanVersion,
    SessionCompletion,
)
from plans.workflow import ENDED

BATCH: Final = 100
TEST_AFTER: Final = timedelta(days=14)
MATURE: Final = TEST_AFTER + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A version and the days on which an athlete trained by it, both included."""

    athlete_id: UUID
    plan_id: UUID
    version_id: UUID
    number: int
    submitted_by: UUID | None
    since: date
    until: date

    @property
    def known_at(self) -> datetime:
        return start_of(self.until + MATURE)


@dataclass(frozen=True, slots=True)
class _Facts:
    """due: (session, day) by version. done: (when, share) by plan and session, in the order in which it was said.
    tests: (day, value, from, until) by athlete. ratings: (when, score) by plan."""

    due: dict[UUID, list[tuple[UUID, date]]]
    done: dict[tuple[UUID, UUID], list[tuple[datetime, float]]]
    tests: dict[UUID, list[tuple[date, float, datetime, datetime | None]]]
    ratings: dict[UUID, list[tuple[datetime, float]]]


def outcomes(people: People) -> Iterator[Row]:
    """Yield the outcome of each published version whose span is over and mature."""
    known = known_since(people)
    published = of_athletes(PlanReview, people).filter(decision=Decision.ACCEPT).values_list("plan_id", flat=True)
    for plan_ids in batched(published.distinct().order_by("plan_id").iterator(), BATCH):
        spans = [one for one in _spans(plan_ids, people.as_of) if one.athlete_id in people.athletes]
        mature = [one for one in spans if one.known_at <= people.as_of]
        facts = _facts(mature, known)
        for one in mature:
            yield _outcome(one, facts, people)


def _spans(plan_ids: Sequence[UUID], as_of: datetime) -> Iterator[Span]:
    columns = ("plan_id", "athlete_id", "version_id", "version__version_number", "submission__reviewer_id")
    rows = PlanReview.objects.filter(plan__in=plan_ids, decision=Decision.ACCEPT, created_at__lte=as_of)
    by_plan = defaultdict[UUID, dict[UUID, tuple[Any, ...]]](dict)
    for plan_id, *row in rows.order_by("created_at", "pk").values_list(*columns, "created_at"):
        by_plan[plan_id].setdefault(row[1], tuple(row))  # from the first acceptance on
    ended = Plan.history.model.objects.filter(id__in=plan_ids, status__in=sorted(ENDED), history_date__lte=as_of)
    ends = dict(ended.order_by().values_list("id").annotate(at=Min("history_date")))
    last = _last_days([version_id for found in by_plan.values() for version_id in found])
    for plan_id, found in by_plan.items():
        listed = list(found.values())
        for row, following in zip(listed, [*listed[1:], None], strict=True):
            athlete_id, version_id, number, submitted_by, at = row
            limits = [last[version_id]]
            limits += [following[-1].date() - timedelta(days=1)] if following else []
            limits += [ends[plan_id].date()] if plan_id in ends else []
            if min(limits) >= at.date():
                yield Span(athlete_id, plan_id, version_id, number, submitted_by, at.date(), min(limits))


def _last_days(version_ids: Sequence[UUID]) -> dict[UUID, date]:
    """Return the last day of each version's plan."""
    found = {}
    rows = PlanVersion.objects.filter(pk__in=version_ids).order_by()
    for pk, weeks, race_date in rows.values_list("pk", "weeks_json", "plan__race_date"):
        mondays = [date.fromisoformat(week["monday"]) for week in weeks]
        found[pk] = max(mondays) + timedelta(days=6) if mondays else race_date
    return found


def _facts(spans: Iterable[Span], known: Known) -> _Facts:
    listed = list(spans)
    facts = _Facts(defaultdict(list), defaultdict(list), defaultdict(list), defaultdict(list))
    plans, athletes = {one.plan_id for one in listed}, {one.athlete_id for one in listed}
    due = PlanSession.objects.filter(version__in=[one.version_id for one in listed]).exclude(kind__in=("rest", "race"))
    for version_id, session_id, day in due.order_by().values_list("version_id", "session_id", "day").iterator():
        facts.due[version_id].append((session_id, day))
    said = SessionCompletion.objects.filter(plan__in=plans).order_by("pk")
    for plan_id, session_id, status, at in said.values_list("plan_id", "session_id", "status", "created_at").iterator():
        facts.done[plan_id, session_id].append((at, DONE[CompletionStatus(status)]))
    tests = Test.objects.filter(athlete__in=athletes).order_by("day", "pk")
    columns = ("pk", "athlete_id", "day", "value", "created_at", "deleted_at")
    for pk, athlete_id, day, value, at, gone in tests.values_list(*columns).iterator():
        facts.tests[athlete_id].append((day, value, known.row(pk, at), gone))
    rated = PlanReview.objects.filter(plan__in=plans, rating__isnull=False, is_override=False).order_by("pk")
    cycles = CycleFeedback.objects.filter(plan__in=plans).order_by("pk")
    for rows, score in ((rated, "rating"), (cycles, "score")):
        for plan_id, at, value in rows.values_list("plan_id", "created_at", score):
            facts.ratings[plan_id].append((at, float(value)))
    return facts


def _outcome(span: Span, facts: _Facts, people: People) -> Row:
    known_at = span.known_at
    due = [pk for pk, day in facts.due[span.version_id] if span.since <= day <= span.until]
    shares = []
    for pk in due:
        said = [share for at, share in facts.done[span.plan_id, pk] if at < known_at]
        shares.append(said[-1] if said else 0.0)
    ratings = [score for at, score in facts.ratings[span.plan_id] if span.since <= at.date() <= span.until]
    return {
        "athlete": people.athletes[span.athlete_id],
        "plan": str(span.plan_id),
        "version_number": span.number,
        "coach": people.coach(span.submitted_by),
        "from_day": span.since,
        "until_day": span.until,
        "due": len(due),
        "done": float(sum(shares)),
        "improvement_percent": _improvement(span, facts.tests[span.athlete_id]),
        "satisfaction": mean(ratings) if ratings else None,
        "event_at": start_of(span.until + timedelta(days=1)),
        "available_at": known_at,
    }


def _improvement(span: Span, tests: Sequence[tuple[date, float, datetime, datetime | None]]) -> float | None:
    """Return by how many percent the last test of the span, or of the days after it, beats the last one before it."""
    known_at = span.known_at
    held = [(day, value) for day, value, at, gone in tests if at < known_at and (gone is None or gone >= known_at)]
    before = [value for day, value in held if day < span.since]
    after = [value for day, value in held if span.since <= day <= span.until + TEST_AFTER]
    return 100 * (after[-1] / before[-1] - 1) if before and after else None
