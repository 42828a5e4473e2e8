"""What people decided: reviews, overrides of the machine's sessions, completions, ratings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django.db.models import F, QuerySet

from plans.document import Content, parsed, session_texts
from plans.document.adjustments import adjustments
from plans.features.people import People, Row, of_athletes
from plans.features.planning import batched
from plans.features.training import start_of
from plans.models import (
    CycleFeedback,
    Decision,
    PlanContent,
    PlanReview,
    PlanVersion,
    PlanVersionChange,
    SessionCompletion,
)
from plans.selectors import content_of

BATCH: Final = 50


@dataclass(frozen=True, slots=True, order=True)
class Submission:
    """A coach's submission of an edited version; whatever its overrides follow from is here, or never changes."""

    at: datetime
    review_id: UUID
    plan_id: UUID
    athlete_id: UUID
    version_id: UUID
    baseline_id: UUID
    number: int
    baseline_number: int
    coach: str
    reason: str


def of_coaches(rows: QuerySet[PlanReview]) -> QuerySet[PlanReview]:
    """Return the reviews without what athletes submit themselves when they move a session: no coach looked at that."""
    return rows.exclude(decision=Decision.SUBMIT, reviewer_id=F("athlete__user_id"))


def reviews(people: People) -> Iterator[Row]:
    """Yield decisions; the coach of a decision about a submission is who submitted."""
    what = ("pk", "athlete_id", "plan_id", "version__version_number", "version__baseline__version_number")
    columns = (*what, "reviewer_id", "submission__reviewer_id", "decision", "is_override", "rating", "created_at")
    rows = of_coaches(of_athletes(PlanReview, people)).values_list(*columns).iterator()
    for pk, athlete_id, plan_id, number, baseline, by, submitted_by, decision, instead, rating, at in rows:
        if token := people.athletes.get(athlete_id):
            yield {
                "athlete": token,
                "review": str(pk),
                "plan": str(plan_id),
                "version_number": number,
                "baseline_number": baseline or number,
                "coach": people.coach(submitted_by or by),
                "decision": decision,
                "is_override": instead,
                "rating": rating,
                "event_at": at,
                "available_at": at,
            }


def submissions(people: People) -> Iterator[Submission]:
    """Yield the submissions of versions that somebody edited."""
    rows = of_coaches(of_athletes(PlanReview, people)).filter(decision=Decision.SUBMIT, version__baseline__isnull=False)
    columns = ("created_at", "pk", "plan_id", "athlete_id", "version_id", "version__baseline_id")
    numbers = ("version__version_number", "version__baseline__version_number")
    for row in rows.values_list(*columns, *numbers, "reviewer_id", "reason").iterator():
        at, pk, plan_id, athlete_id, version_id, baseline_id, number, baseline_number, by, reason = row
        if athlete_id in people.athletes:
            ids = (pk, plan_id, athlete_id, version_id, baseline_id)
            yield Submission(at, *ids, number, baseline_number, people.coach(by) or "", reason)


def overrides_of(people: People, wanted: Sequence[Submission]) -> Iterator[Row]:
    """Yield what submissions changed in the machine's sessions, net: what was changed and changed back is no row."""
    for batch in batched(iter(wanted), BATCH):
        contents = _contents(batch)
        reasons = _reasons(batch)
        for one in batch:
            before, after = contents[one.baseline_id], contents[one.version_id]
            for found in adjustments(before[0], after[0], (before[1], after[1])):
                yield {
                    **asdict(found),
                    "athlete": people.athletes[one.athlete_id],
                    "review": str(one.review_id),
                    "plan": str(one.plan_id),
                    "version_number": one.number,
                    "baseline_number": one.baseline_number,
                    "coach": one.coach or None,
                    "session": found.session_id,
                    "day": date.fromisoformat(found.day),
                    "reason": reasons[one.review_id].get(found.session_id) or one.reason or None,
                    "event_at": one.at,
                    "available_at": one.at,
                }


def completions(people: People) -> Iterator[Row]:
    """Yield every word on what became of a session; the newest counts."""
    columns = ("pk", "athlete_id", "plan_id", "session_id", "day", "status", "duration_min", "rpe", "created_at")
    for pk, athlete_id, plan_id, session_id, day, status, minutes, rpe, at in (
        of_athletes(SessionCompletion, people).values_list(*columns).iterator()
    ):
        if token := people.athletes.get(athlete_id):
            yield {
                "athlete": token,
                "completion": str(pk),
                "plan": str(plan_id),
                "session": str(session_id),
                "day": day,
                "status": status,
                "minutes": minutes,
                "rpe": rpe,
                "event_at": start_of(day),
                "available_at": at,
            }


def satisfaction(people: People) -> Iterator[Row]:
    """Yield ratings that athletes gave themselves, of a plan at acceptance and of a cycle after it."""
    columns = ("pk", "athlete_id", "plan_id", "created_at")
    rated = of_athletes(PlanReview, people).filter(rating__isnull=False, is_override=False)
    for what, rows in (
        ("plan", rated.values_list(*columns, "rating")),
        ("cycle", of_athletes(CycleFeedback, people).values_list(*columns, "score")),
    ):
        for pk, athlete_id, plan_id, at, score in rows.iterator():
            if token := people.athletes.get(athlete_id):
                said = {"athlete": token, "rating": str(pk), "plan": str(plan_id), "what": what, "score": score}
                yield {**said, "event_at": at, "available_at": at}


def _contents(batch: Sequence[Submission]) -> dict[UUID, tuple[Content, Mapping[str, str]]]:
    """Return the documents of submissions and of their baselines, of which they are read as what differs."""
    ids = {pk for one in batch for pk in (one.version_id, one.baseline_id)}
    rows = PlanContent.objects.filter(version__in=ids).order_by().values_list("version_id", "document")
    written: dict[UUID, str] = dict(rows)
    found: dict[UUID, tuple[Content, Mapping[str, str]]] = {}
    for version in PlanVersion.objects.filter(pk__in=ids - written.keys()):  # stored before documents were
        content = content_of(version)
        found[version.pk] = (content, session_texts(content))
    for one in batch:
        for pk, known in ((one.baseline_id, None), (one.version_id, one.baseline_id)):
            if pk not in found:
                found[pk] = parsed(written[pk], found[known] if known else None)
    return found


def _reasons(batch: Sequence[Submission]) -> dict[UUID, dict[str, str]]:
    """Return by submission the newest reason given on a change of each session since the baseline."""
    plans = {one.plan_id for one in batch}
    parents: dict[UUID, UUID | None] = dict(
        PlanVersion.objects.filter(plan__in=plans).order_by().values_list("pk", "parent_version_id")
    )
    given = defaultdict[UUID, list[tuple[str, str]]](list)
    changes = PlanVersionChange.objects.filter(version__plan__in=plans).exclude(reason="").order_by("position")
    for version_id, session_id, reason in changes.values_list("version_id", "session_id", "reason"):
        given[version_id].append((str(session_id), reason))
    found = {}
    for one in batch:
        mine: dict[str, str] = {}
        at: UUID | None = one.version_id
        while at is not None and at != one.baseline_id:
            for session, reason in reversed(given[at]):
                mine.setdefault(session, reason)
            at = parents.get(at)
        found[one.review_id] = mine
    return found
