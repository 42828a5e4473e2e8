"""Changing flags; engine, stages and approvals build on these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.scope import require
from audit.services import record
from common import clock
from common.actors import actor_id
from common.context import ServiceIdentity, unit_of_work
from common.errors import InvalidInput, NotVisible, WrongState
from rollout.evaluation import FULL
from rollout.models import Flag, FlagGroup, FlagGroupMember, UserOverride
from rollout.selectors import LIVE

Actor = User | ServiceIdentity

CHANGEABLE = frozenset({"enabled", "requires_tier", "rollout_thousandths", "description"})

# Flags that ship; a command seeds what is missing and never touches what people changed (G1).
SHIPPED: Mapping[str, Mapping[str, Any]] = {
    "plan.model_driven_generation": {
        "enabled": True,
        "requires_tier": "elite",
        "rollout_thousandths": FULL,
        "description": "Individual performance model for personalised plan generation",
    },
}


def seed_flags(*, acting_user: User | ServiceIdentity) -> list[str]:
    """Add the shipped flags that do not exist and return their keys; existing ones stay as they are."""
    added = []
    with unit_of_work(acting_user):
        require(acting_user, "rollout:manage")
        for key, fields in SHIPPED.items():
            flag, created = Flag.objects.get_or_create(name=key, defaults=dict(fields))
            if created:
                _record_change(flag, {name: [None, value] for name, value in fields.items()}, "shipped default")
                added.append(key)
    return added


def change_flag(*, key: str, changes: Mapping[str, Any], reason: str, acting_user: User | ServiceIdentity) -> Flag:
    """Change a flag's fields.

    Raises:
        NotPermitted: the role may not manage rollouts.
        NotVisible: there is no such flag.
        InvalidInput: an unknown field, a percentage out of range or no reason.
    """
    with unit_of_work(acting_user):
        flag = _locked(key, reason, acting_user)
        unknown = set(changes) - CHANGEABLE
        if unknown:
            raise InvalidInput(f"{', '.join(sorted(unknown))} cannot be changed.")
        if not 0 <= changes.get("rollout_thousandths", 0) <= FULL:
            raise InvalidInput("The percentage lies between 0 and 100.", pointer="/rollout_thousandths")
        diff = {name: [getattr(flag, name), value] for name, value in changes.items() if getattr(flag, name) != value}
        if diff:
            for name, value in changes.items():
                setattr(flag, name, value)
            flag.save()
            _record_change(flag, diff, reason)
        return flag


def kill_flag(*, key: str, reason: str, acting_user: Actor) -> Flag:
    """Switch a flag off for everybody, above overrides and everything else; killing twice changes nothing.

    Raises:
        NotPermitted, NotVisible, InvalidInput: as `change_flag`.
    """
    return _set_one(key, "killed_at", clock.now(), reason, acting_user, keep=True)


def resume_flag(*, key: str, reason: str, acting_user: Actor) -> Flag:
    """Take a kill back: what was there before holds again. Raises as `change_flag`."""
    return _set_one(key, "killed_at", None, reason, acting_user)


def set_admin_override(*, key: str, value: bool | None, reason: str, acting_user: Actor) -> Flag:
    """Answer on or off for everybody without an override of their own; None lets tier and percentage decide again.

    Raises:
        WrongState: switching on while the flag is killed.
        NotPermitted, NotVisible, InvalidInput: as `change_flag`.
    """
    return _set_one(key, "admin_override", value, reason, acting_user, widens=value is True)


def set_user_override(
    *, key: str, subject_id: UUID, value: bool, reason: str, expires_at: datetime, acting_user: Actor
) -> UserOverride:
    """Answer for one subject until a moment.

    Raises:
        WrongState: switching on while the flag is killed.
        NotPermitted, NotVisible, InvalidInput: as `change_flag`; an end that is past.
    """
    with unit_of_work(acting_user):
        flag = _locked(key, reason, acting_user)
        if value:
            _not_while_killed(flag)
        if expires_at <= clock.now():
            raise InvalidInput("An override ends in the future.", pointer="/expires_at")
        fields = {
            "value": value,
            "reason": reason.strip(),
            "expires_at": expires_at,
            "set_by_id": actor_id(acting_user),
        }
        row = UserOverride.objects.filter(flag=flag, subject_id=subject_id).first()
        row = row or UserOverride(flag=flag, subject_id=subject_id)
        for name, given in fields.items():
            setattr(row, name, given)
        row.save()
        metadata = {"key": key, "value": value, "expires_at": expires_at.isoformat(), "reason": reason}
        _tell_override("flag.override", flag, subject_id, metadata)
        return row


def clear_user_override(*, key: str, subject_id: UUID, reason: str, acting_user: Actor) -> None:
    """End an override before its time; raises as `change_flag`, NotVisible also where there is none."""
    with unit_of_work(acting_user):
        flag = _locked(key, reason, acting_user)
        row = UserOverride.objects.filter(flag=flag, subject_id=subject_id).first()
        if row is None:
            raise NotVisible("There is no such override.")
        row.delete()
        _tell_override("flag.override_clear", flag, subject_id, {"key": key, "reason": reason})


def set_group(*, name: str, subject_ids: Iterable[UUID], acting_user: Actor) -> FlagGroup:
    """Make exactly these subjects a named group of allowlist stages; raises NotPermitted."""
    with unit_of_work(acting_user):
        require(acting_user, "rollout:manage")
        group, _ = FlagGroup.objects.get_or_create(name=name)
        wanted = set(subject_ids)
        present = set(group.members.values_list("subject_id", flat=True))
        FlagGroupMember.objects.filter(group=group, subject_id__in=present - wanted).delete()
        FlagGroupMember.objects.bulk_create(
            [FlagGroupMember(group=group, subject_id=subject) for subject in sorted(wanted - present)], batch_size=500
        )
        if wanted != present:
            metadata = {"name": name, "added": len(wanted - present), "removed": len(present - wanted)}
            action = record("flag.group_change", target_id=group.pk, metadata=metadata)
            record("flag.group_state", target_id=group.pk, metadata={"members": len(wanted)}, linked_to=action)
            transaction.on_commit(LIVE.refresh)
        return group


def _set_one(
    key: str, field: str, value: Any, reason: str, acting_user: Actor, *, keep: bool = False, widens: bool = False
) -> Flag:
    with unit_of_work(acting_user):
        flag = _locked(key, reason, acting_user)
        if widens:
            _not_while_killed(flag)
        before = getattr(flag, field)
        if before == value or (keep and before is not None):
            return flag
        setattr(flag, field, value)
        flag.save()
        _record_change(flag, {field: [before, value]}, reason)
        return flag


def _locked(key: str, reason: str, acting_user: Actor) -> Flag:
    require(acting_user, "rollout:manage")
    if not reason.strip():
        raise InvalidInput("A change of a flag needs a reason.", pointer="/reason")
    flag = Flag.objects.select_for_update().filter(name=key).first()
    if flag is None:
        raise NotVisible(f"There is no flag {key}.")
    return flag


def _not_while_killed(flag: Flag) -> None:
    if flag.killed_at is not None:
        raise WrongState(f"{flag.name} is killed; resume it before switching it on for anybody.")


def _tell_override(action: str, flag: Flag, subject_id: UUID, metadata: dict[str, Any]) -> None:
    event = record(action, target_id=flag.pk, metadata={**metadata, "subject_id": str(subject_id)})
    count = UserOverride.objects.filter(flag=flag).count()
    record("flag.override_state", target_id=flag.pk, metadata={"key": flag.name, "overrides": count}, linked_to=event)
    transaction.on_commit(LIVE.refresh)


def _record_change(flag: Flag, diff: Mapping[str, Any], reason: str) -> None:
    action = record(
        "flag.change", target_id=flag.pk, metadata={"key": flag.name, "changes": dict(diff), "reason": reason}
    )
    state = {name: getattr(flag, name) for name in sorted(CHANGEABLE | {"killed_at", "admin_override"})}
    record("flag.state", target_id=flag.pk, metadata={"key": flag.name, "state": state}, linked_to=action)
    transaction.on_commit(LIVE.refresh)
