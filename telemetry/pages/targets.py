"""Every metric that has a target, by what it is about."""

from __future__ import annotations

from typing import Any, Final

from telemetry.dashboards.asked import Asked
from telemetry.dashboards.marts import Marts
from telemetry.dashboards.success import Standing, standings
from telemetry.pages.frame import Found
from telemetry.pages.overview import card, targets_table

GROUPS: Final = (
    ("D7", "Plans and predictions"),
    ("H7", "Athletes"),
    ("H6", "Service"),
)
"""A metric stands in the first group whose row of the requirements asks for it."""
OTHERS: Final = "Others"


def targets(marts: Marts, asked: Asked) -> Found:
    """Return all targets by group; coaches see those of people, since the service is not theirs."""
    found = [one for one in standings(marts, asked) if marts.reach.coaches is None or _group(one) != "Service"]
    groups: dict[str, list[dict[str, Any]]] = {title: [] for _, title in GROUPS}
    for one in found:
        groups.setdefault(_group(one), []).append({"card": card(one, asked), "formula": one.definition.formula})
    shown = {
        "groups": [(title, rows) for title, rows in groups.items() if rows],
        "met": sum(one.is_met is True for one in found),
        "missed": sum(one.is_met is False for one in found),
        "unknown": sum(one.is_met is None for one in found),
    }
    is_empty = not any(one.now.n for one in found)
    return Found(shown, (targets_table(found),), any(one.is_synthetic for one in found), is_empty)


def _group(standing: Standing) -> str:
    wanted = standing.definition.requirements
    return next((title for row, title in GROUPS if row in wanted), OTHERS)
