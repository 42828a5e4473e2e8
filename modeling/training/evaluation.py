"""How a candidate does against the champion and what needs no model, out of sample and on the same cases. Pure.

Priors by the next tests of held-out athletes, probabilities by log loss, Brier score, calibration error and lift. Every
difference has an interval by whole athletes (coaches, where coaches decide). A champion without a part does without it:
published priors, or the base rate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.core.priors import DEFAULT_PRIORS, Priors
from modeling.learned.algorithm import LearnedAlgorithm
from modeling.training.histories import History
from modeling.training.intervals import Interval, clustered, mean_difference, numbered
from modeling.training.next_test import Predicted, last_test_errors, predicted
from modeling.training.verdict import EVERYBODY, Direction, Figure

Vector = NDArray[np.float64]
Whole = NDArray[np.int64]

NEXT_TEST: Final = "next-test error"
LAST_TEST: Final = "next-test error, against the last test"
HOLDS: Final = {80: "80 % interval holds", 95: "95 % interval holds"}
LOG_LOSS: Final = "log loss"
BRIER: Final = "Brier score"
CALIBRATION: Final = "calibration error"
LIFT: Final = "lift of the top tenth"
BINS: Final = 10
LEAST_SURE: Final = 1e-4
"""Probabilities are held between this and one minus it: one overconfident case is not everything."""


@dataclass(frozen=True)
class Cases:
    """Probabilities of one part, a row a case.

    happened: 0 to 1. baseline: what needs no model. clusters: athlete or coach. groups: in words.
    """

    part: str
    happened: Vector
    candidate: Vector
    champion: Vector
    baseline: Vector
    clusters: Whole
    groups: Sequence[str]


def group_words(sport: str, level: str, tier: str) -> str:
    """Return a group as figures name it."""
    return f"{sport}, {level}, {tier}"


def prior_figures(
    histories: Sequence[History], candidate: LearnedAlgorithm, champion: LearnedAlgorithm, *, seed: int = 0
) -> tuple[Figure, ...]:
    """Return the figures of the part "priors" on athletes that nothing was learned from."""
    ours = predicted(histories, _of(candidate))
    if not len(ours.errors):
        return ()
    base = predicted(histories, lambda _: DEFAULT_PRIORS)
    theirs = predicted(histories, _of(champion)) if champion.priors is not None else base
    last = last_test_errors(histories)
    words = np.array([group_words(one.sport, one.level, one.tier) for one in histories])[ours.athlete]

    def error(metric: str, group: str, rows: NDArray[np.bool_], baseline: Vector) -> Figure:
        clusters = numbered(ours.athlete[rows])
        values = [one[rows] for one in (ours.errors, theirs.errors, baseline)]
        return _compared("priors", metric, "%", "lower", group, values, clusters, seed)

    everybody = np.ones(len(words), dtype=np.bool_)
    found = [
        error(NEXT_TEST, EVERYBODY, everybody, base.errors),
        error(LAST_TEST, EVERYBODY, everybody, last),
        *_coverage(ours, theirs, seed),
    ]
    return (*found, *(error(NEXT_TEST, str(name), words == name, base.errors) for name in np.unique(words)))


def probability_figures(of: Cases, *, seed: int = 0) -> tuple[Figure, ...]:
    """Return the figures of a part that gives probabilities; nothing without a case."""
    if not len(of.happened):
        return ()
    three = (of.candidate, of.champion, of.baseline)
    found = []
    for metric, loss in ((LOG_LOSS, _log_loss), (BRIER, _brier)):
        losses = [loss(one, of.happened) for one in three]
        found.append(_compared(of.part, metric, "a case", "lower", EVERYBODY, losses, of.clusters, seed))
    losses = [_log_loss(one, of.happened) for one in three]
    words = np.asarray(of.groups)
    for name in np.unique(words):
        rows = words == name
        mine = [one[rows] for one in losses]
        clusters = numbered(of.clusters[rows])
        found.append(_compared(of.part, LOG_LOSS, "a case", "lower", str(name), mine, clusters, seed))
    return (*found, _calibration(of, seed), _lift(of, seed))


def _of(algorithm: LearnedAlgorithm) -> Callable[[History], Priors]:
    return lambda one: algorithm.priors_for(sport=one.sport, level=one.level, age_group=one.age_group)


def _compared(
    part: str,
    metric: str,
    unit: str,
    better: Direction,
    group: str,
    values: Sequence[Vector],
    clusters: Whole,
    seed: int,
) -> Figure:
    """Return the figure of a mean; values: the candidate's, champion's and baseline's, a case each."""
    difference = mean_difference(values[0], values[1], clusters, seed=seed)
    means = [float(one.mean()) for one in values]
    return _figure(part, metric, unit, better, group, len(values[0]), means, difference)


