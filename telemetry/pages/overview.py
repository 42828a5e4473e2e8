"""The first page of metrics: four targets, the way of plans, adherence, what coaches change, the last week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext

from common.charts import Chart, Line, draw
from common.translating.showing import counts, shown
from telemetry.dashboards import comparing, numbers, plans
from telemetry.dashboards.asked import WEEK, Asked
from telemetry.dashboards.comparing import Side, Weekly
from telemetry.dashboards.marts import Marts
from telemetry.dashboards.numbers import Number, goal, text
from telemetry.dashboards.plans import KINDS, LEAST_PLANS, Changes, Funnel
from telemetry.dashboards.success import HEADLINES, Standing, standings
from telemetry.pages import adherence
from telemetry.pages.frame import Found
from telemetry.pages.tables import Cell, Table
from telemetry.pages.words import Pill, age, days, state_of, week

STAGE_TITLES: Final = {
    "generated": "Generated",
    "submitted": "Coach reviewed",
    "approved": "Approved",
    "published": "Published",
    "completed": "Completed",
}
_BEFORE: Final = {"submitted": "review", "approved": "answer", "published": "publishing", "completed": "running"}
_WAITING: Final = {
    "review": "wait for review",
    "answer": "wait for an answer",
    "publishing": "wait for publishing",
    "running": "still running",
}
KIND_TITLES: Final = {
    "volume": "Volume",
    "intensity": "Intensity",
    "session_type": "Session type",
    "order_of_sessions": "Order",
    "rest_days": "Rest days",
    "strength": "Strength",
    "notes": "Notes",
}
SHADES: Final = 0.6
"""The share from which a cell of the heat map is darkest."""


@dataclass(frozen=True)
class Card:
    """A target's card."""

    title: str
    describes: str
    value: str
    target: str
    n: str
    pill: Pill
    spark: Chart
    through: str


@dataclass(frozen=True)
class Stage:
    """A bar of the funnel, in percent of the plans that were generated."""

    title: str
    count: str
    share: str
    width: float
    running: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class HeatCell:
    text: str
    shade: float
    kind: str  # framed, few, hidden or blank


@dataclass(frozen=True)
class HeatRow:
    coach: str
    plans: str
    cells: tuple[HeatCell, ...]
    volume: str
    load: str


def overview(marts: Marts, asked: Asked) -> Found:
    """Return the page's numbers."""
    heads = standings(marts, asked, HEADLINES)
    funnel, changed = plans.funnel(marts, asked), plans.changes(marts, asked)
    weekly, table = comparing.weekly(marts, asked), comparing.last_week(marts, asked)
    given = {
        "cards": [card(one, asked) for one in heads],
        "is_filtered": bool(asked.arm),
        "stages": stages(funnel, marts),
        "hours": hours(funnel),
        "chart": adherence.drawn(weekly, asked),
        "chart_sentence": adherence.sentence(weekly),
        "chart_note": adherence.note(weekly),
        "heat": [heat_row(one, marts.reach.name(one.token)) for one in changed.rows],
        "kinds": [KIND_TITLES[kind] for kind in KINDS],
        "least_plans": LEAST_PLANS,
        "week_title": f"Week {table.week.isocalendar().week}",
        "week_days": days(table.week, table.week + WEEK - (WEEK / 7)),
        "week_columns": [adherence.label_of(side) for side in table.sides],
        "week_rows": [week_row(row) for row in table.rows],
    }
    tables = (
        targets_table(heads),
        funnel_table(funnel),
        weekly_table(weekly, asked),
        changes_table(changed, marts),
        metrics_table(table),
    )
    is_synthetic = any(one.is_synthetic for one in heads) or any(
        (funnel.is_synthetic, changed.is_synthetic, weekly.is_synthetic, table.is_synthetic)
    )
    is_empty = (
        not funnel.reached["generated"].n
        and not any(row.whole.n for row in table.rows)
        and not any(one.now.n for one in heads)
    )
    return Found(given, tables, is_synthetic, is_empty)


