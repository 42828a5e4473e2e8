"""How far predictions were from races, by the grade of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from telemetry.dashboards.accuracy import Accuracies, Accuracy, accuracies
from telemetry.dashboards.asked import Asked
from telemetry.dashboards.marts import Marts
from telemetry.dashboards.numbers import Number, goal, text
from telemetry.metric_definitions import definitions
from telemetry.pages.frame import Found
from telemetry.pages.tables import Cell, Table
from telemetry.pages.words import Pill

CALIBRATED: Final = "calibrated"
METRIC: Final = "prediction_error"
TITLES: Final = {
    "grade": "By grade of the model",
    "race": "By race",
    "pipeline": "By pipeline",
    "variant": "By variant",
}
BLANK: Final = {"grade": "No grade", "race": "No race", "pipeline": "No pipeline", "variant": "Outside experiments"}


@dataclass(frozen=True)
class Line:
    """A row with its marks, in percent of the width of the picture."""

    name: str
    races: str
    error: str
    interval: str
    bias: str
    pill: Pill | None
    at: float | None
    low: float | None
    width: float | None


def accuracy(marts: Marts, asked: Asked) -> Found:
    """Return the page's numbers."""
    found = accuracies(marts, asked)
    target = definitions()[METRIC].target
    limit = target.value if target else None
    most = _scale(found, limit)
    shown = {
        "target": goal(limit, "percent") if limit is not None else "",
        "target_at": None if limit is None else round(100 * limit / most, 1),
        "most": f"{most:.0f} %",
        "groups": [
            (name, TITLES[name], [_line(one, BLANK[name], most, limit) for one in rows])
            for name, rows in found.by.items()
        ],
    }
    tables = tuple(_table(name, rows) for name, rows in found.by.items())
    return Found(shown, tables, found.is_synthetic, not any(found.by.values()))


def _scale(found: Accuracies, limit: float | None) -> float:
    ends = [one.high or one.error.value or 0.0 for rows in found.by.values() for one in rows]
    return max([*ends, 1.5 * (limit or 0.0), 1.0])


def _line(one: Accuracy, blank: str, most: float, limit: float | None) -> Line:
    has_interval = one.low is not None and one.high is not None
    return Line(
        one.name.replace("_", " ").replace(":", ": ") or blank,
        f"{one.races:,}" if one.error.value is not None else "–",
        text(one.error, "percent"),
        f"{one.low:.1f} to {one.high:.1f} %" if has_interval else "–",
        f"{one.bias.value:+.1f} %" if one.bias.value is not None else "–",
        state_of(one, limit) if one.name == CALIBRATED else None,
        None if one.error.value is None else round(100 * one.error.value / most, 2),
        round(100 * (one.low or 0.0) / most, 2) if has_interval else None,
        round(100 * ((one.high or 0.0) - (one.low or 0.0)) / most, 2) if has_interval else None,
    )


def state_of(one: Accuracy, limit: float | None) -> Pill | None:
    """Return what can be said of a target: met or missed where the whole interval is on one side of it."""
    if limit is None or one.error.value is None:
        return None
    if one.high is not None and one.high <= limit:
        return Pill("check_circle", "Met", "good")
    if one.low is not None and one.low > limit:
        return Pill("cancel", "Missed", "bad")
    return Pill("hourglass_top", "Met, not surely" if one.error.value <= limit else "Missed, not surely", "wait")


def _table(name: str, rows: Sequence[Accuracy]) -> Table:
    columns = (name, "races", "mean absolute error (%)", "low (%)", "high (%)", "mean error (%)")
    return Table(
        name,
        TITLES[name],
        columns,
        tuple(
            (
                one.name,
                one.races,
                Cell(one.error, "percent"),
                _bound(one, one.low),
                _bound(one, one.high),
                Cell(one.bias, "percent"),
            )
            for one in rows
        ),
    )


def _bound(one: Accuracy, value: float | None) -> Any:
    return Cell(Number(value, one.error.n, one.error.is_hidden), "percent")
