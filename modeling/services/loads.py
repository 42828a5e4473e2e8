"""The load that the model counts for each activity, from what was valid on its day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from accounts.models import Athlete, Sex
from modeling.core.loads import BEST_FIRST, GIVEN_FIRST, TSS, LoadResult, best_load
from modeling.history.contract import ParsedActivity
from modeling.models import Activity
from modeling.rows import parsed_from_row
from modeling.thresholds import DatedThresholds

# Where nothing but a duration is known, an hour counts as an easy one (IF 0.7): better than a hole, and flagged.
ASSUMED_TSS_PER_HOUR: Final = 49.0
_LOAD_FIELDS: Final = ["load", "load_unit", "load_method", "load_flags"]


def load_of(activity: ParsedActivity, athlete: Athlete, thresholds: DatedThresholds) -> LoadResult:
    """Return an activity's load: a table's own word first, else the best method that data and thresholds allow."""
    order = GIVEN_FIRST if activity.load_source == "table" else BEST_FIRST
    female = athlete.sex == Sex.FEMALE
    result = best_load(activity, thresholds.on(activity.sport, activity.day), female=female, order=order)
    if result is not None:
        return result
    hours = min(activity.duration_s / 3600.0, 24.0)
    return LoadResult(hours * ASSUMED_TSS_PER_HOUR, TSS, "rpe", ("load-assumed-from-duration",))


def apply_load(row: Activity, result: LoadResult) -> None:
    """Put a load into an activity's row."""
    row.load, row.load_unit, row.load_method = result.value, result.unit, result.method
    row.load_flags = list(result.flags)


def recompute_loads(
    athlete: Athlete, *, since: date | None = None, activities: Sequence[Activity] | None = None
) -> int:
    """Recompute loads of the given activities, or of all since a day, and return how many rows changed."""
    thresholds = DatedThresholds.of(athlete)
    if activities is None:
        rows = Activity.objects.filter(athlete=athlete, deleted_at=None)
        activities = list(rows.filter(day__gte=since) if since else rows)
    changed = []
    for row in activities:
        before = (row.load, row.load_unit, row.load_method, row.load_flags)
        apply_load(row, load_of(parsed_from_row(row), athlete, thresholds))
        if before != (row.load, row.load_unit, row.load_method, row.load_flags):
            changed.append(row)
    Activity.objects.bulk_update(changed, _LOAD_FIELDS, batch_size=500)
    return len(changed)
