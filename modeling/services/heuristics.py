"""Heuristics: written by a data scientist, switched on for training, retired; condition and adjustment never change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import IntegrityError, transaction

from accounts.scope import require
from audit.models import AuditEvent
from audit.services import record
from common.actors import actor_id
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible, WrongState
from modeling.learned.heuristics import Heuristic, WrongHeuristic, read_heuristic
from modeling.models import HeuristicRow, HeuristicStatus
from modeling.policies import MANAGE, Actor

LONGEST_REASON: Final = 300
_STEPS: Final = {
    "activate": ((HeuristicStatus.DRAFT,), HeuristicStatus.ACTIVE),
    "retire": ((HeuristicStatus.DRAFT, HeuristicStatus.ACTIVE), HeuristicStatus.RETIRED),
}


def create_heuristic(*, document: Mapping[str, Any], reason: str, acting_user: Actor) -> HeuristicRow:
    """Write a heuristic as a draft, which no training and no plan uses yet.

    Raises:
        NotPermitted: not the role's.
        InvalidInput: no reason, a name that is taken, or the document makes no sense: at its place.
    """
    with unit_of_work(acting_user):
        require(acting_user, MANAGE)
        why = reason_of(reason)
        heuristic = _read(document)
        row = HeuristicRow(name=heuristic.name, document_json=heuristic.as_json(), created_by_id=actor_id(acting_user))
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise InvalidInput(f"There is a heuristic {heuristic.name} already.", pointer="/name") from error
        metadata = {"name": row.name, "document": row.document_json, "reason": why}
        tell_state(row, record("heuristic.create", target_id=row.pk, metadata=metadata))
        return row


def step_heuristic(*, name: str, command: str, reason: str, acting_user: Actor) -> HeuristicRow:
    """Activate a draft, so that training makes a feature of it from the next run on; or retire one for good.

    Raises:
        NotPermitted, NotVisible: not the role's; there is no such heuristic.
        InvalidInput: no reason, or another command than activate and retire.
        WrongState: it is not in a state that can do this.
    """
    with unit_of_work(acting_user):
        require(acting_user, MANAGE)
        why = reason_of(reason)
        if command not in _STEPS:
            raise InvalidInput("A heuristic is activated or retired.", pointer="/command")
        row = locked_heuristic(name)
        before, after = _STEPS[command]
        if row.status not in before:
            raise WrongState(f"This heuristic is {row.status}: it cannot {command}.")
        row.status = after
        row.save()
        metadata = {"name": name, "command": command, "reason": why}
        tell_state(row, record("heuristic.step", target_id=row.pk, metadata=metadata))
        return row


def link_experiment(*, name: str, experiment_key: str, reason: str, acting_user: Actor) -> HeuristicRow:
    """Note which experiment tries a heuristic; its arm "on" applies it.

    Raises:
        NotPermitted, NotVisible, InvalidInput: as `step_heuristic`.
        WrongState: it was retired, or another experiment tries it.
    """
    with unit_of_work(acting_user):
        require(acting_user, MANAGE)
        why = reason_of(reason)
        row = locked_heuristic(name)
        if row.status == HeuristicStatus.RETIRED:
            raise WrongState("A retired heuristic is not tried any more.")
        if row.experiment_key:
            raise WrongState(f"The experiment {row.experiment_key} tries this heuristic already.")
        row.experiment_key = experiment_key
        row.save()
        metadata = {"name": name, "command": "try", "reason": why}
        tell_state(row, record("heuristic.step", target_id=row.pk, metadata=metadata))
        return row


def reason_of(reason: str) -> str:
    """Return a reason without blanks around it.

    Raises:
        InvalidInput: there is none, or it is too long or unreadable.
    """
    found = reason.strip()
    if not found or len(found) > LONGEST_REASON or "\0" in found:
        raise InvalidInput(f"Say why, in at most {LONGEST_REASON} readable characters.", pointer="/reason")
    return found


def locked_heuristic(name: str) -> HeuristicRow:
    """Return a heuristic under lock; raises NotVisible where there is none."""
    row = HeuristicRow.objects.select_for_update(no_key=True).filter(name=name).first()
    if row is None:
        raise NotVisible(f"There is no heuristic {name}.")
    return row


def tell_state(row: HeuristicRow, act: AuditEvent) -> None:
    """Record the state that an act led to."""
    metadata = {"name": row.name, "status": str(row.status), "experiment": row.experiment_key}
    record("heuristic.state", target_id=row.pk, metadata=metadata, linked_to=act)


def _read(document: Mapping[str, Any]) -> Heuristic:
    try:
        return read_heuristic(document)
    except WrongHeuristic as error:
        raise InvalidInput(error.detail, pointer=error.place) from error
