"""Who may read what of the log. People come from a floor above, so that it says who they are through registries."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from audit.canonical import unpack
from audit.dropped import archived_bytes, dropped_events
from audit.errors import EventDropped
from audit.models import AuditEvent, AuditLeaf
from common.admin import may
from common.context import ServiceIdentity
from common.errors import NotPermitted, NotVisible
from common.registries import Registry

# Filled by accounts: an exception (break-glass) that is open for a user, with its end at `expires_at`, or None.
EXCEPTIONS: Registry[Callable[[Any], Any]] = Registry("exceptions to what users decrypt", required=("accounts",))
# Filled by accounts: record that an exception was used to read a page: (user, page=…, subject_id=…, events=…).
READINGS: Registry[Callable[..., None]] = Registry("records of exceptional reading", required=("accounts",))
# Filled by accounts: the subjects (athletes) who a user is.
OWN_SUBJECTS: Registry[Callable[[Any], Collection[UUID]]] = Registry("own subjects", required=("accounts",))


def may_read_log(user: Any) -> bool:
    """Return whether the user reads every event: compliance and administrators, and services."""
    return isinstance(user, ServiceIdentity) or may(user, "audit:read")


def may_decrypt(user: Any) -> bool:
    """Return whether the user reads personal payload: compliance, and who has broken the glass."""
    if isinstance(user, ServiceIdentity):
        return False
    return may(user, "audit:decrypt") or open_exception(user) is not None


def open_exception(user: Any) -> Any:
    """Return the break-glass that lets a user read personal payload for now, None where none is open."""
    return EXCEPTIONS.get("accounts")(user)


def require_log(user: Any) -> None:
    """Refuse who may not read every event.

    Raises:
        NotPermitted: the matrix does not grant audit:read.
    """
    if not may_read_log(user):
        raise NotPermitted("Only compliance and administrators read the audit log.")


def event_for(user: Any, event_id: UUID) -> AuditEvent:
    """Fetch an event: any for who reads the log, for athletes what concerns them; a dropped one from the archive.

    Raises:
        NotVisible: there is none, or it is not theirs.
        EventDropped: only the archive has it, which cannot be read (for who reads the log).
    """
    event = AuditEvent.objects.filter(pk=event_id).first() or _archived_event(user, event_id)
    if event is not None and (may_read_log(user) or event.subject_id in own_subjects(user)):
        return event
    raise NotVisible("There is no such event, or you may not see it.")


def _archived_event(user: Any, event_id: UUID) -> AuditEvent | None:
    leaf = AuditLeaf.objects.filter(event_id=event_id).first()
    if leaf is None or leaf.leaf_index not in dropped_events():
        return None
    try:
        return AuditEvent(**unpack(archived_bytes(leaf)))
    except EventDropped:
        if may_read_log(user):
            raise
        return None  # whose it was is not known here, and others are not told that it ever was


def own_subjects(user: Any) -> frozenset[UUID]:
    """Return the subjects who the user is."""
    return frozenset(OWN_SUBJECTS.get("accounts")(user))
