"""When coaches adjust more than usual: cells of kind × reason, phase or level whose share differs from the kind's own.

A rule is what a coach is told, so it must be true on its own: its share is compared with the kind's other sessions
*within* each coach (coaches differ in how much they change at all), its spread is that between coaches, and all cells
that were looked at count in Holm's correction. Sources: Cameron & Miller 2015 (few clusters), Holm 1979, Huber 1964.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from modeling.learned.context import KINDS, LEVELS, PHASES, REASONS
from modeling.learned.overrides import LEAST_FACTOR, MOST_FACTOR
from modeling.training.columns import TrainingSet
from modeling.training.labels import ADJUSTMENTS

Array = NDArray[Any]

LEAST_LOOKED_AT: Final = 20
LEAST_CASES: Final = 15
LEAST_COACHES: Final = 4
LEAST_ATHLETES: Final = 8
ALPHA: Final = 0.05
AGREED: Final = 0.6
"""A swap or move has one suggestion only where so many of its cases agree on it."""
LEVEL: Final = 0.8
"""Of the intervals in words."""


@dataclass(frozen=True)
class Cell:
    """Sessions of a kind to which a condition applies; `rows` into the training set."""

    kind: str
    field: str
    value: str
    rows: Array
    others: Array


@dataclass(frozen=True)
class Difference:
    """Share in the cell minus share in the kind's others, within coaches. p: one-sided, that coaches do it more."""

    value: float
    se: float
    df: float
    p: float


def find_rules(training: TrainingSet, *, alpha: float = ALPHA) -> list[dict[str, Any]]:
    """Return the rules that hold, as the document has them.

    With a probability of at least 1 - alpha none of them is there by chance alone, as far as coaches' differences are
    near normal.
    """
    looked = [
        (cell, adjustment, within_coaches(training, cell, getattr(training.labels, adjustment)))
        for cell in cells(training)
        for adjustment in ADJUSTMENTS
    ]
    tested = [(cell, adjustment, found) for cell, adjustment, found in looked if found is not None]
    found = []
    for index in _holm(np.array([difference.p for *_, difference in tested]), alpha):
        cell, adjustment, difference = tested[index]
        rule = _rule(training, cell, adjustment, difference)
        if rule is not None:
            found.append(rule)
    return found


def cells(training: TrainingSet) -> Iterator[Cell]:
    """Return the cells with enough sessions, coaches and athletes, whatever was done in them."""
    context = training.context
    for number, kind in enumerate(KINDS):
        of_kind = np.flatnonzero(context["kind"] == number)
        conditions = [("reason", name, training.has(name)[of_kind]) for name in REASONS]
        conditions += [("phase", name, context["phase"][of_kind] == at) for at, name in enumerate(PHASES)]
        conditions += [("level", name, context["level"][of_kind] == at) for at, name in enumerate(LEVELS)]
        conditions += [
            ("heuristic", name, training.heuristic[of_kind, at]) for at, name in enumerate(training.heuristics)
        ]
        for field, value, holds in conditions:
            cell = Cell(kind, field, value, of_kind[holds], of_kind[~holds])
            if _is_enough(training, cell.rows, LEAST_LOOKED_AT) and len(cell.others) >= LEAST_LOOKED_AT:
                yield cell


def within_coaches(training: TrainingSet, cell: Cell, done: Array) -> Difference | None:
    """Return how much more often coaches do something in a cell, None where too few coaches have both.

    Each coach's difference weighs by how well it is known; the spread is that between coaches, and no less than that of
    as many coin tosses.
    """
    coaches = len(training.coaches)
    n1, y1 = _by_coach(training, cell.rows, done, coaches)
    n0, y0 = _by_coach(training, cell.others, done, coaches)
    both = (n1 > 0) & (n0 > 0)
    if both.sum() < LEAST_COACHES:
        return None
    n1, y1, n0, y0 = n1[both], y1[both], n0[both], y0[both]
    weight = n1 * n0 / (n1 + n0)
    each = y1 / n1 - y0 / n0
    value = float(np.average(each, weights=weight))
    share = (y1.sum() + y0.sum() + 1) / (n1.sum() + n0.sum() + 2)
    tossed = share * (1 - share) / weight.sum()
    effective = weight.sum() ** 2 / (weight**2).sum()
    df = max(effective - 1, 1.0)
    between = (weight**2 * (each - value) ** 2).sum() / weight.sum() ** 2 * effective / df
    se = float(np.sqrt(max(between, tossed)))
    return Difference(value, se, float(df), float(stdtr(df, -value / se)))


