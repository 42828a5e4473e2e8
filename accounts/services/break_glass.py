"""Break-glass: an administrator reads personal payload of the audit log for half an hour, and compliance hears why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from accounts.models import BreakGlass, User
from accounts.scope import require
from accounts.services.holds import checked_reason
from audit.models import AuditEvent
from audit.services import record
from common import clock
from common.context import in_unit_of_work, unit_of_work
from common.errors import NotVisible, WrongState
from common.keys import encrypt_for

LASTS: Final = timedelta(minutes=30)


def open_glass_of(user: Any) -> BreakGlass | None:
    """Return the user's break-glass that is open now."""
    if not isinstance(user, User) or not user.is_active:
        return None
    return BreakGlass.objects.filter(user=user, closed_at=None, expires_at__gt=clock.now()).first()


def open_break_glass(*, reason: str, acting_user: User) -> BreakGlass:
    """Let the administrator read personal payload for `LASTS`.

    Raises:
        NotPermitted: the role has no break-glass.
        InvalidInput: no reason.
        WrongState: one is open already.
    """
    with unit_of_work(acting_user):
        require(acting_user, "audit:break_glass")
        User.objects.select_for_update().get(pk=acting_user.pk)  # two at once would be two
        if open_glass_of(acting_user):
            raise WrongState("It is open already.")
        said = checked_reason(reason)
        now = clock.now()
        glass = BreakGlass.objects.create(
            user=acting_user, created_at=now, expires_at=now + LASTS, reason=encrypt_for(acting_user.pk, said)
        )
        metadata = {"reason": said, "minutes": LASTS.seconds // 60}
        _tell_state(glass, record("break_glass.open", target_id=glass.pk, metadata=metadata))
        return glass


def close_break_glass(*, acting_user: User) -> BreakGlass:
    """End the user's own break-glass before its time.

    Raises:
        WrongState: none is open.
    """
    with unit_of_work(acting_user):
        glass = open_glass_of(acting_user)
        now = clock.now()
        if glass is None or not BreakGlass.objects.filter(pk=glass.pk, closed_at=None).update(closed_at=now):
            raise WrongState("Nothing is open.")
        glass.closed_at = now
        _tell_state(glass, record("break_glass.close", target_id=glass.pk))
        return glass


def record_reading(user: Any, *, page: str, subject_id: UUID | None, events: int) -> None:
    """Record that a break-glass was used to read a page; does nothing for who needs none, or without an open one."""
    glass = open_glass_of(user) if in_unit_of_work(writable=True) else None
    if glass is not None:
        metadata = {"page": page, "events": events}
        record("break_glass.read", target_id=glass.pk, subject_id=subject_id, metadata=metadata)


def review_break_glass(*, glass_id: UUID, note: str, acting_user: User) -> BreakGlass:
    """Say that a use was looked into; compliance alone, once, and after it has ended.

    Raises:
        NotPermitted: the role does not review.
        NotVisible: there is no such use.
        WrongState: still open, or reviewed already.
        InvalidInput: no note.
    """
    with unit_of_work(acting_user):
        require(acting_user, "audit:review")
        glass = BreakGlass.objects.select_for_update().filter(pk=glass_id).first()
        if glass is None:
            raise NotVisible("There is no such use.")
        if glass.is_open or glass.reviewed_at:
            raise WrongState("It is still open." if glass.is_open else "Somebody has reviewed it already.")
        said = checked_reason(note, "/note")
        glass.reviewed_at, glass.reviewed_by_id = clock.now(), acting_user.pk
        glass.review_note = encrypt_for(acting_user.pk, said)
        glass.save(update_fields=["reviewed_at", "reviewed_by_id", "review_note"])
        _tell_state(glass, record("break_glass.review", target_id=glass.pk, metadata={"note": said}))
        return glass


def _tell_state(glass: BreakGlass, action: AuditEvent) -> None:
    state = {
        "is_open": glass.is_open,
        "expires_at": glass.expires_at.isoformat(),
        "reviewed": glass.reviewed_at is not None,
    }
    record("break_glass.state", target_id=glass.pk, metadata=state, linked_to=action)
