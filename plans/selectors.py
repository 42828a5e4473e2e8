"""Reads: a version with its sessions by week."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from plans.models import PlanSession, PlanVersion


@dataclass(frozen=True)
class Week:
    """One week of a version: its frame and its sessions, Monday first."""

    number: int
    monday: date
    phase: str
    is_recovery: bool
    target_load: float
    sessions: tuple[PlanSession, ...]

    @property
    def load(self) -> float:
        return sum(session.load for session in self.sessions)

    @property
    def minutes(self) -> float:
        return sum(session.prescribed_work_json.get("duration_min") or 0 for session in self.sessions)

    @property
    def days(self) -> list[tuple[date, list[PlanSession]]]:
        """Return the seven days with their sessions, for a calendar."""
        by_day: dict[date, list[PlanSession]] = defaultdict(list)
        for session in self.sessions:
            by_day[session.day].append(session)
        return [(day, by_day[day]) for day in (self.monday + timedelta(days=i) for i in range(7))]


def weeks_of(version: PlanVersion) -> list[Week]:
    """Return a version's weeks with their sessions (one query)."""
    by_monday: dict[date, list[PlanSession]] = defaultdict(list)
    for session in version.sessions.order_by("day", "id"):
        by_monday[session.day - timedelta(days=session.day.weekday())].append(session)
    return [_week(frame, by_monday) for frame in version.weeks_json]


def _week(frame: dict[str, Any], by_monday: dict[date, list[PlanSession]]) -> Week:
    monday = date.fromisoformat(frame["monday"])
    return Week(
        number=frame["number"],
        monday=monday,
        phase=frame["phase"],
        is_recovery=frame["is_recovery"],
        target_load=frame["target_load"],
        sessions=tuple(by_monday[monday]),
    )
