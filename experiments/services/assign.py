"""Which variant an athlete has: decided once, stored with all that it follows from, and answered so ever after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from accounts.models import Athlete, Consent, Purpose
from accounts.scope import athlete_for
from audit.services import record
from common.context import unit_of_work
from common.database_time import database_now
from common.errors import InvalidInput, NotVisible
from experiments.assignment import Assignment, Eligible, Reason, Subject, place, screen, standing
from experiments.configuration import Configuration
from experiments.documents import configuration_of, draft_of, newest_phase
from experiments.models import Experiment, ExperimentAssignment, ExperimentPhase, StratumCounter
from experiments.policies import ASSIGN, Actor
from experiments.replay import record_of

OWN: Final = ("sport", "level", "tier")
"""Attributes that our own records answer, whatever a client says."""

TO_EXPERIMENTS: Final[dict[str, Any]] = {"purpose": Purpose.EXPERIMENTS, "granted": True}
MOST_SUBJECTS: Final = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody is told. `bucket` is None where nothing was drawn; `assigned_at` where nothing is stored."""

    experiment_key: str
    subject_id: UUID
    variant: str | None
    reason: str
    is_holdout: bool
    bucket: int | None
    phase: int
    experiment_version: str
    assigned_at: datetime | None


def assign(*, experiment_key: str, subject_id: UUID, attributes: Mapping[str, str], acting_user: Actor) -> Answer:
    """Return an athlete's variant, and why they have it or none; asked again, the answer is the same.

    What was stored holds over pauses and phases; it holds no more once consent is withdrawn or the experiment has
    ended. `attributes` adds to what our own records say of the athlete.

    Raises:
        NotVisible, NotPermitted: no such experiment; the athlete is outside the user's scope, or not theirs to ask for.
        InvalidInput: an attribute that the strata need is missing.
    """
    [answer] = assign_many(experiment_key=experiment_key, subjects=[(subject_id, attributes)], acting_user=acting_user)
    return answer


def assign_many(
    *, experiment_key: str, subjects: Sequence[tuple[UUID, Mapping[str, str]]], acting_user: Actor
) -> list[Answer]:
    """Do so for several athletes, all or none; in the order of their ids, so that two callers cannot block each other.

    Raises:
        NotVisible, NotPermitted, InvalidInput: as `assign`, of any of them; more than `MOST_SUBJECTS`.
    """
    if len(subjects) > MOST_SUBJECTS:
        raise InvalidInput(f"At most {MOST_SUBJECTS} subjects at once.", pointer="/subjects")
    with unit_of_work(acting_user):
        experiment = Experiment.objects.filter(key=experiment_key).first()
        if experiment is None:
            raise NotVisible(f"There is no experiment {experiment_key}.")
        phase, configuration, at = _running(experiment)
        found: dict[UUID, Answer] = {}
        for subject_id, attributes in sorted(subjects, key=lambda pair: str(pair[0])):
            athlete = athlete_for(acting_user, ASSIGN, subject_id, lock=True)
            subject = Subject(str(athlete.pk), {**attributes, **own_attributes(athlete)})
            found[subject_id] = _answer(experiment, phase, configuration, athlete, subject, at)
        return [found[subject_id] for subject_id, _ in subjects]


def _running(experiment: Experiment) -> tuple[ExperimentPhase | None, Configuration, datetime]:
    phase, at = newest_phase(experiment), database_now()
    if phase is None:
        return None, draft_of(experiment, start_at=experiment.start_at or at, phase=1), at
    return phase, configuration_of(phase, experiment.status), at


def own_attributes(athlete: Athlete) -> dict[str, str]:
    """Return what our records say of an athlete, where they say something."""
    return {name: str(value) for name in OWN if (value := getattr(athlete, name))}


def _answer(
    experiment: Experiment,
    phase: ExperimentPhase | None,
    configuration: Configuration,
    athlete: Athlete,
    subject: Subject,
    at: datetime,
) -> Answer:
    consented = Consent.objects.filter(athlete=athlete, **TO_EXPERIMENTS).exists()
    stored = ExperimentAssignment.objects.filter(experiment=experiment, subject=athlete).select_related("phase").first()
    if stored is not None:
        against = standing(configuration, at=at, consented=consented)
        if against in (None, Reason.PAUSED):
            return _as_stored(experiment, stored)
        return _refusal(experiment, configuration, athlete, against)
    screened = screen(configuration, subject, at=at, consented=consented)
    if phase is None or (not isinstance(screened, Eligible) and screened.reason is not Reason.HOLDOUT):
        assert not isinstance(screened, Eligible)
        return _refusal(experiment, configuration, athlete, screened.reason)
    if not isinstance(screened, Eligible):
        return _as_stored(experiment, store(experiment, phase, configuration, athlete, subject, screened, at))
    if configuration.closed:
        return _refusal(experiment, configuration, athlete, Reason.NOT_ON_ROSTER)
    return _as_stored(experiment, _arrive(experiment, phase, configuration, athlete, subject, screened, at))


def _arrive(
    experiment: Experiment,
    phase: ExperimentPhase,
    configuration: Configuration,
    athlete: Athlete,
    subject: Subject,
    eligible: Eligible,
    at: datetime,
) -> ExperimentAssignment:
    """Give the next number of the stratum. The athlete's row is locked: nobody else assigns them meanwhile."""
    with transaction.atomic():
        StratumCounter.objects.get_or_create(phase=phase, stratum=eligible.stratum)
        counter = StratumCounter.objects.select_for_update().get(phase=phase, stratum=eligible.stratum)
        assignment = place(configuration, eligible, counter.arrived)
        stored = store(experiment, phase, configuration, athlete, subject, assignment, at)
        counter.arrived += 1
        counter.save(update_fields=["arrived"])
    return stored


def store(
    experiment: Experiment,
    phase: ExperimentPhase,
    configuration: Configuration,
    athlete: Athlete,
    subject: Subject,
    assignment: Assignment,
    at: datetime,
) -> ExperimentAssignment:
    """Keep an assignment with what it can be replayed from; runs inside the caller's unit of work."""
    kept = record_of(configuration, subject, assignment, at=at, consented=True)
    del kept["configuration"]  # the phase holds it once for all
    stored = ExperimentAssignment.objects.create(
        experiment=experiment,
        phase=phase,
        subject=athlete,
        variant=assignment.variant or "",
        is_holdout=assignment.is_holdout,
        bucket=assignment.bucket or 0,
        stratum=assignment.stratum or "",
        number=assignment.number,
        propensity=assignment.propensity,
        assigned_at=at,
        record_json=kept,
    )
    metadata = {"key": experiment.key, "phase": phase.number}
    metadata |= {"variant": stored.variant, "is_holdout": stored.is_holdout}
    record("experiment.assign", target_id=stored.pk, subject_id=athlete.pk, metadata=metadata)
    return stored


def _as_stored(experiment: Experiment, stored: ExperimentAssignment) -> Answer:
    reason = Reason.HOLDOUT if stored.is_holdout else Reason.ASSIGNED
    return Answer(
        experiment.key,
        stored.subject_id,
        stored.variant or None,
        reason.value,
        stored.is_holdout,
        stored.bucket,
        stored.phase.number,
        stored.phase.version,
        stored.assigned_at,
    )


def _refusal(experiment: Experiment, configuration: Configuration, athlete: Athlete, reason: Reason | None) -> Answer:
    assert reason is not None
    version = configuration.version
    return Answer(experiment.key, athlete.pk, None, reason.value, False, None, configuration.phase, version, None)
