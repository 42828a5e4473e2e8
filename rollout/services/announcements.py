"""Announcements to users (H4): drafted, published, changed and resolved by administrators."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from accounts.models import Role, Tier
from accounts.scope import require
from audit.services import record
from common import clock
from common.actors import actor_id
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible, WrongState
from rollout.models import Announcement, AnnouncementKind, Audience, Flag
from rollout.policies import Actor

LONGEST: Final = {"title": 120, "body": 4000}
FIELDS: Final = ("kind", "title", "body", "audience", "audience_value", "ends_at")


def draft_announcement(*, fields: Mapping[str, Any], acting_user: Actor) -> Announcement:
    """Write an announcement that nobody sees yet.

    Raises:
        NotPermitted: the role writes none.
        InvalidInput: an unknown field, no title or text, an audience that does not exist.
    """
    with unit_of_work(acting_user):
        require(acting_user, "announcement:write")
        row = Announcement(written_by_id=actor_id(acting_user))
        _fill(row, fields)
        row.save(force_insert=True)
        _record("announcement.change", row)
        return row


def change_announcement(*, announcement_id: UUID, fields: Mapping[str, Any], acting_user: Actor) -> Announcement:
    """Change a draft, or correct what is published; raises as `draft_announcement`, and NotVisible."""
    with unit_of_work(acting_user):
        row = _locked(announcement_id, acting_user)
        _fill(row, fields)
        row.save()
        _record("announcement.change", row)
        return row


def publish_announcement(*, announcement_id: UUID, acting_user: Actor) -> Announcement:
    """Show a draft to its audience from now on.

    Raises:
        NotPermitted, NotVisible: as `change_announcement`.
        WrongState: it is published, or its end is past.
    """
    with unit_of_work(acting_user):
        row = _locked(announcement_id, acting_user)
        now = clock.now()
        if row.published_at is not None:
            raise WrongState("This is published already.")
        if row.ends_at is not None and row.ends_at <= now:
            raise WrongState("Its end is past: nobody would see it.")
        row.published_at = now
        row.save(update_fields=["published_at"])
        _record("announcement.publish", row)
        return row


def resolve_issue(*, announcement_id: UUID, acting_user: Actor) -> Announcement:
    """Mark a published known issue as resolved; it stays readable, as resolved, until its end.

    Raises:
        NotPermitted, NotVisible: as `change_announcement`.
        WrongState: no known issue, not published, or resolved already.
    """
    with unit_of_work(acting_user):
        row = _locked(announcement_id, acting_user)
        if row.kind != AnnouncementKind.KNOWN_ISSUE or row.published_at is None or row.resolved_at is not None:
            raise WrongState("Only a published known issue that is open can be resolved.")
        row.resolved_at = clock.now()
        row.save(update_fields=["resolved_at"])
        _record("announcement.resolve", row)
        return row


def _locked(announcement_id: UUID, acting_user: Actor) -> Announcement:
    require(acting_user, "announcement:write")
    row = Announcement.objects.select_for_update().filter(pk=announcement_id).first()
    if row is None:
        raise NotVisible("There is no such announcement.")
    return row


def _fill(row: Announcement, fields: Mapping[str, Any]) -> None:
    if unknown := fields.keys() - set(FIELDS):
        raise InvalidInput(f"{', '.join(sorted(unknown))} cannot be set.")
    for name, value in fields.items():
        setattr(row, name, value.strip() if isinstance(value, str) else value)
    for name, longest in LONGEST.items():
        if not 0 < len(getattr(row, name)) <= longest:
            raise InvalidInput(f"{name} has 1 to {longest} characters.", pointer=f"/{name}")
    if row.kind not in AnnouncementKind.values:
        raise InvalidInput(f"kind is one of {', '.join(AnnouncementKind.values)}.", pointer="/kind")
    if row.kind != AnnouncementKind.KNOWN_ISSUE and row.resolved_at is not None:
        raise InvalidInput("A resolved issue stays a known issue.", pointer="/kind")
    _check_audience(row)


def _check_audience(row: Announcement) -> None:
    if row.audience == Audience.FLAG:
        known = Flag.objects.filter(name=row.audience_value).exists()
    else:
        values: dict[str, list[str]] = {"all": [""], "tier": Tier.values, "role": Role.values}
        known = row.audience_value in values.get(row.audience, [])
    if not known:
        text = "Leave it empty for everybody; else name a tier, a role or a flag that exists."
        raise InvalidInput(text, pointer="/audience_value")


def _record(action: str, row: Announcement) -> None:
    about = {"kind": row.kind, "title": row.title, "audience": row.audience, "audience_value": row.audience_value}
    event = record(action, target_id=row.pk, metadata=about)
    moments = {name: getattr(row, name) for name in ("published_at", "ends_at", "resolved_at")}
    state = {**moments, "body_sha256": hashlib.sha256(row.body.encode()).hexdigest()}
    record("announcement.state", target_id=row.pk, metadata=state, linked_to=event)
