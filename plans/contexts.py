"""What a model version may know of an athlete beside the history: adherence, load of late, why coaches change things.

The definitions are those of `modeling.learned.context.SessionContext`; training computes the same for the past.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import F, Sum

from accounts.models import Athlete
from modeling.learned.algorithm import LearnedAlgorithm
from modeling.models import Activity
from plans.models import Decision, PlanReview, PlanSession, PlanVersionChange
from plans.schedule import done_of_due

SHORT_DAYS, LONG_DAYS = 7, 28
REASONS_BACK: Final = timedelta(weeks=2)
"""A session's context asks for the week before it; the plan's first one begins on the Monday of the week at most."""


def known_of(athlete: Athlete, today: date, algorithm: LearnedAlgorithm) -> dict[str, Any]:
    """Return the fields of `AthleteSnapshot` that contexts are made from; none where the version asks for no context.

    `coach_share` stays unknown: everybody's share is not for every person who may ask for a plan to read, and a plan
    must not depend on who asked.
    """
    if algorithm.overrides is None and algorithm.adherence is None:
        return {}
    return {
        "tier": athlete.tier,
        "adherence_28d": done_of_due(athlete.pk, today - timedelta(days=LONG_DAYS), today),
        "load_ratio": load_ratio(athlete, today),
        "reasons_of_week": reasons_of_week(athlete.pk, today),
    }


def load_ratio(athlete: Athlete, today: date) -> float:
    """Return the mean daily load of the last 7 days over that of the last 28, of any sport; 1 where there is none."""
    rows = Activity.objects.filter(athlete=athlete, deleted_at=None, day__lt=today)

    def mean(days: int) -> float:
        total = rows.filter(day__gte=today - timedelta(days=days)).aggregate(total=Sum("load"))["total"]
        return float(total or 0.0) / days

    usual = mean(LONG_DAYS)
    return mean(SHORT_DAYS) / usual if usual else 1.0


def reasons_of_week(athlete_id: UUID, today: date) -> dict[date, frozenset[str]]:
    """Return why coaches changed sessions, by the Monday of the session's week as the machine proposed it.

    Only what was submitted counts: a draft may still be thought over. An added session counts by its own day.
    """
    first = today - timedelta(days=today.weekday()) - REASONS_BACK
    submitted = PlanReview.objects.filter(athlete=athlete_id, decision=Decision.SUBMIT)
    newest: dict[UUID, int] = {}
    for plan_id, number in submitted.values_list("plan_id", "version__version_number"):
        newest[plan_id] = max(newest.get(plan_id, 0), number)
    if not newest:
        return {}
    rows = PlanVersionChange.objects.filter(athlete=athlete_id, version__plan__in=newest).exclude(reason="")
    changes = [
        (session_id, {version_id, baseline_id}, reason)
        for session_id, version_id, baseline_id, plan_id, number, reason in rows.values_list(
            "session_id", "version_id", "version__baseline_id", "version__plan_id", "version__version_number", "reason"
        )
        if number <= newest[plan_id]
    ]
    days = _days(athlete_id, {session_id for session_id, _, _ in changes}, first)
    found: dict[date, set[str]] = defaultdict(set)
    for session_id, versions, reason in changes:
        by_version = days.get(session_id, {})
        proposed = [day for (version, is_baseline), day in by_version.items() if version in versions and is_baseline]
        day = next(iter(proposed or [d for (version, _), d in by_version.items() if version in versions]), None)
        if day is not None:
            found[day - timedelta(days=day.weekday())].add(reason)
    return {monday: frozenset(reasons) for monday, reasons in found.items()}


def _days(athlete_id: UUID, session_ids: set[UUID], first: date) -> dict[UUID, dict[tuple[UUID, bool], date]]:
    """Return the days of sessions by (version, whether it is the machine's own), from `first` on."""
    rows = PlanSession.objects.filter(athlete=athlete_id, session_id__in=session_ids, day__gte=first)
    rows = rows.annotate(proposed_by=F("version__baseline_id")).order_by()
    found: dict[UUID, dict[tuple[UUID, bool], date]] = defaultdict(dict)
    for session_id, version_id, proposed_by, day in rows.values_list("session_id", "version_id", "proposed_by", "day"):
        found[session_id][version_id, proposed_by is None] = day
    return found
