"""Changing flags by hand. What reaches more people of a guarded flag waits for a second person (`approvals`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.scope import require
from audit.services import record
from common import clock
from common.actors import actor_id
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible
from common.plain import plain
from rollout.errors import SecondPersonNeeded
from rollout.evaluation import FULL
from rollout.lifecycle import LIVE as LIVE_STATES
from rollout.lifecycle import State
from rollout.models import Flag, FlagGroup, FlagGroupMember, Rollout, UserOverride
from rollout.policies import Actor
from rollout.runs import policy_of
from rollout.selectors import LIVE, digest_of_members
from rollout.services.incidents import open_incident
from rollout.services.writing import (
    LONGEST_REASON,
    fields_of,
    managed_flag,
    not_while_killed,
    record_change,
    record_override,
    write_flag,
)
from rollout.widening import reaches_more

CHANGEABLE = frozenset({"enabled", "requires_tier", "rollout_thousandths", "description"})

# Flags that ship; a command seeds what is missing and never touches what people changed (G1).
SHIPPED: Mapping[str, Mapping[str, Any]] = {
    "plan.model_driven_generation": {
        "enabled": True,
        "requires_tier": "elite",
        "rollout_thousandths": FULL,
        "guarded": True,
        "description": "Individual performance model for personalised plan generation",
    },
    "ui.compare_swap": {
        "enabled": True,
        "rollout_thousandths": FULL,
        "description": "Button that swaps the two sides of a comparison of versions",
    },
}


def seed_flags(*, acting_user: Actor) -> list[str]:
    """Add the shipped flags that do not exist and return their keys; existing ones stay as they are."""
    added = []
    with unit_of_work(acting_user):
        require(acting_user, "rollout:manage")
        for key, fields in SHIPPED.items():
            flag, created = Flag.objects.get_or_create(name=key, defaults=dict(fields))
            if created:
                record_change(flag, {name: [None, value] for name, value in fields.items()}, "shipped default")
                added.append(key)
    return added


def change_flag(*, key: str, changes: Mapping[str, Any], reason: str, acting_user: Actor) -> Flag:
    """Change a flag's fields.

    Raises:
        NotPermitted: the role may not manage rollouts.
        NotVisible: there is no such flag.
        InvalidInput: an unknown field, a percentage out of range or no reason.
        SecondPersonNeeded: the flag is guarded and the change reaches more people.
    """
    check_changes(changes)
    with unit_of_work(acting_user):
        flag = managed_flag(key, reason, acting_user)
        _guard(flag, changes)
        write_flag(flag, changes, reason)
        return flag


def check_changes(changes: Mapping[str, Any]) -> None:
    """Refuse what no flag can become.

    Raises:
        InvalidInput: an unknown field or a percentage out of range.
    """
    unknown = set(changes) - CHANGEABLE
    if unknown:
        raise InvalidInput(f"{', '.join(sorted(unknown))} cannot be changed.")
    if not 0 <= changes.get("rollout_thousandths", 0) <= FULL:
        raise InvalidInput("The percentage lies between 0 and 100.", pointer="/rollout_thousandths")


def kill_flag(*, key: str, reason: str, acting_user: Actor) -> Flag:
    """Switch a flag off for everybody, above overrides and everything else.

    Killing again is another kill: whoever agreed to take the first one back did not agree to take this one back. A
    reason that is too long is cut, not refused.

    Raises:
        NotPermitted, NotVisible, InvalidInput: as `change_flag`.
    """
    reason = reason.replace("\0", "")[:LONGEST_REASON]
    with unit_of_work(acting_user):
        flag = managed_flag(key, reason, acting_user)
        evidence = plain({"why": reason, "flag_before": fields_of(flag)})
        write_flag(flag, {"killed_at": clock.now()}, reason)
        if evidence["flag_before"]["killed_at"] is None:
            open_incident(flag, title=f"{flag.name} was killed by hand", evidence=evidence, acting_user=acting_user)
        return flag


def resume_flag(*, key: str, reason: str, acting_user: Actor) -> Flag:
    """Take a kill back: what was there before holds again. Raises as `change_flag`."""
    with unit_of_work(acting_user):
        flag = managed_flag(key, reason, acting_user)
        if flag.guarded and flag.killed_at is not None:
            raise SecondPersonNeeded("Resuming reaches more people; ask a second person.", kind="resume")
        write_flag(flag, {"killed_at": None}, reason)
        return flag


def set_admin_override(*, key: str, value: bool | None, reason: str, acting_user: Actor) -> Flag:
    """Answer on or off for everybody without an override of their own; None lets tier and percentage decide again.

    Raises:
        WrongState: switching on while the flag is killed.
        NotPermitted, NotVisible, InvalidInput, SecondPersonNeeded: as `change_flag`.
    """
    with unit_of_work(acting_user):
        flag = managed_flag(key, reason, acting_user)
        if value:
            not_while_killed(flag)
        _guard(flag, {"admin_override": value})
        write_flag(flag, {"admin_override": value}, reason)
        return flag


def set_user_override(
    *, key: str, subject_id: UUID, value: bool, reason: str, expires_at: datetime, acting_user: Actor
) -> UserOverride:
    """Answer for one subject until a moment.

    Raises:
        WrongState: switching on while the flag is killed.
        NotPermitted, NotVisible, InvalidInput: as `change_flag`; an end that is past.
        SecondPersonNeeded: switching a guarded flag on.
    """
    with unit_of_work(acting_user):
        flag = managed_flag(key, reason, acting_user)
        if value and flag.guarded:
            raise SecondPersonNeeded(f"{flag.name} is guarded; ask a second person.", kind="override")
        row = UserOverride.objects.filter(flag=flag, subject_id=subject_id).first()
        if row is not None and _keeps_out(flag, row) and expires_at < row.expires_at:
            raise SecondPersonNeeded("This would let somebody in sooner than was said.", kind="override")
        return write_override(flag, subject_id, value, reason, expires_at, set_by_id=actor_id(acting_user))


def write_override(
    flag: Flag, subject_id: UUID, value: bool, reason: str, expires_at: datetime, *, set_by_id: UUID
) -> UserOverride:
    """Write an override of a flag under lock; raises as `set_user_override`."""
    if value:
        not_while_killed(flag)
    if expires_at <= clock.now():
        raise InvalidInput("An override ends in the future.", pointer="/expires_at")
    fields = {"value": value, "reason": reason.strip(), "expires_at": expires_at, "set_by_id": set_by_id}
    row = UserOverride.objects.filter(flag=flag, subject_id=subject_id).first()
    row = row or UserOverride(flag=flag, subject_id=subject_id)
    for name, given in fields.items():
        setattr(row, name, given)
    row.save()
    metadata = {"key": flag.name, "value": value, "expires_at": expires_at.isoformat(), "reason": reason}
    record_override("flag.override", flag, subject_id, metadata)
    return row


def clear_user_override(*, key: str, subject_id: UUID, reason: str, acting_user: Actor) -> None:
    """End an override before its time; raises as `change_flag`, NotVisible also where there is none.

    One that keeps somebody out of a guarded flag ends by itself, or by an agreed change.
    """
    with unit_of_work(acting_user):
        flag = managed_flag(key, reason, acting_user)
        row = UserOverride.objects.filter(flag=flag, subject_id=subject_id).first()
        if row is None:
            raise NotVisible("There is no such override.")
        if _keeps_out(flag, row):
            raise SecondPersonNeeded(f"The override keeps somebody out of {key}, which is guarded.", kind="override")
        remove_override(flag, row, reason)


def remove_override(flag: Flag, row: UserOverride, reason: str) -> None:
    """Remove an override of a flag under lock, and tell the audit log."""
    row.delete()
    record_override("flag.override_clear", flag, row.subject_id, {"key": flag.name, "reason": reason})


def _keeps_out(flag: Flag, row: UserOverride) -> bool:
    return flag.guarded and not row.value and row.expires_at > clock.now()


def set_group(*, name: str, subject_ids: Iterable[UUID], acting_user: Actor) -> FlagGroup:
    """Make exactly these subjects a named group of allowlist stages.

    Raises:
        NotPermitted: the role may not manage rollouts.
        SecondPersonNeeded: it adds to a group that lets people in to a guarded flag now, or will at a later stage.
    """
    with unit_of_work(acting_user):
        require(acting_user, "rollout:manage")
        group, _ = FlagGroup.objects.get_or_create(name=name)
        wanted = set(subject_ids)
        if wanted - _members(group) and lets_in(group):
            raise SecondPersonNeeded(f"{name} lets people in to a guarded flag; ask a second person.", kind="change")
        write_group(group, wanted)
        return group


def lets_in(group: FlagGroup) -> bool:
    """Return whether a group lets people in to a guarded flag, now or at a stage of a run that is drafted or live."""
    if group.flags.filter(guarded=True).exists():
        return True
    coming = Rollout.objects.filter(state__in=[State.DRAFT.value, *(state.value for state in LIVE_STATES)])
    return any(group.name in stage.groups for run in coming for stage in policy_of(run).stages)


def write_group(group: FlagGroup, wanted: set[UUID]) -> None:
    """Write who belongs to a group, and tell the audit log."""
    FlagGroup.objects.select_for_update().get(pk=group.pk)  # one at a time: the last event tells what stands
    present = _members(group)
    FlagGroupMember.objects.filter(group=group, subject_id__in=present - wanted).delete()
    FlagGroupMember.objects.bulk_create(
        [FlagGroupMember(group=group, subject_id=subject) for subject in sorted(wanted - present)], batch_size=500
    )
    if wanted != present:
        metadata = {"name": group.name, "added": len(wanted - present), "removed": len(present - wanted)}
        action = record("flag.group_change", target_id=group.pk, metadata=metadata)
        record("flag.group_state", target_id=group.pk, metadata=digest_of_members(group.pk), linked_to=action)
        transaction.on_commit(LIVE.refresh)


def _members(group: FlagGroup) -> set[UUID]:
    return set(group.members.values_list("subject_id", flat=True))


def _guard(flag: Flag, changes: Mapping[str, Any]) -> None:
    wider = reaches_more(fields_of(flag), changes) if flag.guarded else []
    if wider:
        words = ", ".join(wider)
        raise SecondPersonNeeded(f"{flag.name} is guarded, and {words} would reach more people.", kind="change")