def card(standing: Standing, asked: Asked) -> Card:
    """Return a target as its card shows it."""
    one, unit = standing.definition, standing.definition.unit
    weeks = shown(f"{standing.target.weeks} weeks" if standing.target.weeks > 1 else "a week")
    aim = ("" if standing.target.at_least else "≤ ") + goal(standing.target.value, unit)
    late = standing.week is not None and standing.week != asked.last_week
    return Card(
        one.title,
        gettext("{describes}, over {weeks}").format(describes=shown(one.describes), weeks=weeks),
        text(standing.now, unit),
        f"target {aim}",
        f"n {standing.now.n:,.0f}" if standing.now.value is not None else "",
        state_of(standing),
        spark(standing, asked),
        f"to {week(standing.week)}" if late and standing.week else "",
    )


def spark(standing: Standing, asked: Asked) -> Chart:
    """Return the small line of a card, with its target."""
    unit = standing.definition.unit
    lines = [
        Line("value", "new", [one.value for one in standing.trend]),
        Line("target", "target", [standing.target.value] * len(asked.weeks)),
    ]

    def told(value: float | None) -> str:
        return numbers.NO_DATA if value is None else numbers.of_unit(value, unit)

    return draw(standing.definition.title, lines, [week(one) for one in asked.weeks], text=told, tick=told)


def stages(funnel: Funnel, marts: Marts) -> list[Stage]:
    """Return the funnel's bars."""
    made, found = funnel.reached["generated"].value, []
    for name, title in STAGE_TITLES.items():
        reached = funnel.reached[name]
        share = (reached.value or 0) / made if made else 0.0
        running = funnel.waiting["running"].value if name == "completed" else None
        found.append(
            Stage(
                title,
                text(reached, "count"),
                numbers.of_unit(share, "share") if made and reached.value is not None else "",
                round(100 * share, 1),
                round(100 * (running or 0) / made, 1) if made else 0.0,
                _notes(funnel, name, marts),
            )
        )
    return found


def _notes(funnel: Funnel, stage: str, marts: Marts) -> tuple[str, ...]:
    """Return who waits before a stage, and for how long the first has."""
    if stage not in _BEFORE:
        return ()
    waiting, found = funnel.waiting[_BEFORE[stage]], []
    if waiting.is_hidden:
        found.append(f"fewer than {numbers.LEAST_PEOPLE} {_WAITING[_BEFORE[stage]]}")
    elif waiting.value:
        waits = f"{counts(f'{waiting.value:,.0f}')} {shown(_WAITING[_BEFORE[stage]])}"
        if stage == "submitted" and funnel.oldest_waiting:
            waits += ", " + shown(f"oldest {age(marts.build.as_of - funnel.oldest_waiting)}")
        found.append(waits)
    if stage == "completed" and funnel.waiting["replaced"].value:
        found.append(f"{funnel.waiting['replaced'].value:,.0f} replaced by a newer plan")
    return tuple(found)


def hours(funnel: Funnel) -> list[tuple[str, str]]:
    """Return the median hours from one stage to the next."""
    titles = {"hours_to_review": "to review", "hours_to_answer": "to approval", "hours_to_publishing": "to publishing"}
    return [(title, text(funnel.hours[name], "hours").removesuffix(" h")) for name, title in titles.items()]


def heat_row(row: plans.CoachRow, coach: str) -> HeatRow:
    """Return a coach's line of the heat map."""
    return HeatRow(
        coach,
        text(row.plans, "count"),
        tuple(_heat_cell(row, kind) for kind in KINDS),
        _signed(row.volume),
        _signed(row.load),
    )


def _heat_cell(row: plans.CoachRow, kind: str) -> HeatCell:
    share = row.shares[kind]
    if share.value is None:
        return HeatCell("", 0, "hidden" if share.is_hidden else "blank")
    look = "few" if row.plans.n < LEAST_PLANS else "framed" if kind in row.stands_out else ""
    return HeatCell(f"{100 * share.value:.0f}", round(70 * min(share.value / SHADES, 1.0), 1), look)


