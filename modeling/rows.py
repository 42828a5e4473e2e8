"""Rows of the database as the pure modules' data, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

from accounts.models import Athlete
from modeling.history.contract import Effort, ParsedActivity, Sport
from modeling.models import Activity


def parsed_from_row(row: Activity) -> ParsedActivity:
    """Return an activity's row as the parsers' data."""
    return ParsedActivity(
        source_name=row.source_name,
        line=row.source_line,
        started_at=row.started_at,
        day=row.day,
        sport=cast(Sport, row.sport),
        duration_s=row.duration_s,
        fingerprint=row.fingerprint,
        moving_s=row.moving_s,
        elapsed_s=row.elapsed_s,
        distance_m=row.distance_m,
        mean_hr=row.mean_hr,
        max_hr=row.max_hr,
        normalised_power_w=row.normalised_power_w,
        mean_power_w=row.mean_power_w,
        ascent_m=row.ascent_m,
        rpe=row.rpe,
        load=row.stated_load,
        load_unit=row.stated_load_unit or "TSS",
        load_source=cast(Any, row.stated_load_source or None),
        efforts=tuple(Effort(**effort) for effort in row.efforts),
    )


def row_from_parsed(activity: ParsedActivity, athlete: Athlete) -> Activity:
    """Return an unsaved row of a parsed activity; its load is still to be computed."""
    return Activity(
        athlete=athlete,
        day=activity.day,
        started_at=activity.started_at,
        sport=activity.sport,
        duration_s=activity.duration_s,
        moving_s=activity.moving_s,
        elapsed_s=activity.elapsed_s,
        distance_m=activity.distance_m,
        mean_hr=activity.mean_hr,
        max_hr=activity.max_hr,
        normalised_power_w=activity.normalised_power_w,
        mean_power_w=activity.mean_power_w,
        ascent_m=activity.ascent_m,
        rpe=activity.rpe,
        stated_load=activity.load,
        stated_load_unit=activity.load_unit if activity.load is not None else "",
        stated_load_source=activity.load_source or "",
        efforts=[asdict(effort) for effort in activity.efforts],
        source_name=activity.source_name[:255],
        source_line=activity.line,
        fingerprint=activity.fingerprint,
    )
