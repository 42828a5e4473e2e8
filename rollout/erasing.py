"""What erasing a person does to the flags that named them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from common.context import current_actor
from common.erasure import Person, erases
from rollout.models import FlagGroupMember, UserOverride
from rollout.services.flags import clear_user_override, set_group

_WHY = "the person was erased"


def _overrides(rows: QuerySet[UserOverride], person: Person) -> int:
    actor: Any = current_actor()
    found = list(rows.select_related("flag"))
    for row in found:
        clear_user_override(key=row.flag.name, subject_id=row.subject_id, reason=_WHY, acting_user=actor)
    return len(found)


def _memberships(rows: QuerySet[FlagGroupMember], person: Person) -> int:
    actor: Any = current_actor()
    found = list(rows.select_related("group"))
    for group in {row.group for row in found}:
        others = FlagGroupMember.objects.filter(group=group).exclude(subject_id__in=person.ids)
        set_group(name=group.name, subject_ids=list(others.values_list("subject_id", flat=True)), acting_user=actor)
    return len(found)


def _of_person(model: Any) -> Any:
    return lambda person: model.objects.filter(subject_id__in=person.ids)


def register() -> None:
    """Register what erasure does to our tables."""
    erases("user_overrides", "cleared", _of_person(UserOverride), _overrides)
    erases("flag_group_members", "taken out of the groups", _of_person(FlagGroupMember), _memberships)
    erases(
        "user_overrides_history",
        "stays: append-only, which flag was forced for an id, and the reason that staff gave",
        _of_person(UserOverride.history.model),
    )
