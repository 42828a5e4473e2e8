"""The chain that learns the next model (E5): export, train, propose. Each step may be done again and does no harm.

    export   the feature store is brought up to date
    train    features, learning, evaluation and gate; a pass makes a candidate, anything else is kept with its reason
    propose  a draft experiment for the newest candidate, patterns of coaches' changes, tags of comments, the copy in
             MLflow; done after every run, so it heals

One run at once (`modeling.services.training_runs`). At night each step is a job (`plans.jobs`) that queues the next one
before its own row says that it is done, so a worker that dies between or inside steps costs time alone. The champion
stays whatever happens here: only a person moves it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

from common import clock
from common.alerts import Severity, raise_alert
from common.context import register_service, unit_of_work
from common.errors import DomainError, WrongState
from common.jobs import JobLost
from modeling import tracking
from modeling.learned.algorithm import LearnedAlgorithm
from modeling.models import AlgorithmVersion, RunStatus, TrainingRun, VersionStatus
from modeling.policies import Actor
from modeling.services.training_runs import begin_run, end_run, finish_run, report_step
from modeling.versions import champion
from plans.evidence.nightly import propose_from_store
from plans.services.propose_version import propose_newest
from plans.services.retrain_parts import PARTS, NothingToLearn, Parts, Progress
from plans.services.retrain_tags import retrain_tags_where_due

logger = logging.getLogger("mesocycle.plans")

RETRAINING = register_service("retraining")
EXPORT, TRAIN, PROPOSE = "export", "train", "propose"
STEPS: Final = (EXPORT, TRAIN, PROPOSE)
ALERT: Final = "retraining-failed"
ALIVE_EVERY: Final = 10.0
"""Seconds between two reports to the run's row; progress comes far more often."""


class Lost(WrongState):
    """The run was closed while this process worked on it; nothing more is written."""


def retrain(
    *,
    as_of: datetime | None = None,
    trigger: str = "person",
    dry_run: bool = False,
    acting_user: Actor,
    parts: Parts = PARTS,
    progress: Progress | None = None,
) -> TrainingRun:
    """Do the whole chain in this process, and return the run as it ended.

    What goes wrong in a step closes the run as failed, with the reason; so does whoever stops it by hand.

    Raises:
        NotPermitted, InvalidInput, WrongState: as `begin_run`.
    """
    run = begin_run(as_of=as_of or clock.now(), trigger=trigger, dry_run=dry_run, acting_user=acting_user)
    try:
        for step in STEPS:
            run = take_step(run_id=run.pk, step=step, acting_user=acting_user, parts=parts, progress=progress)
    except BaseException:
        stopped = "It was stopped before it was done."
        end_run(run_id=run.pk, status=RunStatus.FAILED, message=stopped, acting_user=acting_user)
        raise
    return run


def take_step(
    *, run_id: UUID, step: str, acting_user: Actor, parts: Parts = PARTS, progress: Progress | None = None
) -> TrainingRun:
    """Do one step of a run, and return the run; a run that ended is left as it is, but for the last step.

    Raises:
        NotPermitted, NotVisible: not the role's; there is no such run.
        ValueError: there is no such step.
    """
    if step not in STEPS:
        raise ValueError(f"{step} is no step of {', '.join(STEPS)}")
    if step == PROPOSE:
        return _propose(run_id, acting_user)
    try:
        run = report_step(run_id=run_id, step=step, acting_user=acting_user)
    except WrongState:
        return _read(run_id, acting_user)
    told = _alive(run_id, acting_user, progress)
    try:
        if step == EXPORT:
            parts.export(told)
            return run
        trained = parts.train(run.as_of, _champion(acting_user), told)
        return finish_run(run_id=run_id, trained=trained, acting_user=acting_user).run
    except NothingToLearn as error:
        return end_run(run_id=run_id, status=RunStatus.NOTHING, message=str(error), acting_user=acting_user)
    except (Lost, JobLost):
        raise
    except Exception as error:
        logger.exception("a training run failed", extra={"run": str(run_id), "step": step})
        return fail(run_id=run_id, why=_why(error), acting_user=acting_user)


def fail(*, run_id: UUID, why: str, acting_user: Actor) -> TrainingRun:
    """Close a run as failed and tell people, once a day; the champion plans on."""
    run = end_run(run_id=run_id, status=RunStatus.FAILED, message=why, acting_user=acting_user)
    if run.status == RunStatus.FAILED:
        text = f"Retraining failed in the step {run.step or 'before the first'}: {run.message} The champion stays."
        raise_alert(ALERT, severity=Severity.WARNING, text=text, dedupe_key=f"{clock.today()}")
    return run


def _propose(run_id: UUID, acting_user: Actor) -> TrainingRun:
    """Write the draft and the copy in MLflow; what fails here is told, and done by the next run."""
    run = _read(run_id, acting_user)
    if not run.dry_run:
        _told_if_it_fails("no experiment was proposed", lambda: propose_newest(acting_user=acting_user))
        _told_if_it_fails("patterns were not looked for", propose_from_store)
        _told_if_it_fails("tags were not learned", lambda: retrain_tags_where_due(acting_user=acting_user))
        if tracking.is_on():
            _told_if_it_fails("MLflow was not told", lambda: _copy(run, acting_user))
    return _read(run_id, acting_user)


def _copy(run: TrainingRun, acting_user: Actor) -> None:
    with unit_of_work(acting_user, read_only=True):
        version = AlgorithmVersion.objects.filter(run=run).first()
        now = AlgorithmVersion.objects.select_related("run").filter(status=VersionStatus.CHAMPION).first()
    url = tracking.log_run(run, version)
    tracking.align(now)
    with unit_of_work(acting_user):
        TrainingRun.objects.filter(pk=run.pk).update(tracking_url=url)


def _told_if_it_fails(what: str, do: Callable[[], object]) -> None:
    try:
        do()
    except Exception as error:
        logger.exception(what)
        text = f"After retraining {what}: {_why(error)} The next run does it."
        raise_alert(ALERT, severity=Severity.WARNING, text=text, dedupe_key=f"{what}:{clock.today()}")


def _alive(run_id: UUID, acting_user: Actor, progress: Progress | None) -> Progress:
    """Return a progress that also says now and then that the run's process lives."""
    last, said_at = "", 0.0

    def told(step: str, done: int, of: int) -> None:
        nonlocal last, said_at
        if progress is not None:
            progress(step, done, of)
        if step != last or time.monotonic() - said_at > ALIVE_EVERY:
            last, said_at = step, time.monotonic()
            try:
                report_step(run_id=run_id, step=step[:12], acting_user=acting_user)
            except WrongState as error:
                raise Lost(str(error)) from error

    return told


def _champion(acting_user: Actor) -> LearnedAlgorithm:
    with unit_of_work(acting_user, read_only=True):
        return champion()


def _read(run_id: UUID, acting_user: Actor) -> TrainingRun:
    with unit_of_work(acting_user, read_only=True):
        return TrainingRun.objects.get(pk=run_id)


def _why(error: Exception) -> str:
    return error.detail if isinstance(error, DomainError) else f"{type(error).__name__}: {error}"
