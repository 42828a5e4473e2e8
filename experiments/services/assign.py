"""Which variant an athlete has: decided once, stored with all that it follows from, and answered so ever after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet, UUIDField

from accounts.matrix import Relation
from accounts.models import Athlete, Consent, Purpose
from accounts.scope import asked_by, athlete_for, athletes_in_scope, athletes_reached, reach_of
from audit.services import record
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible
from common.prepared import Given, Prepared, fetch, insert
from experiments.assignment import Assignment, Eligible, Reason, Subject, place, screen, standing
from experiments.documents import Current, current_named, current_of
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


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an athlete stands in an experiment.

    assignment: the row that holds, None where `reason` says why none does (one may be stored all the same, and hold
    again once consent is given anew). phase: the assignment's, else the newest; None of a draft.
    """

    assignment: ExperimentAssignment | None
    reason: Reason
    phase: ExperimentPhase | None


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

    Who has an answer is found with one query for all and without a lock; the others are locked one by one.

    Raises:
        NotVisible, NotPermitted, InvalidInput: as `assign`, of any of them; more than `MOST_SUBJECTS`.
    """
    if len(subjects) > MOST_SUBJECTS:
        raise InvalidInput(f"At most {MOST_SUBJECTS} subjects at once.", pointer="/subjects")
    with unit_of_work(acting_user):
        current = current_named(experiment_key)
        if current is None:
            raise NotVisible(f"There is no experiment {experiment_key}.")
        found = _known(current, [subject_id for subject_id, _ in subjects], acting_user)
        for subject_id, attributes in sorted(subjects, key=lambda pair: str(pair[0])):
            if subject_id not in found:
                athlete = athlete_for(acting_user, ASSIGN, subject_id, lock=True)
                found[subject_id] = assigned_in(current.experiment, athlete, attributes=attributes, current=current)
        return [_answer(current, subject_id, found[subject_id]) for subject_id, _ in subjects]


def assigned_in(
    experiment: Experiment,
    athlete: Athlete,
    *,
    attributes: Mapping[str, str] | None = None,
    current: Current | None = None,
) -> Standing:
    """Return where an athlete stands in an experiment, and give them a variant where they are to have one.

    Runs inside the caller's unit of work and authorises nobody: the caller has fetched the athlete with
    `athlete_for(…, lock=True)`. The lock keeps others from assigning or erasing them and from changing their consent.

    Args:
        attributes: what the client adds to our own records.
        current: the experiment as it stands, where the caller has read it already; its moment is the assignment's.

    Raises:
        InvalidInput: an attribute that the strata need is missing; nothing was written.
    """
    current = current or current_of(experiment)
    assignments = ExperimentAssignment.objects.filter(experiment=experiment, subject=athlete)
    # A statement of its own: the one that waited for the lock saw the rows as they were before the wait.
    known = _CONSENTS.ask(experiment=experiment.pk, athlete=athlete.pk)  # none: no row of theirs holds either
    if any(known):
        return _of_stored(current, assignments.select_related("phase").get(), consented=True)
    subject = Subject(str(athlete.pk), {**(attributes or {}), **own_attributes(athlete)})
    screened = screen(current.configuration, subject, at=current.at, consented=bool(known))
    if isinstance(screened, Eligible):
        if current.configuration.closed:
            return Standing(None, Reason.NOT_ON_ROSTER, current.phase)
        return _holding(_arrive(current, athlete, subject, screened))
    if screened.is_holdout:
        return _holding(store(current, athlete, subject, screened))
    return Standing(None, screened.reason, current.phase)


def own_attributes(athlete: Athlete) -> dict[str, str]:
    """Return what our records say of an athlete, where they say something."""
    return {name: str(value) for name in OWN if (value := getattr(athlete, name))}


def _known(current: Current, subject_ids: Sequence[UUID], acting_user: Actor) -> dict[UUID, Standing]:
    """Return where those stand who have a row and may be asked for; consent is of the same moment as the row."""
    experiment: UUID = current.experiment.pk
    if len(subject_ids) == 1:
        asked = {"experiment": experiment, "athlete": subject_ids[0], **asked_by(acting_user)}
        rows: Iterable[Any] = _STORED_ONE.ask(reach_of(acting_user, ASSIGN), **asked)
    else:
        rows = _stored(experiment, Q(athletes_in_scope(acting_user, ASSIGN), pk__in=subject_ids))
    return {row.subject_id: _of_stored(current, row, consented=row.consented) for row in rows}


def _stored(experiment: UUID | Given, athletes: Q) -> QuerySet[ExperimentAssignment]:
    consents = Consent.objects.filter(athlete=OuterRef("subject"), **TO_EXPERIMENTS)
    rows = ExperimentAssignment.objects.filter(experiment=experiment, subject__in=Athlete.objects.filter(athletes))
    rows = rows.select_related("phase").defer("record_json", "phase__document_json").order_by()
    return rows.annotate(consented=Exists(consents))


def _stored_one(reach: Relation | None) -> QuerySet[ExperimentAssignment]:
    athlete = Q(athletes_reached(reach), pk=Given("athlete", UUIDField()))
    return _stored(Given("experiment", UUIDField()), athlete)


def _consents() -> QuerySet[Consent, bool]:
    experiment, athlete = Given("experiment", UUIDField()), Given("athlete", UUIDField())
    assignments = ExperimentAssignment.objects.filter(experiment=experiment, subject=athlete)
    consents = Consent.objects.filter(athlete=athlete, **TO_EXPERIMENTS).order_by()
    return consents.values_list(Exists(assignments), flat=True)


_STORED_ONE: Prepared[ExperimentAssignment] = Prepared(_stored_one)
_CONSENTS: Prepared[bool] = Prepared(_consents)


def _of_stored(current: Current, stored: ExperimentAssignment, *, consented: bool) -> Standing:
    against = standing(current.configuration, at=current.at, consented=consented)
    if against is None or against is Reason.PAUSED:
        return _holding(stored)
    return Standing(None, against, current.phase)


def _holding(stored: ExperimentAssignment) -> Standing:
    return Standing(stored, Reason.HOLDOUT if stored.is_holdout else Reason.ASSIGNED, stored.phase)


def _arrive(current: Current, athlete: Athlete, subject: Subject, eligible: Eligible) -> ExperimentAssignment:
    """Give the next number of the stratum, whose counter stays locked to the end of the unit of work."""
    counter = StratumCounter(phase=current.phase, stratum=eligible.stratum, arrived=1)
    number = _arrived(counter) - 1
    return store(current, athlete, subject, place(current.configuration, eligible, number))


def _arrived(counter: StratumCounter) -> int:
    """Count one more in a stratum, the first too: how many arrived. Who comes at the same moment waits."""
    fields = counter._meta.concrete_fields
    values = [field.get_db_prep_save(getattr(counter, field.attname), connection) for field in fields]
    columns, places = ", ".join(f'"{field.column}"' for field in fields), ", ".join(["%s"] * len(fields))
    [(arrived,)] = fetch(
        f'INSERT INTO "experiment_strata" ({columns}) VALUES ({places}) ON CONFLICT ("phase_id", "stratum") '
        'DO UPDATE SET "arrived" = "experiment_strata"."arrived" + 1 RETURNING "arrived"',
        values,
    )
    return int(arrived)


def store(current: Current, athlete: Athlete, subject: Subject, assignment: Assignment) -> ExperimentAssignment:
    """Keep an assignment with what it can be replayed from; runs inside the caller's unit of work."""
    experiment, phase = current.experiment, current.phase
    assert phase is not None, "a draft assigns nobody"
    kept = record_of(current.configuration, subject, assignment, at=current.at, consented=True)
    del kept["configuration"]  # the phase holds it once for all
    stored = ExperimentAssignment(
        experiment=experiment,
        phase=phase,
        subject=athlete,
        variant=assignment.variant or "",
        is_holdout=assignment.is_holdout,
        bucket=assignment.bucket or 0,
        stratum=assignment.stratum or "",
        number=assignment.number,
        propensity=assignment.propensity,
        assigned_at=current.at,
        record_json=kept,
    )
    insert(stored)
    metadata = {"key": experiment.key, "phase": phase.number}
    metadata |= {"variant": stored.variant, "is_holdout": stored.is_holdout}
    record("experiment.assign", target_id=stored.pk, subject_id=athlete.pk, metadata=metadata)
    return stored


def _answer(current: Current, subject_id: UUID, found: Standing) -> Answer:
    stored, configuration = found.assignment, current.configuration
    return Answer(
        experiment_key=current.experiment.key,
        subject_id=subject_id,
        variant=stored.variant or None if stored else None,
        reason=found.reason.value,
        is_holdout=found.reason is Reason.HOLDOUT,
        bucket=stored.bucket if stored else None,
        phase=found.phase.number if found.phase else configuration.phase,
        experiment_version=found.phase.version if found.phase else configuration.version,
        assigned_at=stored.assigned_at if stored else None,
    )
