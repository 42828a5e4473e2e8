"""What an athlete has to do: the sessions of the versions that they train by, and what became of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import F, OuterRef, QuerySet, Subquery

from accounts.models import Athlete
from plans.export.contract import ScheduledSession
from plans.models import CompletionStatus, PlanSession, SessionCompletion

_SHARES: Final = {CompletionStatus.DONE.value: 1.0, CompletionStatus.PARTLY.value: 0.5}


@dataclass(frozen=True)
class Due:
    """A session of the active version with the newest word on it, None where nobody said anything yet."""

    session: PlanSession
    completion: SessionCompletion | None

    @property
    def status(self) -> str:
        return self.completion.status if self.completion else "planned"


@dataclass(frozen=True)
class WeekAdherence:
    """Sessions done (a partly done one counts half) of those that were due in a week, rest and race apart."""

    monday: date
    due: int
    done: float

    @property
    def percent(self) -> float | None:
        return round(100 * self.done / self.due, 1) if self.due else None


def active_sessions(athlete_id: UUID) -> QuerySet[PlanSession]:
    """Return the sessions that the athlete trains by, of whichever plan."""
    rows = PlanSession.objects.filter(athlete=athlete_id, version__plan__active_version=F("version"))
    return rows.select_related("version__plan").order_by("day", "session_id")


def schedule(athlete_id: UUID, first: date, last: date) -> list[Due]:
    """Return what is due from `first` to `last`, both included (two queries)."""
    sessions = list(active_sessions(athlete_id).filter(day__gte=first, day__lte=last))
    said = newest_completions(athlete_id, [row.session_id for row in sessions])
    return [Due(row, said.get(row.session_id)) for row in sessions]


def newest_completions(athlete_id: UUID, session_ids: list[UUID]) -> dict[UUID, SessionCompletion]:
    """Return the newest word on each session."""
    rows = SessionCompletion.objects.filter(athlete=athlete_id, session_id__in=session_ids).order_by("id")
    return {row.session_id: row for row in rows}


def adherence(athlete_id: UUID, today: date, *, weeks: int = 8) -> list[WeekAdherence]:
    """Return adherence by week, oldest first, up to yesterday; weeks in which nothing was due have no percentage."""
    return adherence_of({athlete_id: today}, weeks=weeks)[athlete_id]


def adherence_of(today: Mapping[UUID, date], *, weeks: int) -> dict[UUID, list[WeekAdherence]]:
    """Return the same for many athletes by their own day, which differs with their time zones: one query in all."""
    firsts = {key: day - timedelta(days=day.weekday()) - timedelta(weeks=weeks - 1) for key, day in today.items()}
    if not firsts:
        return {}
    said = SessionCompletion.objects.filter(athlete=OuterRef("athlete"), session_id=OuterRef("session_id"))
    # The plans' athletes are named too: PostgreSQL else walks through the sessions of everybody's plans.
    ids = list(today)
    of_these = {"athlete__in": ids, "version__plan__athlete__in": ids, "version__plan__active_version": F("version")}
    rows = PlanSession.objects.filter(**of_these)
    rows = rows.filter(day__gte=min(firsts.values()), day__lt=max(today.values()))
    rows = rows.exclude(kind__in=("rest", "race")).order_by()
    rows = rows.annotate(said=Subquery(said.order_by("-id").values("status")[:1]))
    due: dict[tuple[UUID, int], int] = defaultdict(int)
    done: dict[tuple[UUID, int], float] = defaultdict(float)
    for athlete_id, day, status in rows.values_list("athlete_id", "day", "said"):
        if not firsts[athlete_id] <= day < today[athlete_id]:
            continue
        week = (athlete_id, (day - firsts[athlete_id]).days // 7)
        due[week] += 1
        done[week] += _SHARES.get(status, 0.0)
    return {
        key: [WeekAdherence(first + timedelta(weeks=i), due[key, i], done[key, i]) for i in range(weeks)]
        for key, first in firsts.items()
    }


def done_of_due(athlete_id: UUID, first: date, before: date) -> float | None:
    """Return the share done of the sessions due from `first` up to the day before `before`; None where none was.

    Rest and race aside; a partly done one counts half, one on which there is no word counts as not done.
    """
    said = SessionCompletion.objects.filter(athlete=athlete_id, session_id=OuterRef("session_id")).order_by("-id")
    rows = PlanSession.objects.filter(athlete=athlete_id, version__plan__active_version=F("version"))
    rows = rows.filter(day__gte=first, day__lt=before).exclude(kind__in=("rest", "race")).order_by()
    statuses = list(rows.annotate(said=Subquery(said.values("status")[:1])).values_list("said", flat=True))
    return sum(_SHARES.get(status, 0.0) for status in statuses) / len(statuses) if statuses else None


def exportable(athlete: Athlete) -> list[ScheduledSession]:
    """Return the whole schedule as the exports see it."""
    return [scheduled(row) for row in active_sessions(athlete.pk).exclude(kind="rest")]


def scheduled(row: PlanSession) -> ScheduledSession:
    """Return a stored session as the exports see it."""
    work: dict[str, Any] = row.prescribed_work_json
    return ScheduledSession(
        session_id=str(row.session_id),
        day=row.day,
        title=row.title,
        kind=row.kind,
        modality=row.modality,
        prescribed_work=work,
        load=row.load,
        version_number=row.version.version_number,
    )