def _figure(
    part: str,
    metric: str,
    unit: str,
    better: Direction,
    group: str,
    n: int,
    values: Sequence[float | None],
    difference: Interval | None,
) -> Figure:
    low, high, units = (difference.low, difference.high, difference.units) if difference else (None, None, 0)
    return Figure(part, metric, unit, better, group, n, units, values[0], values[1], values[2], low, high)


def _coverage(ours: Predicted, theirs: Predicted, seed: int) -> list[Figure]:
    found = []
    for level, name in HOLDS.items():
        hits = [100.0 * getattr(one, f"inside{level}").astype(np.float64) for one in (ours, theirs)]
        nominal = np.full(len(hits[0]), float(level))
        clusters = numbered(ours.athlete)
        found.append(_compared("priors", name, "%", "higher", EVERYBODY, [*hits, nominal], clusters, seed))
    return found


def _log_loss(probability: Vector, happened: Vector) -> Vector:
    sure = np.clip(probability, LEAST_SURE, 1.0 - LEAST_SURE)
    return np.asarray(-(happened * np.log(sure) + (1.0 - happened) * np.log1p(-sure)))


def _brier(probability: Vector, happened: Vector) -> Vector:
    return np.asarray((probability - happened) ** 2)


def _bins(probability: Vector) -> Whole:
    """Return each case's tenth by rank; equal probabilities share one."""
    edges = np.quantile(probability, np.linspace(0.0, 1.0, BINS + 1)[1:-1])
    return np.asarray(np.searchsorted(edges, probability, side="right"), dtype=np.int64)


def _calibration(of: Cases, seed: int) -> Figure:
    """Return the mean distance of probability and frequency over tenths; baseline: what chance alone would make it."""
    columns = [_binned(probability, of.happened) for probability in (of.candidate, of.champion)]
    n = len(of.happened)

    def error(sums: Vector) -> Vector:
        return np.asarray(np.abs(sums.reshape(len(sums), 2, BINS)).sum(axis=2) @ np.array([1.0, -1.0]) / n)

    difference = clustered(np.hstack(columns), of.clusters, error, seed=seed)
    values: list[float | None] = [float(np.abs(one.sum(axis=0)).sum() / n) for one in columns]
    return _figure(of.part, CALIBRATION, "a case", "lower", EVERYBODY, n, [*values, _by_chance(of)], difference)


def _binned(probability: Vector, happened: Vector) -> Vector:
    table = np.zeros((len(happened), BINS))
    table[np.arange(len(happened)), _bins(probability)] = probability - happened
    return table


def _by_chance(of: Cases) -> float:
    """Return the calibration error expected of a calibrated candidate whose clusters' cases stand together."""
    sums = np.zeros((int(of.clusters.max()) + 1, BINS))
    np.add.at(sums, (of.clusters, _bins(of.candidate)), of.candidate - of.happened)
    spread = np.sqrt(np.sum(sums**2, axis=0))
    return float(np.sqrt(2.0 / np.pi) * spread.sum() / len(of.happened))


def _lift(of: Cases, seed: int) -> Figure:
    """Return how much more often it happened in the tenth with the highest probabilities than overall."""
    tops = [_top(one) for one in (of.candidate, of.champion, of.baseline)]
    columns = np.column_stack([*(top * of.happened for top in tops), *tops, of.happened, np.ones(len(of.happened))])

    def lifts(sums: Vector) -> Vector:
        rate = np.maximum(sums[:, 6] / sums[:, 7], 1e-12)
        return np.asarray(sums[:, :3] / np.maximum(sums[:, 3:6], 1e-12) / rate[:, None])

    difference = clustered(columns, of.clusters, lambda sums: lifts(sums)[:, 0] - lifts(sums)[:, 1], seed=seed)
    values: list[Any] = lifts(columns.sum(axis=0)[None, :])[0].tolist()
    return _figure(of.part, LIFT, "times", "higher", EVERYBODY, len(of.happened), values, difference)


def _top(probability: Vector) -> Vector:
    """Return each case's share in the top tenth; ties at its edge are let in by equal shares."""
    wanted = len(probability) / 10.0
    edge = np.quantile(probability, 0.9)
    above, at = probability > edge, probability == edge
    share = min(max((wanted - above.sum()) / max(at.sum(), 1), 0.0), 1.0)
    return np.asarray(above + share * at, dtype=np.float64)
