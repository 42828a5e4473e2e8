"""Reads: an athlete's numbers as the pure modules want them, and the newest fit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, Min, QuerySet, Sum

from accounts.models import Athlete
from modeling.core.priors import DEFAULT_PRIORS, Priors
from modeling.core.series import LoadSeries, PerformanceTest, TestKindName
from modeling.models import Activity, Fit, Test

# Sports are not mixed in one series; what is neither a run nor a ride counts for the athlete's own sport.
OTHER_SPORT: Final = "other"


@dataclass(frozen=True)
class FitInputs:
    """What a fit sees: one series of loads in one unit, the tests in its window, and what was left out."""

    series: LoadSeries
    tests: tuple[PerformanceTest, ...]
    unit: str
    left_out: int


def counted_activities(athlete: Athlete) -> QuerySet[Activity]:
    """Return the activities whose load counts for the athlete's sport."""
    return Activity.objects.filter(athlete=athlete, deleted_at=None, sport__in=[athlete.sport, OTHER_SPORT])


def fit_inputs(athlete: Athlete, *, since: date | None = None, until: date | None = None) -> FitInputs | None:
    """Return the series and tests between two days (inclusive), None where there is no load at all.

    The unit is TSS if any load is in TSS, else the most frequent one; loads in other units stay out and are counted.
    """
    rows = counted_activities(athlete)
    rows = rows.filter(day__gte=since) if since else rows
    rows = rows.filter(day__lte=until) if until else rows
    units = dict(rows.order_by().values_list("load_unit").annotate(n=Count("pk")))
    if not units:
        return None
    unit = "TSS" if "TSS" in units else Counter(units).most_common(1)[0][0]
    daily = dict(rows.filter(load_unit=unit).order_by().values_list("day").annotate(total=Sum("load")))
    tests = Test.objects.filter(athlete=athlete, deleted_at=None).order_by("day", "pk")
    tests = tests.filter(day__gte=since) if since else tests
    tests = tests.filter(day__lte=until) if until else tests
    measured = tuple(PerformanceTest(day=t.day, value=t.value, kind=cast(TestKindName, t.kind)) for t in tests)
    first = since or min([*daily, *(t.day for t in measured)])
    last = until or max([*daily, *(t.day for t in measured)])
    series = LoadSeries.from_daily(daily, start=first, until=last, unit=unit)
    return FitInputs(series, measured, unit, sum(units.values()) - units[unit])


def history_stamp(athlete_id: UUID) -> tuple[Any, ...]:
    """Return a value that changes whenever something does that a fit or a plan is made from (one query).

    For caches: rows are added, soft-deleted or corrected in place, so it counts, adds up and names the newest. Written
    as SQL, since an edit asks for it and the ORM takes longer to compose four aggregates than the database to answer.
    """
    key = Activity._meta.get_field("athlete").get_db_prep_value(athlete_id, connection)
    with connection.cursor() as cursor:
        cursor.execute(_STAMP, [key] * 4)
        return tuple(cursor.fetchone() or ())


_STAMP: Final = """
SELECT * FROM
  (SELECT count(*), max(created_at), sum(load), sum(duration_s)
   FROM modeling_activity WHERE athlete_id = %s AND deleted_at IS NULL) activities,
  (SELECT count(*), max(created_at), sum(value), max(day)
   FROM modeling_test WHERE athlete_id = %s AND deleted_at IS NULL) tests,
  (SELECT count(*), max(created_at) FROM modeling_threshold WHERE athlete_id = %s AND deleted_at IS NULL) thresholds,
  (SELECT max(created_at) FROM modeling_fit WHERE athlete_id = %s AND invalidated_at IS NULL) fits
"""


def newest_fit(athlete: Athlete, method: str = "posterior", *, priors: Priors | None = None) -> Fit | None:
    """Return the newest fit that still holds; by these priors, where one is stored, else by any."""
    rows = Fit.objects.filter(athlete=athlete, method=method, invalidated_at=None).order_by("-id")
    newest = rows.first()
    if newest is None or priors is None or _priors_of(newest) == priors.name:
        return newest
    return next((row for row in rows.iterator() if _priors_of(row) == priors.name), newest)


def _priors_of(fit: Fit) -> str:
    return str(fit.report.get("priors", DEFAULT_PRIORS.name))


@dataclass(frozen=True)
class HistorySummary:
    """What an athlete's history holds at a glance."""

    activities: int
    first_day: date | None
    last_day: date | None
    tests: int
    flagged: int


def history_summary(athlete: Athlete) -> HistorySummary:
    """Return counts and span of an athlete's history."""
    rows = Activity.objects.filter(athlete=athlete, deleted_at=None)
    span = rows.aggregate(first=Min("day"), last=Max("day"), n=Count("pk"))
    tests = Test.objects.filter(athlete=athlete, deleted_at=None).count()
    flagged = rows.exclude(load_flags=[]).count()
    return HistorySummary(span["n"], span["first"], span["last"], tests, flagged)
