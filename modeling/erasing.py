"""What erasing a person does to their training history: what was measured goes, day and load of a session stay.

Published plans stay explicable by the loads before them, and completions of planned sessions, which are append-only,
refer to activities; what describes a body (heart rate, power, tests, thresholds, the fitted model) is removed.
"""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, QuerySet
from django.db.models.functions import Cast

from common.erasure import Person, delete_rows, erases
from modeling.models import Activity, Fit, Test, TestProposal, Threshold


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
