"""How many people stand behind a metric's number: what decides whether a pseudonymous reader sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from telemetry.dashboards.asked import Asked
from telemetry.dashboards.marts import ARM, REACHED, WEEKS, Marts
from telemetry.metric_definitions import Definition

GROUPS: Final = {"variant": "coalesce(experiment_arm, '')", "pipeline": "coalesce(pipeline, '')", "all": "''"}
_OF_NOBODY: Final = frozenset({"fct_service_hours", "fct_service_observed"})
"""Facts about routes, and the service as a whole."""


def is_about_people(definition: Definition) -> bool:
    """Return whether a metric's facts are of athletes."""
    return definition.facts not in _OF_NOBODY


def people_by_week(marts: Marts, asked: Asked, definition: Definition, by: str) -> Mapping[tuple[date, str], int]:
    """Return how many athletes a week's number of a variant or pipeline rests on."""
    rows = marts.rows(
        f"SELECT week, {GROUPS[by]} AS name, count(DISTINCT athlete) AS people FROM ({_facts(definition)})"
        f" WHERE {WEEKS} GROUP BY ALL",
        asked,
    )
    return {(row["week"], row["name"]): row["people"] for row in rows}


def people_in_windows(
    marts: Marts, asked: Asked, definition: Definition, weeks: Sequence[date], length: int
) -> Mapping[date, int]:
    """Return how many athletes the `length` weeks up to each week rest on."""
    rows = marts.rows(
        "SELECT windows.week, count(DISTINCT facts.athlete) AS people"
        " FROM (SELECT unnest($weeks::DATE[]) AS week) AS windows"
        f" LEFT JOIN ({_facts(definition)}) AS facts ON facts.week <= windows.week"
        " AND facts.week > windows.week - 7 * $length::INTEGER GROUP BY ALL",
        asked,
        weeks=list(weeks),
        length=length,
    )
    return {row["week"]: row["people"] for row in rows}


def _facts(definition: Definition) -> str:
    """Return the rows that count for a metric, as its definition says; dbt takes the same words from the same file."""
    counts = f"AND ({definition.where})" if definition.where else ""
    return (
        f"SELECT * FROM read_parquet(${definition.facts}) WHERE ({definition.denominator}) > 0 {counts}"
        f" AND {REACHED} AND {ARM} AND ($sport = '' OR athlete IN"
        " (SELECT athlete FROM read_parquet($dim_athletes) WHERE sport = $sport))"
    )
