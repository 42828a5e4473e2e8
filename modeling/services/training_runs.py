"""A training run's record: begun once at a time, kept alive while its process lives, closed with what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.scope import require
from audit.services import record
from common import clock
from common.actors import actor_id
from common.canonical import canonical_json, text_sha256
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible, WrongState
from modeling.core.cache_key import MODEL_VERSION
from modeling.learned.algorithm import FORMAT, read_algorithm
from modeling.learned.context import FEATURES_VERSION
from modeling.models import AlgorithmVersion, RunStatus, TrainingRun, VersionStatus
from modeling.policies import MANAGE, Actor
from modeling.services.versions import record_state
from modeling.training.verdict import Trained

LEASE: Final = timedelta(minutes=20)
"""The longest that a run may be silent: no step of a million sessions takes so long without reporting."""
CODE_VERSION: Final = f"{MODEL_VERSION}, features {FEATURES_VERSION}, format {FORMAT}"
LONGEST_MESSAGE: Final = 500
ENDS: Final = frozenset({RunStatus.NOTHING, RunStatus.FAILED})


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that ended, and the version that it made; None where the gate refused it or nothing differs."""

    run: TrainingRun
    version: AlgorithmVersion | None


def begin_run(*, as_of: datetime, trigger: str, dry_run: bool = False, acting_user: Actor) -> TrainingRun:
    """Begin a run; a run whose process fell silent is closed as failed first.

    Raises:
        NotPermitted: not the role's.
        InvalidInput: `as_of` lies ahead.
        WrongState: another run is going.
    """
    with unit_of_work(acting_user):
        require(acting_user, MANAGE)
        now = clock.now()
        if as_of > now:
            raise InvalidInput("Name a moment that is past: what comes later is not known yet.", pointer="/as_of")
        for run in TrainingRun.objects.select_for_update().filter(status=RunStatus.RUNNING):
            if run.lease_until is not None and run.lease_until > now:
                raise WrongState(f"A run is going since {run.created_at:%Y-%m-%d %H:%M} UTC; one at once is enough.")
            _close(run, RunStatus.FAILED, f"Its process stopped in the step {run.step or 'before the first'}.")
        run = TrainingRun(
            as_of=as_of,
            trigger=trigger,
            requested_by_id=actor_id(acting_user),
            dry_run=dry_run,
            lease_until=now + LEASE,
            code_version=CODE_VERSION,
        )
        try:
            with transaction.atomic():
                run.save(force_insert=True)
        except IntegrityError as error:
            raise WrongState("Another run began at the same moment; one at once is enough.") from error
        told = {"as_of": as_of.isoformat(), "trigger": trigger, "dry_run": dry_run}
        record("model.train", target_id=run.pk, metadata=told)
        return run


def report_step(*, run_id: UUID, step: str, acting_user: Actor) -> TrainingRun:
    """Keep which step a run is in, and that its process lives.

    Raises:
        NotPermitted, NotVisible: not the role's; there is no such run.
        WrongState: it ended, by itself or because it was silent for too long.
    """
    with unit_of_work(acting_user):
        run = _going(run_id, acting_user)
        run.step, run.lease_until = step, clock.now() + LEASE
        run.save(update_fields=["step", "lease_until"])
        return run


def finish_run(*, run_id: UUID, trained: Trained, acting_user: Actor) -> Finished:
    """Keep what was found; where the gate passed it, the document becomes a candidate, unless it is a dry run.

    The same document as an earlier version's makes no second one.

    Raises:
        NotPermitted, NotVisible, WrongState: as `report_step`.
        DamagedDocument, TypeError, ValueError: the document cannot be read, or is no JSON.
    """
    with unit_of_work(acting_user):
        run = _going(run_id, acting_user)
        run.data_sha256, run.rows_json = trained.data_sha256, trained.rows
        run.parameters_json, run.metrics_json = trained.parameters, trained.metrics_json()
        run.gate_json = trained.verdict.as_json()
        version = None
        if not trained.verdict.passed:
            return Finished(_close(run, RunStatus.REFUSED, "; ".join(trained.verdict.refusals)), None)
        document = canonical_json(trained.document)
        read_algorithm("candidate", trained.document)
        same = AlgorithmVersion.objects.filter(sha256=text_sha256(document)).first()
        if run.dry_run:
            message = "Passed; a dry run makes no version."
        elif same is not None:
            message = f"Passed; the document is that of {same.name}, so there is no new version."
        else:
            version = _candidate(run, document)
            message = f"Passed; the candidate is {version.name}."
        return Finished(_close(run, RunStatus.PASSED, message), version)


def end_run(*, run_id: UUID, status: RunStatus, message: str, acting_user: Actor) -> TrainingRun:
    """Close a run that came to nothing or failed; one that ended already stays as it is.

    Raises:
        NotPermitted, NotVisible: as `report_step`.
        ValueError: another status than those two.
    """
    if status not in ENDS:
        raise ValueError(f"a run does not end as {status} without a verdict")
    with unit_of_work(acting_user):
        require(acting_user, MANAGE)
        run = _locked(run_id)
        return _close(run, status, message) if run.status == RunStatus.RUNNING else run


def _locked(run_id: UUID) -> TrainingRun:
    run = TrainingRun.objects.select_for_update().filter(pk=run_id).first()
    if run is None:
        raise NotVisible("There is no such run.")
    return run


def _going(run_id: UUID, acting_user: Actor) -> TrainingRun:
    require(acting_user, MANAGE)
    run = _locked(run_id)
    if run.status != RunStatus.RUNNING:
        raise WrongState(f"This run ended already: {run.message or run.get_status_display()}")
    return run


def _close(run: TrainingRun, status: RunStatus, message: str) -> TrainingRun:
    run.status, run.message, run.finished_at = status, message[:LONGEST_MESSAGE], clock.now()
    run.lease_until = None
    run.save()
    record("model.trained", target_id=run.pk, metadata={"status": str(status), "data_sha256": run.data_sha256})
    return run


def _candidate(run: TrainingRun, document: str) -> AlgorithmVersion:
    day = clock.today().isoformat()
    numbers = [int(name.rpartition(".")[2]) for name in _names_of(day)]
    version = AlgorithmVersion.objects.create(
        name=f"{day}.{max(numbers, default=0) + 1}",
        run=run,
        parent=AlgorithmVersion.objects.filter(status=VersionStatus.CHAMPION).first(),
        document=document,
        sha256=text_sha256(document),
    )
    told = {"name": version.name, "sha256": version.sha256, "run_id": str(run.pk)}
    record_state(version, record("model.candidate", target_id=version.pk, metadata=told))
    return version


def _names_of(day: str) -> list[str]:
    return list(AlgorithmVersion.objects.filter(name__startswith=f"{day}.").values_list("name", flat=True))
