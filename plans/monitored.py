"""What alert rules may watch of plans: errors by pipeline (I8), athletes who stop doing what is planned (D5)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from django.db.models import Avg, Case, Count, F, FloatField, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from common.context import unit_of_work
from common.monitoring import METRICS, Metric, Reading, Unit
from common.sampling import CACHES, remembered
from plans.measures import DONE
from plans.models import Outcome, PlanGeneration, PlanSession, SessionCompletion
from plans.pipelines.microcycle import week_shape
from telemetry.services.alerts import ALERTS

WEEKS_BEFORE: Final = timedelta(weeks=4)
"""What the present window's adherence is compared with: as long before it."""


def failures_by_pipeline(since: datetime, until: datetime) -> list[Reading]:
    """Return by the pipeline that a request was routed to how many percent failed or fell back to the template."""
    bad = Count("pk", filter=Q(outcome__in=(Outcome.FALLBACK, Outcome.FAILED)))
    with unit_of_work(ALERTS, read_only=True):
        settled = PlanGeneration.objects.filter(settled_at__gte=since, settled_at__lt=until).order_by()
        rows = list(settled.values("routed_to").annotate(n=Count("pk"), bad=bad))
    return [Reading(row["routed_to"], 100 * row["bad"] / row["n"], row["n"]) for row in rows]


def adherence_drop(since: datetime, until: datetime) -> list[Reading]:
    """Return how much less of what was due is done than in the four weeks before, in percent of what it was then.

    A session counts 1 done, a half partly done, 0 skipped or not told of; days are UTC and count when they are over.
    """
    with unit_of_work(ALERTS, read_only=True):
        now, n = _adherence(since.date(), until.date())
        before, n_before = _adherence((since - WEEKS_BEFORE).date(), since.date())
    if now is None or not before:
        return [Reading("", None, 0)]
    text = f"{100 * now:.0f} % of what was due was done, {100 * before:.0f} % in the four weeks before."
    return [Reading("", 100 * (before - now) / before, min(n, n_before), text)]


def _adherence(first: date, end: date) -> tuple[float | None, int]:
    """Return the mean over sessions due in [first, end) and how many those are."""
    newest = SessionCompletion.objects.filter(athlete=OuterRef("athlete"), session_id=OuterRef("session_id"))
    done = Case(
        *(When(said=status, then=Value(share)) for status, share in DONE.items()),
        default=Value(0.0),
        output_field=FloatField(),
    )
    rows = PlanSession.objects.filter(version__plan__active_version=F("version"), day__gte=first, day__lt=end)
    rows = rows.exclude(kind__in=("rest", "race")).order_by()
    said = Coalesce(Subquery(newest.order_by("-id").values("status")[:1]), Value(""))
    found = rows.annotate(said=said).aggregate(share=Avg(done), n=Count("pk"))
    return found["share"], found["n"]


def register() -> None:
    """Register our metrics and caches."""
    failed = "requests for plans that failed or fell back to the template, by the pipeline they were routed to"
    METRICS.register("pipelines.error_rate", Metric("Failed plans", failed, Unit.PERCENT, failures_by_pipeline))
    drop = "how much less of what is planned is done than in the four weeks before the window"
    drops = Metric("Drop of adherence", drop, Unit.PERCENT, adherence_drop, every=timedelta(hours=1))
    METRICS.register("plans.adherence_drop", drops)
    CACHES.register("week shapes", remembered(week_shape))
