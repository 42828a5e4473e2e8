"""Every metric that has a target, by what it is about: over whole weeks, and as it stands today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from telemetry.dashboards.asked import WEEK, Asked, monday
from telemetry.dashboards.marts import Marts
from telemetry.dashboards.numbers import text
from telemetry.dashboards.success import Standing, standings
from telemetry.pages.frame import Found
from telemetry.pages.overview import card, targets_table
from telemetry.pages.tables import Cell, Table

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
    today = _today(marts, asked)
    groups: dict[str, list[dict[str, Any]]] = {title: [] for _, title in GROUPS}
    for one in found:
        row = {"card": card(one, asked), "formula": one.definition.formula, "today": _said(today, one)}
        groups.setdefault(_group(one), []).append(row)
    shown = {
        "groups": [(title, rows) for title, rows in groups.items() if rows],
        "met": sum(one.is_met is True for one in found),
        "missed": sum(one.is_met is False for one in found),
        "unknown": sum(one.is_met is None for one in found),
    }
    is_empty = not any(one.now.n for one in (*found, *today.values()))
    return Found(
        shown, (_with_today(targets_table(found), found, today),), any(one.is_synthetic for one in found), is_empty
    )


def _group(standing: Standing) -> str:
    wanted = standing.definition.requirements
    return next((title for row, title in GROUPS if row in wanted), OTHERS)


def _today(marts: Marts, asked: Asked) -> Mapping[str, Standing]:
    """Return targets over the running week, as far as it was when the build began, and the whole ones before it.

    Nothing where other weeks than the latest were asked for.
    """
    if asked.until != monday(marts.build.as_of.date()):
        return {}
    now = standings(marts, replace(asked, until=asked.until + WEEK))
    return {one.definition.name: one for one in now if one.week == asked.until}


def _said(today: Mapping[str, Standing], standing: Standing) -> str:
    """Return today's value; blank where this week has none."""
    found = today.get(standing.definition.name)
    return text(found.now, found.definition.unit) if found and found.now.n else ""


def _with_today(table: Table, found: list[Standing], today: Mapping[str, Standing]) -> Table:
    rows = []
    for row, one in zip(table.rows, found, strict=True):
        now = today.get(one.definition.name)
        rows.append((*row, Cell(now.now, now.definition.unit) if now else None, now.now.n if now else None))
    return replace(table, columns=(*table.columns, "today", "n today"), rows=tuple(rows))
