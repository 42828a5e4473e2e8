"""What erasing a person does to their assignments."""

from __future__ import annotations

from django.db.models import QuerySet

from common.erasure import Person, delete_rows, erases
from experiments.models import ExperimentAssignment, ExperimentExposure


def _of_person(person: Person) -> QuerySet[ExperimentAssignment]:
    return ExperimentAssignment.objects.filter(subject_id=person.athlete_id)


def _used_on_person(person: Person) -> QuerySet[ExperimentExposure]:
    return ExperimentExposure.objects.filter(subject_id=person.athlete_id)


def register() -> None:
    """Register what erasure does to our tables."""
    erases("experiment_assignments", "deleted; a stratum's counter names nobody", _of_person, delete_rows)
    erases("experiment_exposures", "deleted; looks hold sums alone", _used_on_person, delete_rows)
