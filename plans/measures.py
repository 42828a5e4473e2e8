"""What experiments can measure in plans (C8, plan governance 4.1), as facts with when they happened and when we knew.

Each reader gives facts about the subjects that happened in a span; the service identity of the analysis reads them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import F, Model, QuerySet

from experiments.metrics import METRICS, Metric, Unit
from experiments.streams import Measure, Measured, Shape
from plans.models import (
    CalendarFeed,
    CompletionStatus,
    CycleFeedback,
    Decision,
    Outcome,
    PlanComment,
    PlanGeneration,
    PlanReview,
    PlanSession,
    PlanVersion,
    SessionCompletion,
)
from plans.selectors import baseline_of
from plans.workflow import State
from rollout.models import Report
from telemetry.metric_definitions import definitions

MONTH: Final = timedelta(days=28)
WEEK: Final = timedelta(days=7)
DONE: Final = {CompletionStatus.DONE: 1.0, CompletionStatus.PARTLY: 0.5, CompletionStatus.SKIPPED: 0.0}
Facts = Iterator[Measured]


def speed(subjects: Collection[UUID], since: datetime, until: datetime) -> Facts:
    """How long each answered request took, milliseconds."""
    for row in _requests(subjects, since, until):
        if row.latency_ms is not None:
            yield _fact("calculation_speed", row.pk, row.athlete_id, row.latency_ms, row.created_at, row.settled_at)


def requests(subjects: Collection[UUID], since: datetime, until: datetime) -> Facts:
    """Each request for a plan that was answered: where experiments set how it is made. No metric."""
    for row in _requests(subjects, since, until):
        yield _fact("requests", row.pk, row.athlete_id, 1.0, row.created_at, row.settled_at)


def errors(subjects: Collection[UUID], since: datetime, until: datetime) -> Facts:
    """Whether each request failed, or the template or the shipped model had to stand in."""
    bad = {Outcome.FALLBACK, Outcome.FAILED}
    for row in _requests(subjects, since, until):
        yield _fact(
            "errors", row.pk, row.athlete_id, row.outcome in bad or bool(row.failure), row.created_at, row.settled_at
        )


def satisfaction(subjects: Collection[UUID], since: datetime, until: datetime) -> Facts:
    """Each rating of a plan or a cycle, 1 to 5."""
    for row in _made(PlanReview, subjects, since, until).filter(rating__isnull=False, is_override=False):
        yield _fact("satisfaction", row.pk, row.athlete_id, row.rating, row.created_at)
    for row in _made(CycleFeedback, subjects, since, until):
        yield _fact("satisfaction", row.pk, row.athlete_id, row.score, row.created_at)


def acceptance(subjects: Collection[UUID], since: datetime, until: datetime) -> Facts:
    """Whether the athlete accepted the plan that the machine proposed as it was, once a plan."""
    rows = _made(PlanReview, subjects, since, until).filter(decision=Decision.ACCEPT, is_override=False)
    for row in rows.select_related("version__baseline"):
        unchanged = row.version.content_sha256 == baseline_of(row.version).content_sha256
        yield _fact("acceptance", row.plan_id, row.athlete_id, unchanged, row.created_at)


def adherence(subjects: Collection[UUID], since: datetime, until: datetime) -> Facts:
    """How much of each session that was due was done: 1, a half or nothing; counted when its day is over (UTC)."""
    days = {"day__gte": since.date() - timedelta(days=1), "day__lt": until.date()}
    rows = PlanSession.objects.filter(athlete__in=subjects, version__plan__active_version=F("version"), **days)
    due: dict[UUID, datetime] = {}
    for session in rows.exclude(kind__in=("rest", "race")).select_related("version").order_by("id").iterator():
        over = datetime.combine(session.day + timedelta(days=1), time.min, tzinfo=UTC)
        if since <= over < until:
            due[session.session_id] = over
            known = max(over, session.version.created_at)
            yield _fact("adherence", session.session_id, session.athlete_id, 0.0, over, known)
    said = SessionCompletion.objects.filter(athlete__in=subjects, session_id__in=list(due)).order_by("id")
    for row in said.iterator():
        over = due[row.session_id]
        known = max(over, row.created_at) + timedelta(microseconds=1)  # after "due": what is known last counts
        yield _fact("adherence", row.session_id, row.athlete_id, DONE[CompletionStatus(row.status)], over, known)


def feature_use(subjects: Collection[UUID], since: datetime, until: datetime) -> Facts:
    """Each thing an athlete did with a plan: said what became of a session, moved one, commented, subscribed."""
    for table in (SessionCompletion, PlanComment, CalendarFeed):
        for row in _made(table, subjects, since, until):
            yield _fact("feature_use", row.pk, row.athlete_id, 1.0, row.created_at)
    moved = _made(PlanVersion, subjects, since, until).filter(status=State.PUBLISHED, version_number__gt=1)
    for row in moved.filter(author_id=F("athlete__user")):
        yield _fact("feature_use", row.pk, row.athlete_id, 1.0, row.created_at)


def retention(subjects: Collection[UUID], since: datetime, until: datetime) -> Facts:
    """Each sign of life: a session reported, or a plan asked for."""
    for row in _made(SessionCompletion, subjects, since, until):
        yield _fact("retention", row.pk, row.athlete_id, 1.0, row.created_at)
    for row in _made(PlanGeneration, subjects, since, until).filter(requested_by_id=F("athlete__user")):
        yield _fact("retention", row.pk, row.athlete_id, 1.0, row.created_at)


def problem_reports(subjects: Collection[UUID], since: datetime, until: datetime) -> Facts:
    """Each problem that was reported by or for the athlete."""
    for row in _made(Report, subjects, since, until):
        yield _fact("problem_reports", row.pk, row.athlete_id, 1.0, row.created_at)


def _made(table: type[Model], subjects: Collection[UUID], since: datetime, until: datetime) -> QuerySet[Any]:
    rows = table._default_manager.filter(athlete__in=subjects, created_at__gte=since, created_at__lt=until)
    return rows.order_by("id")


def _requests(subjects: Collection[UUID], since: datetime, until: datetime) -> QuerySet[PlanGeneration]:
    return _made(PlanGeneration, subjects, since, until).filter(settled_at__isnull=False)


def _fact(
    metric: str, key: UUID, subject: UUID, y: float | None, at: datetime, known_at: datetime | None = None
) -> Measured:
    return Measured(str(key), str(subject), metric, float(y or 0.0), 1.0, at, known_at or at)


def _ratio(name: str) -> Measure:
    return Measure(name, Shape.RATIO, before=MONTH)


def register() -> None:
    """Register our metrics; what they are called, their unit and which way is better is said in `metrics.yml`."""
    used = Measure("feature_use", Shape.MEAN, stop=MONTH, before=MONTH)
    stayed = Measure("retention", Shape.SHARE, start=3 * WEEK, stop=MONTH)
    told = Measure("problem_reports", Shape.MEAN, stop=MONTH, before=MONTH)
    for describes, measure, read in (
        ("time to a plan", _ratio("calculation_speed"), speed),
        ("share that failed or fell back", _ratio("errors"), errors),
        ("mean rating of plans and cycles", _ratio("satisfaction"), satisfaction),
        ("share of accepted plans", _ratio("acceptance"), acceptance),
        ("share done of what was due", _ratio("adherence"), adherence),
        ("things done with the plan in 4 weeks", used, feature_use),
        ("share active in the fourth week", stayed, retention),
        ("reports an athlete in 4 weeks", told, problem_reports),
    ):
        known = definitions()[measure.metric]
        METRICS.register(
            measure.metric,
            Metric(known.title, describes, Unit(known.unit), measure, known.higher_is_better, read),
        )
