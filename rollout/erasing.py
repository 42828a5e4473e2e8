"""What erasing a person does to the flags that named them and to their reports; how long people's rows are kept."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from common import clock, retention
from common.erasure import Person, delete_rows, erases
from rollout.models import (
    Approval,
    FlagGroupMember,
    MessageState,
    OutcomeFact,
    Report,
    ReportStatus,
    RolloutMessage,
    UserOverride,
)
from rollout.services.flags import remove_override, write_group
from rollout.services.wishes import close
from rollout.services.writing import locked_flag

_WHY = "the person was erased"


def _overrides(rows: QuerySet[UserOverride], person: Person) -> int:
    found = list(rows.select_related("flag").order_by("flag__name"))
    for row in found:
        remove_override(locked_flag(row.flag.name), row, _WHY)
    return len(found)


def _memberships(rows: QuerySet[FlagGroupMember], person: Person) -> int:
    found = list(rows.select_related("group"))
    for group in {row.group for row in found}:
        others = FlagGroupMember.objects.filter(group=group).exclude(subject_id__in=person.ids)
        write_group(group, set(others.values_list("subject_id", flat=True)))
    return len(found)


def _naming_wishes(person: Person) -> QuerySet[Approval]:
    ids = {str(one) for one in person.ids}
    named = [
        row.pk
        for row in Approval.objects.filter(decided_at=None)
        if ids & {row.wish_json.get("subject_id"), *row.wish_json.get("members", [])}
    ]
    return Approval.objects.filter(pk__in=named)


def _wishes(rows: QuerySet[Approval], person: Person) -> int:
    found = list(rows)
    for row in found:
        close(row, now=clock.now(), approved=False, comment=_WHY, decided_by=None)
    return len(found)


def _facts(person: Person) -> QuerySet[OutcomeFact]:
    return OutcomeFact.objects.filter(athlete_id=person.athlete_id)


def _of_person(model: Any) -> Any:
    return lambda person: model.objects.filter(subject_id__in=person.ids)


def register() -> None:
    """Register what erasure does to our tables."""
    erases("user_overrides", "cleared", _of_person(UserOverride), _overrides)
    erases("flag_group_members", "taken out of the groups", _of_person(FlagGroupMember), _memberships)
    erases("rollout_approvals", "open wishes that name the person are closed", _naming_wishes, _wishes)
    erases("rollout_facts", "deleted; the minutes they were added to name nobody", _facts, delete_rows)
    erases(
        "user_overrides_history",
        "stays: append-only, which flag was forced for an id, and when",
        _of_person(UserOverride.history.model),
    )
    erases(
        "rollout_reports",
        "stays: topic, severity, level and state, for the counts; what was written is ciphertext of the athlete",
        lambda person: Report.objects.filter(Q(athlete_id=person.athlete_id) | Q(reporter_id__in=person.user_ids)),
    )


def register_retention() -> None:
    """Register how long reports and messages are kept."""
    answered = "an answered report has served; its numbers stand in the weekly reports"
    retention.keeps(
        Report,
        "reports",
        "resolved_at",
        answered,
        only=Q(status=ReportStatus.RESOLVED),
        people=("athlete_id", "reporter_id"),
    )
    over = Q(state__in=(MessageState.SENT, MessageState.GIVEN_UP))
    retention.keeps(RolloutMessage, "rollout_messages", "created_at", "what was told is on record elsewhere", only=over)
