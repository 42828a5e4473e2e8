"""Whom an incident reached: a list to work through for who may see athletes; messages and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Max, Q
from django.utils.translation import gettext

from accounts.models import Athlete
from accounts.scope import athletes_in_scope
from common.admin import may
from rollout.dashboard.overrides import athletes_by_name
from rollout.dashboard.words import Pill, moment
from rollout.gates.evidence import Arm
from rollout.models import Incident, MessageState, OutcomeFact, OutcomeKind, RolloutMessage

SHOWN: Final = 50
STATES: Final = {
    MessageState.PENDING: Pill("schedule_send", "Waiting", "none"),
    MessageState.SENT: Pill("check_circle", "Sent", "good"),
    MessageState.FAILED: Pill("sync_problem", "Failed, tried again", "wait"),
    MessageState.GIVEN_UP: Pill("cancel", "Given up", "bad"),
}


@dataclass(frozen=True, slots=True)
class Affected:
    """One athlete whom the new arm answered; `marks` say what went wrong for them."""

    athlete_id: UUID
    name: str
    answers: int
    marks: tuple[Pill, ...]
    last: str


@dataclass(frozen=True, slots=True)
class Reached:
    """Athletes to look at, the worst first; `may` tells whether the viewer sees them, `total` how many there are."""

    may: bool
    rows: tuple[Affected, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Message:
    pk: UUID
    subject: str
    group: str
    pill: Pill
    when: str
    note: str


def reached_by(incident: Incident, stage: int, until: datetime, user: Any) -> Reached:
    """Return the athletes whom the new arm answered at a stage, of those whom the viewer may see; three queries."""
    if not may(user, "athlete:view"):
        return Reached(False, (), 0)
    facts = OutcomeFact.objects.filter(rollout=incident.rollout_id, stage=stage, arm=Arm.NEW, created_at__lte=until)
    seen = Athlete.objects.filter(athletes_in_scope(user, "athlete:view")).order_by()
    facts = facts.filter(athlete_id__in=seen.values("pk"))
    by_athlete = (
        facts.order_by()
        .values("athlete_id")
        .annotate(
            answers=Count("pk", filter=Q(kind=OutcomeKind.ANSWER)),
            is_unsafe=Count("pk", filter=Q(unsafe=True)),
            is_critical=Count("pk", filter=Q(critical=True)),
            has_failed=Count("pk", filter=Q(failed=True)),
            last=Max("created_at"),
        )
    )
    worst_first = by_athlete.order_by("-is_unsafe", "-is_critical", "-has_failed", "-last", "athlete_id")
    rows = list(worst_first[: SHOWN + 1])
    names = athletes_by_name({row["athlete_id"] for row in rows}, user)
    total = facts.values("athlete_id").distinct().count() if len(rows) > SHOWN else len(rows)
    found = tuple(
        Affected(row["athlete_id"], names[row["athlete_id"]], row["answers"], _marks(row), moment(row["last"]))
        for row in rows[:SHOWN]
    )
    return Reached(True, found, total)


def _marks(row: Mapping[str, Any]) -> tuple[Pill, ...]:
    known = (
        ("is_unsafe", Pill("dangerous", "Unsafe", "bad")),
        ("is_critical", Pill("report", "Critical report", "bad")),
        ("has_failed", Pill("cancel", _failed(row["has_failed"]), "wait")),
    )
    return tuple(pill for name, pill in known if row[name])


def _failed(number: int) -> str:
    return gettext("%(n)s failed") % {"n": number}


def messages_about(incident: Incident) -> tuple[Message, ...]:
    """Return what was written to whom about an incident, the newest first; one query."""
    rows = RolloutMessage.objects.filter(incident=incident).order_by("-id")[:SHOWN]
    return tuple(
        Message(
            pk=row.pk,
            subject=row.subject,
            group=row.get_group_display(),
            pill=STATES[MessageState(row.state)],
            when=moment(row.sent_at or row.created_at),
            note=row.last_error,
        )
        for row in rows
    )
