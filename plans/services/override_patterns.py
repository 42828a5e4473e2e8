"""Patterns in what coaches change: found by the nightly run, proposed once, adopted or dismissed by a person (E6)."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.scope import require
from audit.models import AuditEvent
from audit.services import record
from common.actors import actor_id
from common.context import register_service, unit_of_work
from common.database_time import database_now
from common.errors import NotVisible, WrongState
from experiments.models import Experiment
from modeling.models import HeuristicRow, OverridePattern, PatternStatus
from modeling.policies import MANAGE, Actor
from modeling.services.heuristics import create_heuristic, reason_of
from modeling.training.patterns import Evidence, Pattern
from plans.heuristics import document_of
from plans.services.try_heuristic import draft_experiment, fields_with_power

FINDER = register_service("override-patterns")


def propose_patterns(*, found: Iterable[Evidence], data_sha256: str, acting_user: Actor) -> list[OverridePattern]:
    """Keep significant patterns that were never proposed before, and return those; a dismissed one does not come back.

    Args:
        found: `modeling.training.patterns.significant` of the newest feature store. data_sha256: of its files.

    Raises:
        NotPermitted: not the role's.
    """
    with unit_of_work(acting_user):
        require(acting_user, MANAGE)
        new = []
        for one in found:
            pattern = one.pattern
            document = {name: getattr(pattern, name) for name in Pattern.__slots__}
            row, is_new = OverridePattern.objects.get_or_create(
                key=pattern.key,
                defaults={
                    "pattern_json": document,
                    "evidence_json": one.as_json(),
                    "log_e": one.log_e,
                    "data_sha256": data_sha256,
                },
            )
            if is_new:
                metadata = {"key": row.key, "pattern": document, "log_e": one.log_e, "data_sha256": data_sha256}
                _tell_state(row, record("pattern.find", target_id=row.pk, metadata=metadata))
                new.append(row)
        return new


def adopt_pattern(*, key: str, reason: str, acting_user: Actor) -> tuple[HeuristicRow, Experiment]:
    """Make a draft heuristic of a proposed pattern, and a draft experiment of that; a person starts it.

    Raises:
        NotPermitted, InvalidInput: not the role's; no reason, or a heuristic of this name is there already.
        NotVisible: there is no such pattern.
        WrongState: it was decided about already, or its change is none that plans can make beforehand.
    """
    with unit_of_work(acting_user, read_only=True):
        row = _decided(key, PatternStatus.ADOPTED, reason, acting_user, lock=False)
        document = document_of(pattern_of(row), row.evidence_json)
    if document is None:
        raise WrongState("Plans cannot make this change beforehand: dismiss it, or change the template.")
    fields = fields_with_power(document, acting_user=acting_user)
    with unit_of_work(acting_user):
        row = _decided(key, PatternStatus.ADOPTED, reason, acting_user)
        heuristic = create_heuristic(document=document, reason=reason, acting_user=acting_user)
        experiment = draft_experiment(name=heuristic.name, fields=fields, reason=reason, acting_user=acting_user)
        heuristic.refresh_from_db()
        row.heuristic, row.experiment_key = heuristic, experiment.key
        _save(row, "pattern.adopt")
        return heuristic, experiment


def dismiss_pattern(*, key: str, reason: str, acting_user: Actor) -> OverridePattern:
    """Put a proposed pattern aside for good.

    Raises:
        NotPermitted, InvalidInput, NotVisible, WrongState: as `adopt_pattern`.
    """
    with unit_of_work(acting_user):
        row = _decided(key, PatternStatus.DISMISSED, reason, acting_user)
        _save(row, "pattern.dismiss")
        return row


def pattern_of(row: OverridePattern) -> Pattern:
    """Return the pattern that a row is about."""
    return Pattern(**row.pattern_json)


def _decided(key: str, status: PatternStatus, reason: str, acting_user: Actor, *, lock: bool = True) -> OverridePattern:
    """Authorise a decision and return the row with it, not yet saved."""
    require(acting_user, MANAGE)
    why = reason_of(reason)
    rows = OverridePattern.objects.select_for_update(no_key=True, of=("self",)) if lock else OverridePattern.objects
    row = rows.filter(key=key).first()
    if row is None:
        raise NotVisible("There is no such pattern.")
    if row.status != PatternStatus.PROPOSED:
        raise WrongState(f"This pattern is {row.status} already.")
    row.status, row.decision_reason = status, why
    row.decided_by_id, row.decided_at = actor_id(acting_user), database_now()
    return row


def _save(row: OverridePattern, action: str) -> None:
    row.save()
    metadata = {"key": row.key, "pattern": row.pattern_json, "reason": row.decision_reason}
    _tell_state(row, record(action, target_id=row.pk, metadata=metadata))


def _tell_state(row: OverridePattern, act: AuditEvent) -> None:
    metadata = {"key": row.key, "status": str(row.status), "experiment": row.experiment_key}
    record("pattern.state", target_id=row.pk, metadata=metadata, linked_to=act)
