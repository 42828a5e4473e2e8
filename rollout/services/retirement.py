"""Retiring a flag whose rollout is over (J1's last steps): what has to be true first, and the mark on the flag.

A retired flag stays at 100 %: without its row every process would answer off, and code that still asks for it would
fall back to what it replaced. A system check names that code until it is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from accounts.models import User
from accounts.scope import require
from audit.services import record
from common import clock
from common.context import ServiceIdentity, unit_of_work
from common.errors import NotVisible, WrongState
from rollout.ages import full_since, is_full, retired_at
from rollout.lifecycle import LIVE as LIVE_STATES
from rollout.lifecycle import State
from rollout.models import Flag, Incident, IncidentStatus, Rollout, UserOverride
from rollout.references import Reference, references
from rollout.runs import policy_of
from rollout.selectors import LIVE
from rollout.services.writing import fields_of, managed_flag

Actor = User | ServiceIdentity


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the deprecation checklist; one that `blocks` has to be done before the flag is retired."""

    what: str
    done: bool
    note: str
    blocks: bool = True


@dataclass(frozen=True, slots=True)
class Checklist:
    """Whether a flag may be retired, and where the code mentions it."""

    key: str
    items: tuple[Item, ...]
    references: tuple[Reference, ...]

    @property
    def missing(self) -> list[Item]:
        return [item for item in self.items if item.blocks and not item.done]


def checklist(*, key: str, acting_user: Actor) -> Checklist:
    """Return what has to be true before a flag is retired, and what is.

    Raises:
        NotPermitted, NotVisible: not the role's; no such flag.
    """
    with unit_of_work(acting_user, read_only=True):
        require(acting_user, "rollout:manage")
        flag = Flag.objects.filter(name=key).first()
        if flag is None:
            raise NotVisible(f"There is no flag {key}.")
        items = tuple(_items(flag, clock.now()))
    return Checklist(key, items, tuple(references(settings.BASE_DIR, key)))


def retire_flag(*, key: str, reason: str, acting_user: Actor) -> Checklist:
    """Mark a flag as retired; it stays on. Nobody more is reached by it, so that no second person is asked.

    Raises:
        NotPermitted, NotVisible, InvalidInput: not the role's; no such flag; no reason.
        WrongState: retired already, or something on the checklist is missing.
    """
    mentioned = tuple(references(settings.BASE_DIR, key))
    with unit_of_work(acting_user):
        flag, now = managed_flag(key, reason, acting_user), clock.now()
        if retired_at(flag) is not None:
            raise WrongState(f"{key} was retired on {flag.metadata['retired_at'][:10]}.")
        found = Checklist(key, tuple(_items(flag, now)), mentioned)
        if found.missing:
            raise WrongState("; ".join(f"{item.what}: {item.note}" for item in found.missing))
        flag.metadata = {**flag.metadata, "retired_at": now.isoformat()}
        flag.save()
        metadata = {"key": key, "reason": reason, "references": len(mentioned)}
        action = record("flag.retire", target_id=flag.pk, metadata=metadata)
        state = {"key": key, "state": fields_of(flag)}
        record("flag.state", target_id=flag.pk, metadata=state, linked_to=action)
        transaction.on_commit(LIVE.refresh)
        return found


def _items(flag: Flag, now: datetime) -> Sequence[Item]:
    runs = Rollout.objects.filter(flag=flag)
    live = runs.filter(state__in=sorted([*LIVE_STATES, State.DRAFT])).first()
    last = runs.filter(stage_entered_at__isnull=False).order_by("-id").first()
    open_incidents = Incident.objects.filter(flag=flag).exclude(status=IncidentStatus.CLOSED).count()
    kept_out = UserOverride.objects.filter(flag=flag, value=False, expires_at__gt=now).count()
    tier = flag.requires_tier
    return [
        Item("no rollout is asked for or live", live is None, live.state.replace("_", " ") if live else "none"),
        Item(
            "the last rollout completed",
            last is not None and last.state == State.COMPLETED,
            last.state.replace("_", " ") if last else "it never had one",
        ),
        _full_for(flag, last, now),
        Item("no incident is open", not open_incidents, f"{open_incidents} open"),
        Item("no override keeps anybody out", not kept_out, f"{kept_out} would get it", blocks=False),
        Item(
            "no tier is left out", not tier, f"{tier} or better: a rule the code keeps" if tier else "every tier", False
        ),
    ]


def _full_for(flag: Flag, last: Rollout | None, now: datetime) -> Item:
    needed = policy_of(last).retire_after if last is not None else timedelta(days=30)
    what = f"at 100 % for {needed.days} days"
    since = full_since([flag.pk]).get(flag.pk) if is_full(flag) else None
    if since is None:
        share = f"{flag.rollout_thousandths / 1000:g} %"
        return Item(what, False, f"it is at {share}" + (", killed or switched off" if share == "100 %" else ""))
    return Item(what, now - since >= needed, f"since {since:%Y-%m-%d} ({(now - since).days} days)")
