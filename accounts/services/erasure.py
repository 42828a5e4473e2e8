"""Erasing a person: asked for by one, confirmed by another, done table by table as `common.erasure` lists it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.errors import UnderLegalHold
from accounts.holds import held_among, lock_person
from accounts.models import Athlete, ErasureRequest, ErasureState, Role, User
from accounts.notices import ERASURE_REQUESTED
from accounts.scope import athlete_for, require
from accounts.services.holds import checked_reason
from accounts.services.note_erasures import note_erasures
from accounts.services.notify import notify
from audit.models import AuditEvent
from audit.services import record
from common import clock
from common.actors import actor_id
from common.context import COMMAND_LINE, ServiceIdentity, after_unit, register_service, unit_of_work
from common.erasure import ERASURE, Person
from common.errors import NotPermitted, NotVisible, WrongState
from common.keys import destroy_key, encrypt_for, renew_destroyed_key

Actor = User | ServiceIdentity
ERASER: Final = register_service("eraser")


@dataclass(frozen=True)
class TableLine:
    """One table of the report: how many rows of the person there were, and how many were changed (None: stays)."""

    table: str
    does: str
    rows: int
    changed: int | None


@dataclass(frozen=True)
class Erased:
    """What was done, or in a dry run would be."""

    athlete_id: UUID
    request_id: UUID | None
    keys: int
    tables: list[TableLine]


def request_erasure(*, athlete_id: UUID, reason: str, acting_user: Actor) -> ErasureRequest:
    """Ask for an athlete to be erased; athletes for themselves, administrators for anybody. An administrator decides.

    Raises:
        NotVisible, NotPermitted: as `athlete_for` with `erasure:request`.
        InvalidInput: no reason.
        UnderLegalHold: everything about this athlete has to be kept.
        WrongState: a request is open, or the athlete was erased.
    """
    with unit_of_work(acting_user):
        athlete = athlete_for(acting_user, "erasure:request", athlete_id, lock=True)
        said = checked_reason(reason)
        _refuse_if_done_or_held(athlete)
        try:
            with transaction.atomic():
                asked = ErasureRequest.objects.create(
                    athlete=athlete, requested_by_id=actor_id(acting_user), reason=encrypt_for(athlete.pk, said)
                )
        except IntegrityError as error:
            raise WrongState("A request to erase this athlete is open already.") from error
        action = record("erasure.request", target_id=asked.pk, subject_id=athlete.pk, metadata={"reason": said})
        _tell_state(asked, action)
        _tell_administrators(asked)
        return asked


def refuse_erasure(*, request_id: UUID, reason: str, acting_user: Actor) -> ErasureRequest:
    """Close a request without erasing anybody.

    Raises:
        NotPermitted: only who confirms erasures may.
        NotVisible, WrongState: no such request; it is closed already.
        InvalidInput: no reason.
    """
    with unit_of_work(acting_user):
        require(acting_user, "erasure:confirm")
        asked = _open_request(request_id)
        said = checked_reason(reason)
        asked.state, asked.answer = ErasureState.REFUSED, encrypt_for(asked.athlete_id, said)
        asked.decided_by_id, asked.decided_at = actor_id(acting_user), clock.now()
        asked.save(update_fields=["state", "answer", "decided_by_id", "decided_at"])
        action = record("erasure.refuse", target_id=asked.pk, subject_id=asked.athlete_id, metadata={"reason": said})
        _tell_state(asked, action)
        return asked


def confirm_erasure(*, request_id: UUID, acting_user: Actor) -> Erased:
    """Erase the athlete of a request: the second pair of eyes, and the point of no return.

    Raises:
        NotPermitted: only who confirms erasures may, and never who asked.
        NotVisible, WrongState: no such request; it is closed already.
        UnderLegalHold: a hold was placed meanwhile.
    """
    with unit_of_work(acting_user):
        require(acting_user, "erasure:confirm")
        asked = _open_request(request_id)
        if asked.requested_by_id == actor_id(acting_user):
            raise NotPermitted("Somebody else has to confirm what you asked for.")
        return _erase(asked, acting_user)


def erase_from_command_line(*, athlete_id: UUID, reason: str) -> Erased:
    """Ask (unless somebody has) and erase at once: who has a shell on the server could empty the tables as well.

    Raises:
        As `request_erasure`.
    """
    with unit_of_work(COMMAND_LINE):
        athlete = athlete_for(COMMAND_LINE, "erasure:request", athlete_id, lock=True)
        asked = ErasureRequest.objects.filter(athlete=athlete, state=ErasureState.OPEN).first()
        asked = asked or request_erasure(athlete_id=athlete_id, reason=reason, acting_user=COMMAND_LINE)
    return confirm_erasure(request_id=asked.pk, acting_user=ERASER)


def erase_restored(*, athlete_id: UUID) -> Erased:
    """Erase somebody who was erased already and came back with a backup from before.

    Where a newer backup's keys were restored, theirs is destroyed already, and what ends grants and consents would
    refuse: they get a new one until the erasure destroys it, which opens nothing of what was written.

    Raises:
        As `request_erasure`, but for the reason.
    """
    with unit_of_work(COMMAND_LINE):
        athlete = athlete_for(COMMAND_LINE, "erasure:request", athlete_id, lock=True)
        renew_destroyed_key(athlete_id)
        _refuse_if_done_or_held(athlete)
        asked = ErasureRequest.objects.filter(athlete=athlete, state=ErasureState.OPEN).first()
        if asked is None:
            by = actor_id(COMMAND_LINE)
            asked = ErasureRequest.objects.create(athlete=athlete, requested_by_id=by, reason=b"")
            _tell_state(asked, record("erasure.request", target_id=asked.pk, subject_id=athlete.pk))
    return confirm_erasure(request_id=asked.pk, acting_user=ERASER)


def what_would_go(*, athlete_id: UUID, acting_user: Actor) -> Erased:
    """Return what erasing would do, table by table; changes nothing.

    Raises:
        NotVisible, NotPermitted: as `athlete_for` with `erasure:confirm`.
    """
    with unit_of_work(acting_user, read_only=True):
        person = person_of(athlete_for(acting_user, "erasure:confirm", athlete_id))
        lines = [TableLine(t.table, t.does, t.rows(person).count(), None) for _, t in ERASURE.items()]
        return Erased(athlete_id, None, len(person.ids), lines)


def person_of(athlete: Athlete) -> Person:
    """Return the athlete with the log-in that goes with them; a coach's or administrator's own log-in stays."""
    user = athlete.user
    return Person(athlete.pk, user.pk if user is not None and user.role == Role.ATHLETE else None)


def _erase(asked: ErasureRequest, acting_user: Actor) -> Erased:
    """Go through the tables, destroy the keys last, and record what was done."""
    athlete = athlete_for(acting_user, "erasure:confirm", asked.athlete_id, lock=True)
    _refuse_if_done_or_held(athlete)
    person = person_of(athlete)
    lines = []
    for _, table in ERASURE.items():
        count = table.rows(person).count()
        changed = table.change(table.rows(person), person) if table.change else None
        lines.append(TableLine(table.table, table.does, count, changed))
    destroyed = sum(destroy_key(pk) for pk in person.ids)
    changed_rows = {line.table: line.changed for line in lines if line.changed is not None}
    asked.state, asked.report = ErasureState.DONE, changed_rows
    asked.decided_by_id, asked.decided_at = actor_id(acting_user), clock.now()
    asked.save(update_fields=["state", "report", "decided_by_id", "decided_at"])
    metadata = {"tables": changed_rows, "keys_destroyed": destroyed}
    _tell_state(asked, record("erasure.execute", target_id=asked.pk, subject_id=athlete.pk, metadata=metadata))
    after_unit(note_erasures)
    return Erased(athlete.pk, asked.pk, destroyed, lines)


def _refuse_if_done_or_held(athlete: Athlete) -> None:
    if ErasureRequest.objects.filter(athlete=athlete, state=ErasureState.DONE).exists():
        raise WrongState("This athlete was erased already.")
    lock_person(athlete.pk)
    if held_among([athlete.pk]):
        raise UnderLegalHold()


def _open_request(request_id: UUID) -> ErasureRequest:
    asked = ErasureRequest.objects.select_for_update().filter(pk=request_id).first()
    if asked is None:
        raise NotVisible("There is no such request.")
    if asked.state != ErasureState.OPEN:
        raise WrongState(f"This request is closed: {asked.get_state_display().lower()}.")
    return asked


def _tell_state(asked: ErasureRequest, action: AuditEvent) -> None:
    state = {"state": asked.state}
    record("erasure.state", target_id=asked.pk, subject_id=asked.athlete_id, metadata=state, linked_to=action)


def _tell_administrators(asked: ErasureRequest) -> None:
    """Notify those who may confirm it: everybody but who asked."""
    deciding = User.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=asked.requested_by_id)
    notify(
        user_ids=list(deciding.values_list("pk", flat=True)),
        kind=ERASURE_REQUESTED,
        subject_id=asked.athlete_id,
        target_type="erasure_request",
        target_id=asked.pk,
        data={"request_id": str(asked.pk)},
        dedupe_key=f"{ERASURE_REQUESTED}:{asked.pk}",
    )
