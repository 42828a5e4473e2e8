"""Rolling-origin validation: each test predicted from what was known before it, beside the predictors that need no
model.

The bar is the last test carried forward; in-sample fit proves nothing (shuffled loads fit the field's standard
series better than the
real ones). Errors are absolute, in per cent of the test's value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from modeling.core.errors import FitError
from modeling.core.posterior import fit_posterior
from modeling.core.priors import DEFAULT_PRIORS, Priors
from modeling.core.series import LoadSeries, PerformanceTest
from modeling.core.varpro import MIN_TESTS, fit_least_squares

Vector = NDArray[np.float64]
Tests = Sequence[PerformanceTest]

LEAST_BEFORE: Final = 4
BOOTSTRAP: Final = 2000
# Drift without load: the same machine with the load's influence held at nothing.
DRIFT_ALONE: Final = replace(DEFAULT_PRIORS, name="drift alone", mean=(1.0, 0.0, 0.0, 0.0), sd=(0.15, 1e-4, 1e-4, 1e-4))


@dataclass(frozen=True)
class Skill:
    """1 − error / error of the reference, with its paired-bootstrap interval; positive is better than the reference."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Validation:
    """Out-of-sample results. errors: predictor → absolute errors (n,), per cent, for the same tests in the same
    order."""

    errors: dict[str, Vector]
    covered80: NDArray[np.bool_]
    covered95: NDArray[np.bool_]

    @property
    def n(self) -> int:
        """Return how many tests were predicted."""
        return len(self.covered80)

    def mean_error(self, predictor: str) -> float | None:
        """Return a predictor's mean absolute error, per cent; None where nothing could be predicted."""
        errors = self.errors.get(predictor)
        return float(errors.mean()) if errors is not None and len(errors) else None

    def skill(self, reference: str, *, seed: int = 0) -> Skill | None:
        """Return the posterior's skill against another predictor, None with fewer than two tests."""
        if self.n < 2:
            return None
        ours, theirs = self.errors["posterior"], self.errors[reference]
        picks = np.random.default_rng(seed).integers(0, self.n, size=(BOOTSTRAP, self.n))
        ratios = 1.0 - ours[picks].mean(axis=1) / np.maximum(theirs[picks].mean(axis=1), 1e-12)
        low, high = np.quantile(ratios, [0.025, 0.975])
        return Skill(float(1.0 - ours.mean() / max(float(theirs.mean()), 1e-12)), float(low), float(high))


def rolling_origin(
    series: LoadSeries,
    tests: Tests,
    *,
    priors: Priors = DEFAULT_PRIORS,
    last: int | None = None,
    least_squares: bool = False,
) -> Validation:
    """Predict each test from the loads and tests before it.

    Args:
        last: only the latest so many. least_squares: also by the comparison method (from its five tests on).
    """
    predictors: dict[str, Callable[[LoadSeries, Tests, PerformanceTest], float]] = {
        "last test": lambda _, before, test: before[-1].value,
        "trend": _trend,
        "mean of 5": lambda _, before, test: float(np.mean([t.value for t in before[-5:]])),
        "drift alone": _drift_alone,
    }
    if least_squares:
        predictors["least squares"] = _least_squares
    errors: dict[str, list[float]] = {name: [] for name in ["posterior", *predictors]}
    covered: dict[float, list[bool]] = {0.8: [], 0.95: []}
    for test, before in _targets(tests, last):
        value, inside = _posterior(series, before, test, priors)
        errors["posterior"].append(_error(value, test))
        for level, hit in inside.items():
            covered[level].append(hit)
        for name, predict in predictors.items():
            errors[name].append(_error(predict(series, before, test), test))
    return Validation(
        {name: np.array(values) for name, values in errors.items()},
        np.array(covered[0.8], bool),
        np.array(covered[0.95], bool),
    )


def next_test_error(series: LoadSeries, tests: Tests, priors: Priors, *, last: int) -> float | None:
    """Return the posterior's mean absolute next-test error under some priors, per cent, over the latest tests."""
    errors = [_error(_at(series, before, test, priors, 0.8)[0], test) for test, before in _targets(tests, last)]
    return float(np.mean(errors)) if errors else None


def _targets(tests: Tests, last: int | None) -> list[tuple[PerformanceTest, list[PerformanceTest]]]:
    """Return the tests to predict, each with the tests on the days before it."""
    ordered = sorted(tests, key=lambda test: test.day)
    pairs = [(test, [t for t in ordered if t.day < test.day]) for test in ordered]
    enough = [(test, before) for test, before in pairs if len(before) >= LEAST_BEFORE]
    return enough[-(last or len(enough)) :] if enough else []


def _error(predicted: float, test: PerformanceTest) -> float:
    return abs(predicted / test.value - 1.0) * 100.0


def _at(
    series: LoadSeries, before: Tests, test: PerformanceTest, priors: Priors, level: float
) -> tuple[float, float, float]:
    index = series.index(test.day)
    fit = fit_posterior(series.upto(index), before, priors=priors)
    at = fit.predict_at(np.array([float(index)]), series.loads[: index + 1], level=level, kind=test.kind, same_day=True)
    return float(at.mean[0]), float(at.low[0]), float(at.high[0])


def _posterior(
    series: LoadSeries, before: Tests, test: PerformanceTest, priors: Priors
) -> tuple[float, dict[float, bool]]:
    index = series.index(test.day)
    fit = fit_posterior(series.upto(index), before, priors=priors)
    inside: dict[float, bool] = {}
    value = float("nan")
    for level in (0.8, 0.95):
        day = np.array([float(index)])
        at = fit.predict_at(day, series.loads[: index + 1], level=level, kind=test.kind, same_day=True)
        value = float(at.mean[0])
        inside[level] = bool(at.low[0] <= test.value <= at.high[0])
    return value, inside


def _drift_alone(series: LoadSeries, before: Tests, test: PerformanceTest) -> float:
    return _at(series, before, test, DRIFT_ALONE, 0.8)[0]


def _trend(series: LoadSeries, before: Tests, test: PerformanceTest) -> float:
    days = np.array([series.index(t.day) for t in before], dtype=np.float64)
    values = np.array([t.value for t in before])
    if np.ptp(days) == 0:
        return float(values.mean())
    slope, level = np.polyfit(days, values, 1)
    return float(level + slope * series.index(test.day))


def _least_squares(series: LoadSeries, before: Tests, test: PerformanceTest) -> float:
    """Return the comparison method's prediction; before its five tests, the last one's value."""
    if len(before) < MIN_TESTS:
        return before[-1].value
    try:
        fit = fit_least_squares(series.upto(series.index(test.day)), before)
    except FitError:
        return before[-1].value
    return float(fit.predict(series, np.array([float(series.index(test.day))]))[0])
