"""Writing a flag's row: under its lock, with the act and the resulting state in the audit log (B6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.scope import require
from audit.services import record
from common.errors import InvalidInput, NotVisible, WrongState
from rollout.models import Flag, FlagGroup
from rollout.policies import Actor
from rollout.selectors import LIVE, digest_of_overrides

STATE_FIELDS = (
    "admin_override",
    "description",
    "enabled",
    "guarded",
    "killed_at",
    "requires_tier",
    "rollout_id",
    "rollout_stage",
    "rollout_thousandths",
    "salt",
)

LONGEST_REASON = 300


def locked_flag(key: str) -> Flag:
    """Return a flag under lock; where a run is locked as well, it was locked first.

    Raises:
        NotVisible: there is no such flag.
    """
    flag = Flag.objects.select_for_update(no_key=True).filter(name=key).first()
    if flag is None:
        raise NotVisible(f"There is no flag {key}.")
    return flag


def said(reason: str, *, pointer: str = "/reason") -> None:
    """Refuse a change that says nothing, or more than is kept.

    Raises:
        InvalidInput: no reason, one of more than 300 characters, or with a character that no text has.
    """
    if not reason.strip():
        raise InvalidInput("Say why.", pointer=pointer)
    if len(reason.strip()) > LONGEST_REASON or "\0" in reason:
        raise InvalidInput(f"A reason has at most {LONGEST_REASON} readable characters.", pointer=pointer)


def managed_flag(key: str, reason: str, acting_user: Actor) -> Flag:
    """Authorise a change of a flag and return the flag under lock.

    Raises:
        NotPermitted: the role may not manage rollouts.
        InvalidInput: no reason.
        NotVisible: there is no such flag.
    """
    require(acting_user, "rollout:manage")
    said(reason)
    return locked_flag(key)


def not_while_killed(flag: Flag) -> None:
    """Refuse what a kill would hide.

    Raises:
        WrongState: the flag is killed.
    """
    if flag.killed_at is not None:
        raise WrongState(f"{flag.name} is killed; resume it before switching it on for anybody.")


def groups_named(names: Sequence[str]) -> list[FlagGroup]:
    """Return groups by name; one that does not exist yet is made empty: a stage may be planned before its people."""
    return [FlagGroup.objects.get_or_create(name=name)[0] for name in names]


def fields_of(flag: Flag) -> dict[str, Any]:
    """Return what a flag decides by, as plain values; groups by name."""
    groups = sorted(flag.allow_groups.values_list("name", flat=True))
    return {name: getattr(flag, name) for name in STATE_FIELDS} | {"groups": groups}


def write_flag(flag: Flag, changes: Mapping[str, Any], reason: str) -> bool:
    """Write what differs and tell the audit log; return whether anything did. `groups` are names."""
    before = fields_of(flag)
    diff = {name: [before[name], value] for name, value in changes.items() if before[name] != value}
    if not diff:
        return False
    for name in diff:
        if name == "groups":
            flag.allow_groups.set(groups_named(changes["groups"]))
        else:
            setattr(flag, name, changes[name])
    flag.save()
    record_change(flag, diff, reason)
    return True


def record_change(flag: Flag, diff: Mapping[str, Any], reason: str) -> None:
    """Log a change twice, and let this process see it after the commit."""
    metadata = {"key": flag.name, "changes": dict(diff), "reason": reason}
    action = record("flag.change", target_id=flag.pk, metadata=metadata)
    state = {"key": flag.name, "state": fields_of(flag)}
    record("flag.state", target_id=flag.pk, metadata=state, linked_to=action)
    transaction.on_commit(LIVE.refresh)


def record_override(action: str, flag: Flag, subject_id: UUID, metadata: dict[str, Any]) -> None:
    """Log a change of an override twice; the reason is ciphertext of the subject, whose erasure takes it away."""
    named = {**metadata, "subject_id": str(subject_id)}
    event = record(action, target_id=flag.pk, subject_id=subject_id, metadata=named)
    state = {"key": flag.name, **digest_of_overrides(flag.pk)}
    record("flag.override_state", target_id=flag.pk, metadata=state, linked_to=event)
    transaction.on_commit(LIVE.refresh)
