"""Held-out athletes' next tests, predicted by the same fit that plans use. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from modeling.core.errors import FitError
from modeling.core.posterior import fit_posterior
from modeling.core.priors import Priors
from modeling.training.histories import History

Vector = NDArray[np.float64]

LEAST_BEFORE: Final = 3
LAST: Final = 2
"""So many of an athlete's latest tests are predicted."""


@dataclass(frozen=True)
class Predicted:
    """Predictions of tests, a row each, athletes in order. athlete: number of its history. errors: absolute, per cent.

    inside80, inside95: whether the interval held the test.
    """

    athlete: NDArray[np.int64]
    errors: Vector
    inside80: NDArray[np.bool_]
    inside95: NDArray[np.bool_]


def predicted(histories: Sequence[History], priors_of: Callable[[History], Priors], *, last: int = LAST) -> Predicted:
    """Return rolling-origin predictions: each test from the loads and tests of the days before it.

    Whether a test is predicted depends on its history alone, so that two priors are compared on the same tests.
    """
    rows = [
        (number, error, *inside)
        for number, history in enumerate(histories)
        for error, inside in _of_history(history, priors_of(history), last, (0.8, 0.95))
    ]
    columns: list[list[float]] = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
    return Predicted(
        np.array(columns[0], dtype=np.int64),
        np.array(columns[1], dtype=np.float64),
        np.array(columns[2], dtype=np.bool_),
        np.array(columns[3], dtype=np.bool_),
    )


def next_errors(histories: Sequence[History], priors: Priors) -> Vector:
    """Return each athlete's mean next-test error, per cent; athletes without a test to predict stay out."""
    found = [_of_history(history, priors, LAST, (0.8,)) for history in histories]
    return np.array([np.mean([error for error, _ in outcomes]) for outcomes in found if outcomes])


def last_test_errors(histories: Sequence[History], *, last: int = LAST) -> Vector:
    """Return the errors of the last test carried forward, for the tests of `predicted`."""
    return np.array(
        [
            abs(history.tests[index - 1].value / history.tests[index].value - 1.0) * 100.0
            for history in histories
            for index in _targets(history, last)
        ]
    )


def _targets(history: History, last: int) -> list[int]:
    """Return which tests are predicted: the latest ones with enough tests and some load on the days before."""
    days = [history.series.index(test.day) for test in history.tests]
    enough = [
        index
        for index in range(LEAST_BEFORE, len(days))
        if days[index - 1] < days[index] and history.series.loads[: days[index]].any()
    ]
    return enough[-last:]


def _of_history(history: History, priors: Priors, last: int, levels: Sequence[float]) -> list[tuple[float, list[bool]]]:
    """Return, a test each, the error and whether the intervals of some levels held it."""
    found = []
    for index in _targets(history, last):
        test = history.tests[index]
        day = history.series.index(test.day)
        try:
            fit = fit_posterior(history.series.upto(day), history.tests[:index], priors=priors)
        except (FitError, np.linalg.LinAlgError) as error:
            raise FitError(f"the tests of {history.athlete} cannot be fitted: {error}", field="tests") from error
        when, loads = np.array([float(day)]), history.series.loads[: day + 1]
        at = [fit.predict_at(when, loads, level=level, kind=test.kind, same_day=True) for level in levels]
        off = abs(float(at[0].mean[0]) / test.value - 1.0) * 100.0
        found.append((off, [bool(one.low[0] <= test.value <= one.high[0]) for one in at]))
    return found
