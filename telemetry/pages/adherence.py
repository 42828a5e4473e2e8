"""Adherence by variant, as the theme's Chart.js draws it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from django.utils.translation import gettext

from common.translating.showing import said, shown
from telemetry.dashboards import numbers
from telemetry.dashboards.asked import Asked
from telemetry.dashboards.comparing import ADHERENCE, Side, Weekly
from telemetry.dashboards.numbers import text
from telemetry.metric_definitions import definitions
from telemetry.pages.words import week

COLOURS: Final = ("var(--mx-1)", "var(--mx-2)", "var(--mx-3)", "var(--mx-4)")
CONTROL: Final = "var(--mx-control)"
_POINTS: Final = ("circle", "triangle", "rectRot", "star")
_INK: Final = "#737b8a"


def label_of(side: Side) -> str:
    """Return a side's name: a key as it is, what has none in the language at hand."""
    return side.label if side.name else shown(side.label)


def drawn(weekly: Weekly, asked: Asked) -> tuple[str, str] | None:
    """Return data and options of the chart, None where no week has a number."""
    if all(one.value is None for values in weekly.values.values() for one in values):
        return None
    return chart_data(weekly, asked), chart_options()


def chart_data(weekly: Weekly, asked: Asked) -> str:
    """Return what Chart.js draws, in percent; where there is no number, the line breaks."""
    colours = iter(COLOURS * (1 + len(weekly.sides) // len(COLOURS)))
    points = iter(_POINTS * (1 + len(weekly.sides) // len(_POINTS)))
    sets = []
    for side in weekly.sides:
        colour = CONTROL if side.is_control or not side.name else next(colours)
        shape = "rect" if side.is_control or not side.name else next(points)
        values = [None if one.value is None else round(100 * one.value, 1) for one in weekly.values[side.name]]
        sets.append(_dataset(label_of(side), values, colour, shape, [4, 4] if not side.name else []))
    target = definitions()[ADHERENCE].target
    if target:
        values = [100 * target.value] * len(asked.weeks)
        sets.append(_dataset(shown("Target"), values, "var(--mx-target)", False, [2, 3]))
    return json.dumps({"labels": [week(one) for one in asked.weeks], "datasets": sets})


def _dataset(label: str, values: Sequence[float | None], colour: str, shape: Any, dash: list[int]) -> dict[str, Any]:
    return {
        "label": label,
        "data": list(values),
        "borderColor": colour,
        "backgroundColor": colour,
        "borderWidth": 1.8,
        "borderDash": dash,
        "pointStyle": shape,
        "pointRadius": 3.5 if shape else 0,
        "spanGaps": False,
    }


def chart_options() -> str:
    """Return the whole of Chart.js' options: the theme does not add its own to these."""
    ticks = {"color": _INK, "font": {"size": 11}}
    options = {
        "animation": False,
        "responsive": True,
        "maintainAspectRatio": False,
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {
            "legend": {
                "position": "top",
                "align": "end",
                "labels": {"usePointStyle": True, "boxHeight": 7, "color": _INK, "font": {"size": 12}},
            }
        },
        "scales": {
            "x": {"grid": {"display": False}, "ticks": {**ticks, "maxRotation": 0, "autoSkipPadding": 8}},
            "y": {"grace": "10%", "border": {"display": False}, "ticks": {**ticks, "maxTicksLimit": 6}},
        },
    }
    return json.dumps(options)


def note(weekly: Weekly) -> str:
    """Return what the line measures, or how many points are hidden."""
    hidden = sum(one.is_hidden for values in weekly.values.values() for one in values)
    return (
        f"{hidden} points of fewer than {numbers.LEAST_PEOPLE} athletes hidden"
        if hidden
        else "sessions done of those due"
    )


def sentence(weekly: Weekly) -> str:
    """Return what a reader who does not see the chart needs: the newest values."""
    ends = [f"{label_of(side)} {said(text(weekly.values[side.name][-1], 'share'))}" for side in weekly.sides]
    return gettext("Adherence in the last week: {values}").format(values=", ".join(ends))
