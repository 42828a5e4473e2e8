"""The champion's alias: promoted by a person who says why, rolled back one step; the documents never change.

With MLflow on, its alias moves within the same change: after everything was written here and before the commit. Where
MLflow does not answer nothing is committed; where the commit fails the alias is put back (`tracking.moving_champion`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import IntegrityError

from accounts.scope import require
from audit.models import AuditEvent
from audit.services import record
from common import clock
from common.actors import actor_id
from common.context import COMMAND_LINE, ServiceIdentity, unit_of_work
from common.errors import InvalidInput, NotPermitted, NotVisible, StaleVersion, WrongState
from modeling import tracking
from modeling.evidence import EVIDENCE
from modeling.learned.algorithm import SHIPPED, DamagedDocument
from modeling.models import AlgorithmVersion, RunStatus, VersionStatus
from modeling.policies import MANAGE, Actor
from modeling.versions import checked

LONGEST_REASON: Final = 300


@dataclass(frozen=True, slots=True)
class Moved:
    """Which version plans from the next generation on, and which did before; `SHIPPED` is the one that ships."""

    champion: str
    before: str


def promote_version(
    *, name: str, reason: str, expected: str, without_experiment: bool = False, acting_user: Actor
) -> Moved:
    """Make a candidate the champion: the next generation uses it, plans that exist keep theirs.

    A person does this, never a schedule. Skipping the experiment needs somebody else than who asked for the run, so
    that one person alone does not bring a model to everybody; a run of the night counts as asked for by nobody.

    Args:
        expected: the champion's name as the person saw it.

    Raises:
        NotPermitted: not the role's; a service's; the same person's who asked for the run, without an experiment.
        InvalidInput: no reason.
        NotVisible: there is no such version.
        StaleVersion: another version is champion by now.
        WrongState: no candidate, its gate did not pass, its document is damaged, or the experiment speaks against it.
        TrackingDown: MLflow is used and does not answer; nothing was promoted.
    """
    try:
        with tracking.moving_champion() as move, unit_of_work(acting_user):
            _require_person(acting_user, reason)
            version = AlgorithmVersion.objects.select_for_update().filter(name=name).first()
            if version is None:
                raise NotVisible(f"There is no version {name}.")
            before = _champion(expected)
            _check_candidate(version)
            told = _evidence(version, without_experiment, acting_user)
            if before is not None:
                before.status = VersionStatus.RETIRED
                before.save()
            version.status, version.replaced, version.promoted_at = VersionStatus.CHAMPION, before, clock.now()
            version.save()
            told |= _told(version, before, reason)
            _record_move("model.promote", told, version, before)
            move(version)
            return Moved(version.name, before.name if before else SHIPPED)
    except IntegrityError as error:
        raise StaleVersion("Another version was promoted at the same moment; look again, then decide.") from error


def roll_back_version(*, reason: str, expected: str, acting_user: Actor) -> Moved:
    """Give the alias back to what the champion took over from; the shipped version where that was none, or is damaged.

    Raises:
        NotPermitted, InvalidInput, StaleVersion, TrackingDown: as `promote_version`.
        WrongState: no version was promoted; the shipped one plans already.
    """
    with tracking.moving_champion() as move, unit_of_work(acting_user):
        _require_person(acting_user, reason)
        version = _champion(expected)
        if version is None:
            raise WrongState("The shipped version plans already; there is nothing to go back to.")
        before = _usable(version.replaced)
        version.status = VersionStatus.RETIRED
        version.save()
        if before is not None:
            before.status, before.promoted_at = VersionStatus.CHAMPION, clock.now()
            before.save()
        _record_move("model.rollback", _told(version, before, reason), version, before)
        move(before)
        return Moved(before.name if before else SHIPPED, version.name)


def give_experiment(*, version_id: UUID, key: str, acting_user: Actor) -> AlgorithmVersion:
    """Keep which experiment tries a candidate, once; runs in the unit of work that writes the draft.

    Raises:
        NotPermitted, NotVisible: not the role's; there is no such version.
        WrongState: it has one already, or is no candidate.
    """
    with unit_of_work(acting_user):
        require(acting_user, MANAGE)
        version = AlgorithmVersion.objects.select_for_update().filter(pk=version_id).first()
        if version is None:
            raise NotVisible("There is no such version.")
        if version.experiment_key or version.status != VersionStatus.CANDIDATE:
            raise WrongState(f"{version.name} is {version.status}, tried by {version.experiment_key or 'nothing'}.")
        version.experiment_key = key
        version.save()
        told = {"name": version.name, "experiment": key}
        record_state(version, record("model.propose", target_id=version.pk, metadata=told))
        return version


def record_state(version: AlgorithmVersion, act: AuditEvent) -> None:
    """Record the state that an act led to."""
    state = {"name": version.name, "status": str(version.status), "sha256": version.sha256}
    record("model.state", target_id=version.pk, metadata=state | {"experiment": version.experiment_key}, linked_to=act)


def _require_person(acting_user: Actor, reason: str) -> None:
    require(acting_user, MANAGE)
    if isinstance(acting_user, ServiceIdentity) and acting_user != COMMAND_LINE:
        raise NotPermitted("A person decides which version plans, not a service.")
    if not reason.strip() or len(reason.strip()) > LONGEST_REASON or "\0" in reason:
        raise InvalidInput(f"Say why, in at most {LONGEST_REASON} readable characters.", pointer="/reason")


def _champion(expected: str) -> AlgorithmVersion | None:
    """Return the champion under lock; whoever waited for the lock sees here that another one was promoted."""
    rows = AlgorithmVersion.objects.select_for_update(of=("self",)).select_related("replaced")
    found = rows.filter(status=VersionStatus.CHAMPION).first()
    name = found.name if found else SHIPPED
    if name != expected:
        raise StaleVersion(f"The champion is {name} by now, not {expected}; look again, then decide.")
    return found


def _check_candidate(version: AlgorithmVersion) -> None:
    if version.status != VersionStatus.CANDIDATE:
        raise WrongState(f"{version.name} is {version.status}; a candidate is promoted.")
    if version.run.status != RunStatus.PASSED or not version.run.gate_json.get("passed"):
        raise WrongState(f"The gate did not pass {version.name}.")
    try:
        checked(version)
    except DamagedDocument as error:
        raise WrongState(f"The document of {version.name} is damaged: {error}. The champion stays.") from error


def _evidence(version: AlgorithmVersion, without: bool, acting_user: Actor) -> dict[str, object]:
    """Return what a promotion rests on, for the record."""
    if without:
        if version.run.trigger == "person" and version.run.requested_by_id == actor_id(acting_user):
            raise NotPermitted("You asked for this run; without an experiment somebody else must promote it.")
        return {"experiment": version.experiment_key, "without_experiment": True}
    if not version.experiment_key:
        raise WrongState(f"{version.name} was not tried in an experiment yet; say so to promote it without one.")
    for _, ask in EVIDENCE.items():
        found = ask(version.experiment_key, acting_user)
        if found.against:
            raise WrongState(f"The experiment {version.experiment_key}: {found.against}")
    return {"experiment": version.experiment_key, "without_experiment": False}


def _usable(version: AlgorithmVersion | None) -> AlgorithmVersion | None:
    """Return a version under lock if its document can be read: a way back that is damaged is none."""
    if version is None:
        return None
    locked = AlgorithmVersion.objects.select_for_update().get(pk=version.pk)
    try:
        checked(locked)
    except DamagedDocument:
        return None
    return locked


def _told(version: AlgorithmVersion, other: AlgorithmVersion | None, reason: str) -> dict[str, object]:
    names = {"name": version.name, "sha256": version.sha256, "replaces": other.name if other else SHIPPED}
    return {**names, "reason": reason.strip()}


def _record_move(
    action: str, told: dict[str, object], version: AlgorithmVersion, other: AlgorithmVersion | None
) -> None:
    act = record(action, target_id=version.pk, metadata=told)
    for one in (version, other):
        if one is not None:
            record_state(one, act)