def robust_mean(values: Array, clusters: Array) -> tuple[float, float, float]:
    """Return Huber's mean, its standard error clustered, and the degrees of freedom.

    Huber's constant 1.345 in units of the median absolute deviation: an odd value pulls no more than 1.3 spreads would.
    """
    middle = float(np.median(values))
    spread = max(1.4826 * float(np.median(np.abs(values - middle))), 1e-3)
    for _ in range(50):
        weight = np.minimum(1.0, 1.345 * spread / np.maximum(np.abs(values - middle), 1e-12))
        step = float(np.average(values, weights=weight)) - middle
        middle += step
        if abs(step) < 1e-10:
            break
    pull = np.clip(values - middle, -1.345 * spread, 1.345 * spread)
    steep = float(np.mean(np.abs(values - middle) <= 1.345 * spread)) * len(values)
    sums = np.bincount(clusters, weights=pull)
    sizes = np.bincount(clusters).astype(np.float64)
    groups = max(float(sizes.sum() ** 2 / (sizes**2).sum()), 1.0)
    df = max(groups - 1, 1.0)
    variance = max(float((sums**2).sum()) * groups / df, float((pull**2).sum())) / max(steep, 1.0) ** 2
    return middle, float(np.sqrt(variance)), df


def _rule(training: TrainingSet, cell: Cell, adjustment: str, difference: Difference) -> dict[str, Any] | None:
    done = getattr(training.labels, adjustment)
    cases = cell.rows[done[cell.rows]]
    if not _is_enough(training, cases, LEAST_CASES):
        return None
    particular = _PARTICULARS[adjustment](training, cases)
    if particular is None:
        return None
    share = len(cases) / len(cell.rows)
    half = float(stdtrit(difference.df, (1 + LEVEL) / 2)) * difference.se
    return {
        "adjustment": adjustment,
        "kind": cell.kind,
        "field": cell.field,
        "value": cell.value,
        "cases": len(cases),
        "looked_at": len(cell.rows),
        "coaches": _distinct(training.coach[cases]),
        "athletes": _distinct(training.athlete[cases]),
        "share": round(share, 4),
        "usual_share": round(float(done[cell.others].mean()), 4),
        "more": round(difference.value, 4),
        "more_low": round(difference.value - half, 4),
        "more_high": round(difference.value + half, 4),
    } | particular


def _volume(training: TrainingSet, cases: Array) -> dict[str, Any] | None:
    factors = training.labels.volume_factor[cases]
    known = cases[np.isfinite(factors) & (factors > 0)]
    if len(known) < LEAST_CASES:
        return None
    logs = np.log(training.labels.volume_factor[known])
    middle, se, df = robust_mean(logs, np.unique(training.coach[known], return_inverse=True)[1])
    if abs(middle) <= float(stdtrit(df, 0.975)) * se or not LEAST_FACTOR <= np.exp(middle) <= MOST_FACTOR:
        # Some lengthen, others shorten; or it is another session altogether: there is nothing to suggest.
        return None
    half = float(stdtrit(df, (1 + LEVEL) / 2)) * se
    return {
        "factor": round(float(np.exp(middle)), 4),
        "factor_low": round(float(np.exp(middle - half)), 4),
        "factor_high": round(float(np.exp(middle + half)), 4),
    }


def _swap(training: TrainingSet, cases: Array) -> dict[str, Any] | None:
    codes = training.labels.swap_to[cases]
    most = _most_frequent(codes[codes >= 0], len(cases))
    return None if most is None else {"to_kind": KINDS[most]}


def _move(training: TrainingSet, cases: Array) -> dict[str, Any] | None:
    shifts = training.labels.day_shift[cases]
    most = _most_frequent(shifts[shifts != 0], len(cases))
    return None if most is None or abs(most) > 6 else {"day_shift": most}


def _rest(training: TrainingSet, cases: Array) -> dict[str, Any] | None:
    return {}


_PARTICULARS: Final = {"volume": _volume, "swap": _swap, "move": _move, "rest": _rest}


def _most_frequent(values: Array, cases: int) -> int | None:
    if not len(values):
        return None
    distinct, counts = np.unique(values, return_counts=True)
    return int(distinct[counts.argmax()]) if counts.max() >= AGREED * cases else None


def _holm(p: Array, alpha: float) -> Sequence[int]:
    """Return which are refused at a family-wise alpha, in their order."""
    kept: list[int] = []
    for rank, index in enumerate(np.argsort(p, kind="stable")):
        if p[index] > alpha / (len(p) - rank):
            break
        kept.append(int(index))
    return sorted(kept)


def _by_coach(training: TrainingSet, rows: Array, done: Array, coaches: int) -> tuple[Array, Array]:
    coach = training.coach[rows]
    known = coach >= 0
    n = np.bincount(coach[known], minlength=coaches).astype(np.float64)
    return n, np.bincount(coach[known], weights=done[rows][known].astype(np.float64), minlength=coaches)


def _is_enough(training: TrainingSet, rows: Array, least: int) -> bool:
    if len(rows) < least:
        return False
    enough_coaches = _distinct(training.coach[rows]) >= LEAST_COACHES
    return enough_coaches and _distinct(training.athlete[rows]) >= LEAST_ATHLETES


def _distinct(codes: Array) -> int:
    return int(len(np.unique(codes[codes >= 0])))