def _signed(one: Number) -> str:
    return f"{one.value:+.1f}" if one.value is not None else "–"


def week_row(row: comparing.Row) -> dict[str, Any]:
    """Return a metric's line of the last week."""
    unit = row.definition.unit
    before = " / ".join(_short(one, unit) for one in row.before)
    return {
        "title": row.definition.title,
        "describes": row.definition.describes,
        "whole": row.whole,
        "whole_text": text(row.whole, unit),
        "values": [(one, text(one, unit) if one.value is not None or one.is_hidden else "–") for one in row.values],
        "before": before if any(one.value is not None for one in row.before) else "–",
        "n": f"{row.whole.n:,.0f}" if row.whole.value is not None else "–",
    }


def _short(one: Number, unit: str) -> str:
    return "–" if one.value is None else text(one, unit).partition(" ")[0]


def targets_table(found: Sequence[Standing]) -> Table:
    """Return targets and where they stand."""
    columns = ("metric", "title", "unit", "value", "target", "at", "weeks", "last week", "n", "state", "formula")
    rows = tuple(
        (
            one.definition.name,
            one.definition.title,
            one.definition.unit,
            Cell(one.now, one.definition.unit),
            one.target.value,
            "least" if one.target.at_least else "most",
            one.target.weeks,
            one.week,
            one.now.n,
            "no data" if one.is_met is None else "met" if one.is_met else "missed",
            one.definition.formula,
        )
        for one in found
    )
    return Table("targets", "Targets", columns, rows)


def funnel_table(funnel: Funnel) -> Table:
    rows = [(STAGE_TITLES[name], Cell(one, "count")) for name, one in funnel.reached.items()]
    rows += [(_WAITING.get(name, name), Cell(one, "count")) for name, one in funnel.waiting.items()]
    rows += [(f"median {name.replace('_', ' ')}", Cell(one, "hours")) for name, one in funnel.hours.items()]
    return Table("plans", "From generated to completed", ("step", "value"), tuple(rows))


def weekly_table(weekly: Weekly, asked: Asked) -> Table:
    rows = tuple(
        (monday, *(Cell(weekly.values[side.name][i], "share") for side in weekly.sides))
        for i, monday in enumerate(asked.weeks)
    )
    return Table("adherence", "Weekly adherence", ("week", *_labels(weekly.sides)), rows)


def changes_table(found: Changes, marts: Marts) -> Table:
    rows = tuple(
        (
            marts.reach.name(row.token),
            Cell(row.plans, "count"),
            *(Cell(row.shares[kind], "share") for kind in KINDS),
            Cell(row.volume, "percent"),
            Cell(row.load, "percent"),
        )
        for row in found.rows
    )
    columns = ("coach", "accepted plans", *KINDS, "minutes an edit (%)", "load an edit (%)")
    return Table("changes", "What coaches change", columns, rows)


def metrics_table(table: comparing.Table) -> Table:
    """Return a week's metrics: a number and its n for everybody and for each side, and each side's week before."""
    columns = ["metric", "title", "unit", "all", "n of all"]
    for label in _labels(table.sides):
        columns += [label, f"n of {label}", f"{label}, week before"]
    rows = []
    for row in table.rows:
        unit, cells = row.definition.unit, [row.definition.name, row.definition.title, row.definition.unit]
        line: list[Any] = [*cells, Cell(row.whole, unit), row.whole.n]
        for now, before in zip(row.values, row.before, strict=True):
            line += [Cell(now, unit), now.n, Cell(before, unit)]
        rows.append(tuple(line))
    return Table("week", f"Week of {table.week}", tuple(columns), tuple(rows))


def _labels(sides: Sequence[Side]) -> list[str]:
    return [side.label for side in sides]
