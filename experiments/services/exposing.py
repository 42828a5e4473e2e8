"""First use of a variant (C2, C6): the arm that sets a parameter for an athlete, and that it made a difference."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import Athlete
from accounts.scope import athlete_for, coach_of
from audit.services import record
from common.context import unit_of_work
from common.database_time import database_now
from common.errors import InvalidInput, NotVisible, WrongState
from experiments.assignment import Reason
from experiments.fields import is_name
from experiments.lifecycle import State
from experiments.models import Experiment, ExperimentExposure
from experiments.policies import ASSIGN, Actor
from experiments.services.assign import assigned_in
from telemetry.services import emit

logger = logging.getLogger("mesocycle.experiments")

CLIENT = "client"
"""The source of exposures that clients tell; ours name the event."""
TOLD_BEFORE = "This source_id was told of another use already."


@dataclass(frozen=True, slots=True)
class Reported:
    """What a client told; `is_new` where it had not been told before."""

    exposure: ExperimentExposure
    is_new: bool


@dataclass(frozen=True, slots=True)
class Arm:
    """The variant of an experiment that sets a parameter for an athlete."""

    experiment: Experiment
    variant: str
    value: str

    @property
    def name(self) -> str:
        """The experiment's key and the variant, as plans keep them."""
        return f"{self.experiment.key}:{self.variant}"

    def as_json(self) -> dict[str, Any]:
        """Return what a record keeps of it."""
        return {"key": self.experiment.key, "variant": self.variant, "value": self.value}


def arm_for(parameter: str, athlete: Athlete) -> Arm | None:
    """Return the arm that sets a parameter for an athlete, who is assigned where they have none yet.

    Runs inside the caller's unit of work, which authorised and locked the athlete. None: no experiment asks about it,
    or the athlete is in none (no consent, held out, not targeted, …). An experiment that fails decides nothing: the
    athlete gets what they would have had without it.
    """
    live = Experiment.objects.filter(status__in=[State.RUNNING, State.PAUSED], protocol__parameter=parameter)
    for experiment in live.order_by("id"):
        try:
            with transaction.atomic():
                found = assigned_in(experiment, athlete).assignment
                if found is not None and not found.is_holdout:
                    return Arm(experiment, found.variant, experiment.protocol["values"][found.variant])
        except Exception:
            logger.exception("an experiment could not assign", extra={"experiment": experiment.key})
    return None


def expose(arm: Arm, athlete: Athlete, *, source: str, source_id: UUID, preference: str = "") -> None:
    """Keep that a variant was used; runs inside the caller's unit of work, after it authorised. Told twice counts once.

    source, source_id: what used it. preference: what the caller wished for.
    """
    _store(arm.experiment, athlete, arm.variant, database_now(), source, source_id, preference)


def report_exposure(
    *,
    experiment_key: str,
    subject_id: UUID,
    variant: str,
    source_id: UUID,
    exposed_at: datetime | None = None,
    acting_user: Actor,
) -> Reported:
    """Keep what a client says it used; the same `source_id` again is the same use.

    The variant need not be the assigned one: what was really seen is what the analysis must know.

    Raises:
        NotVisible, NotPermitted: no such experiment; the athlete is outside the user's scope, or not theirs to ask for.
        InvalidInput: no variant of the experiment; a time before its start or in the future; the `source_id` was told
            of another use.
        WrongState: nothing may be kept: no consent, not started, or ended.
    """
    with unit_of_work(acting_user):
        experiment = Experiment.objects.filter(key=experiment_key).first()
        if experiment is None:
            raise NotVisible(f"There is no experiment {experiment_key}.")
        athlete = athlete_for(acting_user, ASSIGN, subject_id, lock=True)
        now = database_now()
        at = exposed_at or now
        reason = assigned_in(experiment, athlete).reason
        if reason in (Reason.NOT_CONSENTED, Reason.NOT_STARTED, Reason.ENDED):
            raise WrongState(f"Nothing is kept of this athlete in {experiment_key}: {reason.replace('_', ' ')}.")
        known = {name for phase in experiment.phases.all() for name in phase.document_json["variant_weights"]}
        if not is_name(variant) or variant not in known:
            raise InvalidInput(f"The variants are {', '.join(sorted(known))}.", pointer="/variant")
        assert experiment.start_at is not None
        if not experiment.start_at <= at <= now:
            raise InvalidInput("An exposure lies between the experiment's start and now.", pointer="/exposed_at")
        try:
            stored, is_new = _store(experiment, athlete, variant, at, CLIENT, source_id, "")
        except IntegrityError as error:  # a use by somebody outside the caller's scope, which row-level security hides
            raise InvalidInput(TOLD_BEFORE, pointer="/source_id") from error
        if (stored.subject_id, stored.variant) != (athlete.pk, variant):
            raise InvalidInput(TOLD_BEFORE, pointer="/source_id")
        return Reported(stored, is_new)


def _store(
    experiment: Experiment,
    athlete: Athlete,
    variant: str,
    at: datetime,
    source: str,
    source_id: UUID,
    preference: str,
) -> tuple[ExperimentExposure, bool]:
    exposure, is_new = ExperimentExposure.objects.get_or_create(
        experiment=experiment,
        source=source,
        source_id=source_id,
        defaults={
            "subject": athlete,
            "variant": variant,
            "coach_id": coach_of(athlete.pk),
            "exposed_at": at,
            "preference": preference,
        },
    )
    if is_new:
        metadata = {"key": experiment.key, "variant": variant, "source": source, "source_id": str(source_id)}
        metadata |= {"preference": preference}
        record("experiment.expose", target_id=exposure.pk, subject_id=athlete.pk, metadata=metadata)
        told = {"experiment": experiment.key, "variant": variant, "source": source, "exposed_at": at}
        people = {"athlete": athlete.pk, "coach": exposure.coach_id}
        emit("experiment.exposed", aggregate_id=athlete.pk, data=told | people)
    return exposure, is_new
