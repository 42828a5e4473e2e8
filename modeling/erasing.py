"""What erasing a person does to their training history: what was measured goes, day and load of a session stay; and
how long runs of retraining are kept.

Published plans stay explicable by the loads before them, and completions of planned sessions, which are append-only,
refer to activities; what describes a body (heart rate, power, tests, thresholds, the fitted model) is removed.
"""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, Q, QuerySet
from django.db.models.functions import Cast

from common import retention
from common.erasure import Person, delete_rows, erases
from modeling.models import Activity, Fit, Test, TestProposal, Threshold, TrainingRun


def _activities(rows: QuerySet[Activity], person: Person) -> int:
    """Keep day, sport, duration, distance and load; the fingerprint, made of what was measured, becomes the row's
    id."""
    return rows.update(
        started_at=None,
        mean_hr=None,
        max_hr=None,
        normalised_power_w=None,
        mean_power_w=None,
        ascent_m=None,
        rpe=None,
        efforts=[],
        source_name="erased",
        source_line=None,
        fingerprint=Cast("id", CharField()),
    )


def _of_athlete(model: Any) -> Any:
    return lambda person: model.objects.filter(athlete_id=person.athlete_id)


def register() -> None:
    """Register what erasure does to our tables."""
    erases(
        "modeling_activity",
        "stays as day, sport, duration, distance and load; heart rate, power, efforts, start and file name emptied",
        _of_athlete(Activity),
        _activities,
    )
    for model, what in (
        (TestProposal, "deleted"),
        (Test, "deleted, notes and file names with them"),
        (Threshold, "deleted"),
        (Fit, "deleted: the model is a portrait of a body"),
    ):
        erases(model._meta.db_table, what, _of_athlete(model), delete_rows)


def register_retention() -> None:
    """Register how long runs of retraining are kept; those that made a version stay with it."""
    nothing_came = Q(version__isnull=True)
    why = "a run that made no version; those that made one stay, as what plans were made by"
    people = ("requested_by_id",)
    retention.keeps(TrainingRun, "training_runs", "finished_at", why, only=nothing_came, people=people)
