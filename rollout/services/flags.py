"""Changing flags; engine, stages and approvals build on these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.models import User
from accounts.scope import require
from audit.services import record
from common.context import ServiceIdentity, unit_of_work
from common.errors import InvalidInput, NotVisible
from rollout.evaluation import FULL
from rollout.models import Flag

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
        require(acting_user, "rollout:manage")
        if not reason.strip():
            raise InvalidInput("A change of a flag needs a reason.", pointer="/reason")
        flag = Flag.objects.select_for_update().filter(name=key).first()
        if flag is None:
            raise NotVisible(f"There is no flag {key}.")
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


def _record_change(flag: Flag, diff: Mapping[str, Any], reason: str) -> None:
    action = record(
        "flag.change", target_id=flag.pk, metadata={"key": flag.name, "changes": dict(diff), "reason": reason}
    )
    state = {name: getattr(flag, name) for name in sorted(CHANGEABLE)}
    record("flag.state", target_id=flag.pk, metadata={"key": flag.name, "state": state}, linked_to=action)
