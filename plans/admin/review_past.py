"""What became of a plan's past days: what was done of each session, what was done beside the plan, load by week."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from modeling.models import Activity
from modeling.selectors import counted_activities
from plans.models import CompletionStatus, Plan, PlanSession, SessionCompletion
from plans.schedule import newest_completions

UNIT: Final = "TSS"
"""Loads in other units do not compare with what is planned; such a session shows its minutes alone."""
_STATUS: Final = {
    CompletionStatus.DONE: "done",
    CompletionStatus.PARTLY: "partly",
    CompletionStatus.SKIPPED: "missed",
}


def past_of(plan: Plan, today: date, *, beside: bool = True) -> dict[str, Any]:
    """Return the page's document of what happened, in three queries for any number of days.

    `sessions`: by session id {status: done | partly | missed | unknown, minutes, load (TSS), distance_km, rpe}; a value
    that nobody gave is None. "unknown" is a session that was due before today and on which there is no word.
    `extra`: by day, activities that stand for no session of this plan. `weeks`: by Monday, the load of all that was
    done, planned or not (TSS). Without `beside`, for whom the athlete's history is hidden, nothing is read of
    it: what was said of the sessions is all there is.
    """
    first, last = _span(plan, today)
    planned = _sessions_until(plan, last)
    said = newest_completions(plan.athlete_id, list(planned))
    rows = counted_activities(plan.athlete).filter(day__gte=first, day__lte=last) if beside else ()
    activities = {row.pk: row for row in rows}
    sessions = {str(key): _done(row, planned[key], activities) for key, row in said.items()}
    for key, row in planned.items():
        if row.version_id == plan.active_version_id and row.day < today and row.kind != "rest":
            sessions.setdefault(str(key), {"status": "unknown", "minutes": None, "load": None})
    taken = {row.activity_id for row in said.values() if row.status != CompletionStatus.SKIPPED}
    loads = [(row.day, row.load) for row in activities.values() if row.load_unit == UNIT]
    loads += [
        (planned[k].day, sessions[str(k)]["load"]) for k, row in said.items() if row.activity_id not in activities
    ]
    return {
        "sessions": sessions,
        "extra": _by_day(row for key, row in activities.items() if key not in taken),
        "weeks": _by_week(loads),
    }


def _span(plan: Plan, today: date) -> tuple[date, date]:
    """Return the plan's first day and the last that is not ahead."""
    weeks: list[dict[str, Any]] = plan.head_version.weeks_json if plan.head_version else []
    if not weeks:
        return today, today
    last = date.fromisoformat(weeks[-1]["monday"]) + timedelta(days=6)
    return date.fromisoformat(weeks[0]["monday"]), min(today, last)


def _sessions_until(plan: Plan, day: date) -> dict[UUID, PlanSession]:
    """Return the sessions up to a day; of one that several versions hold, the active one's row, else the head's."""
    versions = [pk for pk in (plan.head_version_id, plan.active_version_id) if pk]
    rows = PlanSession.objects.filter(version__in=versions, day__lte=day)
    return {row.session_id: row for row in sorted(rows, key=lambda row: row.version_id == plan.active_version_id)}


def _done(completion: SessionCompletion, planned: PlanSession, activities: dict[UUID, Activity]) -> dict[str, Any]:
    """Return what became of one session; without an activity its load is the planned one, by the share of minutes."""
    activity = activities.get(completion.activity_id) if completion.activity_id else None
    minutes = completion.duration_min
    due = float(planned.prescribed_work_json.get("duration_min") or 0.0)
    if completion.status == CompletionStatus.SKIPPED:
        load: float | None = None
    elif activity is not None:
        load = activity.load if activity.load_unit == UNIT else None
        minutes = minutes if minutes is not None else activity.duration_s / 60
    else:
        load = planned.load * (minutes / due if minutes is not None and due else 1.0)
    return {
        "status": _STATUS[CompletionStatus(completion.status)],
        "minutes": round(minutes, 1) if minutes is not None else None,
        "load": round(load, 1) if load is not None else None,
        "distance_km": completion.distance_km,
        "rpe": completion.rpe,
    }


def _by_day(activities: Iterable[Activity]) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for row in activities:
        load = round(row.load, 1) if row.load_unit == UNIT else None
        found[row.day.isoformat()].append({"sport": row.sport, "minutes": round(row.duration_s / 60, 1), "load": load})
    return dict(found)


def _by_week(loads: Iterable[tuple[date, float | None]]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for day, load in loads:
        found[(day - timedelta(days=day.weekday())).isoformat()] += load or 0.0
    return {monday: round(load, 1) for monday, load in found.items()}
