"""Placing and lifting legal holds."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts.directory import athlete_names
from accounts.holds import lock_person
from accounts.models import LegalHold, User
from accounts.scope import require
from audit.models import AuditEvent
from audit.services import record
from common import clock
from common.actors import actor_id
from common.context import ServiceIdentity, unit_of_work
from common.errors import InvalidInput, NotVisible, WrongState
from common.keys import encrypt_for

Actor = User | ServiceIdentity
LONGEST_REASON = 500


def place_hold(*, athlete_id: UUID, reason: str, held_until: datetime | None, acting_user: Actor) -> LegalHold:
    """Keep everything about an athlete from now on, until a moment or until somebody lifts it.

    Raises:
        NotPermitted: only who manages holds may.
        NotVisible: there is no such athlete.
        InvalidInput: no reason, or an end that is past.
        KeyDestroyed: the athlete was erased; there is nothing left to hold.
    """
    with unit_of_work(acting_user):
        require(acting_user, "hold:manage")
        if athlete_id not in athlete_names([athlete_id]):
            raise NotVisible("There is no such athlete.")
        lock_person(athlete_id)
        said = checked_reason(reason)
        if held_until is not None and held_until <= clock.now():
            raise InvalidInput("The end lies ahead; leave it empty for a hold without an end.", pointer="/held_until")
        hold = LegalHold.objects.create(
            athlete_id=athlete_id,
            reason=encrypt_for(athlete_id, said),
            placed_by_id=actor_id(acting_user),
            held_until=held_until,
        )
        action = record("hold.place", target_id=hold.pk, subject_id=athlete_id, metadata=_facts(hold, said))
        _tell_state(hold, action)
        return hold


def lift_hold(*, hold_id: UUID, reason: str, acting_user: Actor) -> LegalHold:
    """End a hold now.

    Raises:
        NotPermitted: only who manages holds may.
        NotVisible: there is no such hold.
        WrongState: it does not hold any more.
        InvalidInput: no reason.
    """
    with unit_of_work(acting_user):
        require(acting_user, "hold:manage")
        hold = LegalHold.objects.select_for_update().filter(pk=hold_id).first()
        if hold is None:
            raise NotVisible("There is no such hold.")
        if not hold.holds:
            raise WrongState("This hold has ended already.")
        said = checked_reason(reason)
        hold.ended_at, hold.ended_by_id = clock.now(), actor_id(acting_user)
        hold.save(update_fields=["ended_at", "ended_by_id"])
        action = record("hold.lift", target_id=hold.pk, subject_id=hold.athlete_id, metadata={"reason": said})
        _tell_state(hold, action)
        return hold


def checked_reason(reason: str, pointer: str = "/reason") -> str:
    """Return a reason without blanks around it.

    Raises:
        InvalidInput: there is none, or it is too long.
    """
    said = reason.strip()
    if not said or len(said) > LONGEST_REASON:
        raise InvalidInput(f"Say why, in up to {LONGEST_REASON} characters.", pointer=pointer)
    return said


def _facts(hold: LegalHold, reason: str) -> dict[str, str | None]:
    return {"reason": reason, "held_until": hold.held_until.isoformat() if hold.held_until else None}


def _tell_state(hold: LegalHold, action: AuditEvent) -> None:
    state = {"holds": hold.holds, "held_until": hold.held_until.isoformat() if hold.held_until else None}
    record("hold.state", target_id=hold.pk, subject_id=hold.athlete_id, metadata=state, linked_to=action)
