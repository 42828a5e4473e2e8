"""Charts of two arms as plain numbers that a template draws: lines in a box of 100 x 100, labels by percent. Pure.

Lines break where there is no data; a limit is dashed and shaded on its failing side. The same numbers stand in a table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

APART: Final = 12.0
"""Per cent of the height that two labels keep between them: 13 of 110 pixels."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `values` has one entry for each point in time, None where there is no data."""

    name: str
    arm: str  # new or control
    values: Sequence[float | None]
    style: str = "solid"  # or dashed


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold; beyond it, on the side where `above` says, is bad."""

    value: float
    above: bool
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A text at a place, in per cent of width or height from the top left."""

    at: float
    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Stroke:
    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class Band:
    """A limit as drawn: the line's height, and the shaded part from `top` over `height`."""

    line: float
    top: float
    height: float
    label: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything a template needs; `rows` are the table beneath, each a time and one text for each column."""

    title: str
    note: str
    strokes: tuple[Stroke, ...]
    bands: tuple[Band, ...]
    ends: tuple[Mark, ...]
    ys: tuple[Mark, ...]
    xs: tuple[Mark, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sentence: str
    is_empty: bool = False


def draw(
    title: str,
    lines: Sequence[Line],
    times: Sequence[str],
    limits: Sequence[Limit] = (),
    *,
    text: Callable[[float | None], str],
    tick: Callable[[float], str],
    note: str = "",
    floor: float | None = None,
    ceiling: float | None = None,
    of_limits: str = "limits",
) -> Chart:
    """Return a chart; no value passes `floor` or `ceiling`; `text` writes a value, `tick` one on the axis.

    of_limits: what stands before the limits in the sentence.

    Raises:
        ValueError: a line has another number of values than there are times.
    """
    if any(len(line.values) != len(times) for line in lines):
        raise ValueError("each line has one value for each time")
    known = [value for line in lines for value in line.values if value is not None]
    ticks = round_ticks([*known, *(limit.value for limit in limits)], floor, ceiling)
    low, high = ticks[0], ticks[-1]

    def place(value: float) -> float:
        return round(100 - 100 * (min(max(value, low), high) - low) / (high - low), 2)

    return Chart(
        title=title,
        note=note,
        strokes=tuple(Stroke(_path(line.values, place), f"{line.arm} {line.style}") for line in lines),
        bands=_bands(limits, place),
        ends=_ends(lines, place, text),
        ys=tuple(Mark(place(value), tick(value)) for value in ticks),
        xs=_times(times),
        columns=tuple(line.name for line in lines),
        rows=tuple((at, *(text(line.values[i]) for line in lines)) for i, at in enumerate(times)),
        sentence=_sentence(title, lines, limits, text, of_limits),
        is_empty=not known,
    )


def round_ticks(values: Sequence[float], floor: float | None, ceiling: float | None) -> list[float]:
    """Return three to five round values that span all others."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    low = low if floor is None or low - floor > 2 * (high - low) else floor
    if high - low < 1e-9:
        low, high = low - abs(low) / 10 - 0.01, high + abs(high) / 10 + 0.01
    step = _round_step((high - low) / 3)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if high > (last - 0.15) * step:
        last += 1
    if floor is not None:
        first = max(first, math.floor(floor / step + 1e-9))
    if ceiling is not None:
        last = min(last, math.ceil(ceiling / step - 1e-9))
    return [round(step * i, 10) for i in range(first, max(last, first + 1) + 1)]


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * one for one in (1, 2, 5, 10) if power * one >= rough * 0.999)


def _path(values: Sequence[float | None], place: Callable[[float], float]) -> str:
    """Return an SVG path; a lone point between gaps is a stroke of no length, which a round cap makes a dot."""
    last, parts, is_down = max(len(values) - 1, 1), [], False
    for index, value in enumerate(values):
        if value is None:
            is_down = False
            continue
        x, y = round(100 * index / last, 2), place(value)
        following = values[index + 1] if index + 1 < len(values) else None
        if is_down:
            parts.append(f"L{x} {y}")
        else:
            parts.append(f"M{x} {y}" + ("" if following is not None else "h.01"))
        is_down = True
    return "".join(parts)


def _bands(limits: Sequence[Limit], place: Callable[[float], float]) -> tuple[Band, ...]:
    lines = [place(limit.value) for limit in limits]
    # The label stands on the failing side, where no line of a healthy arm is.
    labels = apart([y - APART / 2 if limit.above else y + APART / 2 for limit, y in zip(limits, lines, strict=True)])
    return tuple(
        Band(y, 0 if limit.above else y, y if limit.above else round(100 - y, 2), label, limit.label)
        for limit, y, label in zip(limits, lines, labels, strict=True)
    )


def _ends(
    lines: Sequence[Line], place: Callable[[float], float], text: Callable[[float | None], str]
) -> tuple[Mark, ...]:
    """Label each line at its end, instead of a legend."""
    newest = [(line, next((v for v in reversed(line.values) if v is not None), None)) for line in lines]
    found = [(line, value) for line, value in newest if value is not None]
    places = apart([place(value) for _, value in found])
    return tuple(
        Mark(at, f"{line.name} {text(value)}", line.arm) for (line, value), at in zip(found, places, strict=True)
    )


def apart(places: Sequence[float], least: float = APART) -> list[float]:
    """Return the places in their order, moved so that none is nearer to another than `least`, within 0 to 100.

    More than fit are spread evenly.
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    least = min(least, 100 / max(len(places) - 1, 1))
    found, below = list(places), 0.0
    for i in order:
        found[i] = below = max(places[i], below)
        below += least
    above = 100.0
    for i in reversed(order):
        found[i] = above = min(found[i], above)
        above -= least
    return [round(value, 2) for value in found]


def _times(times: Sequence[str]) -> tuple[Mark, ...]:
    """Label the first, the last and what fits in between."""
    if not times:
        return ()
    last = len(times) - 1
    parts = (0, 1 / 3, 2 / 3, 1) if len(times[0]) <= 6 else (0, 1 / 2, 1)
    chosen = sorted({round(last * part) for part in parts})
    return tuple(Mark(round(100 * i / max(last, 1), 2), times[i], _edge(i, last)) for i in chosen)


def _edge(index: int, last: int) -> str:
    return "first" if index == 0 else "last" if index == last else ""


def _sentence(
    title: str, lines: Sequence[Line], limits: Sequence[Limit], text: Callable[[float | None], str], of_limits: str
) -> str:
    """Return what a reader who does not see the chart needs: the newest values and the limits."""
    ends = [f"{line.name} {text(next((v for v in reversed(line.values) if v is not None), None))}" for line in lines]
    bounds = [limit.label for limit in limits]
    return f"{title}: {', '.join(ends)}" + (f"; {of_limits}: {', '.join(bounds)}" if bounds else "")
