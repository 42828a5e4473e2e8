"""Least squares by variable projection: the comparison method that the field knows.

    p(t) = p0 + k1·g(t) − k2·h(t),  k1, k2 ≥ 0,  τ1 ≥ r·τ2

Given τ1, τ2 the gains and p0 are linear (Golub & Pereyra 1973), so the fit is a search over two numbers: a grid,
then a polish.
Always the same answer. On the field's standard data there is no interior optimum: the optimum sits on the bound τ1 =
r·τ2, and as
r → 1 the gains run to infinity; `at_bound` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from modeling.core.conventions import exponential_sums
from modeling.core.errors import FitError
from modeling.core.series import LoadSeries, PerformanceTest

Vector = NDArray[np.float64]

TAU2_RANGE: Final = (2.0, 60.0)
RATIO_MAX: Final = 12.0
N_TAU2: Final = 60
N_RATIO: Final = 40
MIN_TESTS: Final = 5
MIN_RATIO: Final = 1.01


@dataclass(frozen=True)
class LeastSquaresFit:
    """The optimum. k1, k2: performance a unit of load; p0: performance; sse: sum of squared errors, performance
    squared."""

    tau1: float
    tau2: float
    k1: float
    k2: float
    p0: float
    sse: float
    at_bound: bool

    def predict(self, series: LoadSeries, days: Vector) -> Vector:
        """Return performance after the loads of the given days (day numbers of the series)."""
        g = _sums(days, series.loads, np.array([self.tau1]))[0]
        h = _sums(days, series.loads, np.array([self.tau2]))[0]
        return np.asarray(self.p0 + self.k1 * g - self.k2 * h)


@dataclass(frozen=True)
class BootstrapIntervals:
    """Residual-bootstrap percentiles: name → (low, high)."""

    intervals: dict[str, tuple[float, float]]
    replicates: int


def fit_least_squares(series: LoadSeries, tests: Sequence[PerformanceTest], *, ratio: float = 1.5) -> LeastSquaresFit:
    """Fit by constrained least squares.

    Raises:
        FitError: fewer than five tests, all on one day, outside the series, or a ratio below 1.01.
    """
    days, values = _arrays(series, tests, ratio)
    tau1, tau2 = _grid(ratio)
    errors, _ = _project(*_sums_of(days, series.loads, tau1, tau2), values)
    best = int(np.argmin(errors))
    return _polish(days, series.loads, values, (tau2[best], tau1[best] / tau2[best]), ratio)


def grid_error(loads: Vector, days: Vector, values: Vector, *, ratio: float = 1.5) -> float:
    """Return the least squared error over the grid, unpolished: enough to compare many load series (the shuffle
    test)."""
    errors, _ = _project(*_sums_of(days, loads, *_grid(ratio)), values)
    return float(errors.min())


def bootstrap(
    series: LoadSeries,
    tests: Sequence[PerformanceTest],
    *,
    ratio: float = 1.5,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> BootstrapIntervals:
    """Return residual-bootstrap intervals; each replicate is solved over the same grid, all replicates at once.

    Raises:
        FitError: as `fit_least_squares`.
    """
    days, values = _arrays(series, tests, ratio)
    fit = fit_least_squares(series, tests, ratio=ratio)
    fitted = fit.predict(series, days)
    # Residuals are widened for the five fitted parameters.
    residuals = (values - fitted) * np.sqrt(len(values) / max(len(values) - 5, 1))
    rng = np.random.default_rng(seed)
    resampled = fitted[:, None] + rng.choice(residuals, size=(len(values), replicates))
    tau1, tau2 = _grid(ratio)
    errors, gains = _project(*_sums_of(days, series.loads, tau1, tau2), resampled)
    best = np.argmin(errors, axis=0)
    k = gains[best, :, np.arange(replicates)]
    tails = [(1 - level) / 2, (1 + level) / 2]
    columns = {"tau1": tau1[best], "tau2": tau2[best], "p0": k[:, 0], "k1": k[:, 1], "k2": k[:, 2]}
    intervals = {name: (float(low), float(high)) for name, (low, high) in _quantiles(columns, tails).items()}
    return BootstrapIntervals(intervals, replicates)


def _quantiles(columns: dict[str, Vector], tails: list[float]) -> dict[str, tuple[float, float]]:
    return {name: tuple(np.quantile(values, tails)) for name, values in columns.items()}


def _arrays(series: LoadSeries, tests: Sequence[PerformanceTest], ratio: float) -> tuple[Vector, Vector]:
    if not ratio >= MIN_RATIO:
        raise FitError(f"the ratio of the time constants must be at least {MIN_RATIO}", field="ratio")
    if len(tests) < MIN_TESTS:
        raise FitError(f"least squares needs {MIN_TESTS} tests, there are {len(tests)}", field="tests")
    if len({test.day for test in tests}) == 1:
        raise FitError("all tests are on one day: nothing to fit a curve to", field="tests")
    # In the order of days, so that rounding does not depend on the order in which tests were given.
    tests = sorted(tests, key=lambda test: (test.day, test.value))
    days = np.array([series.index(test.day) for test in tests], dtype=np.float64)
    if days.min() < 0 or days.max() >= len(series.loads):
        raise FitError("a test lies outside the window", field="tests")
    return days, np.array([test.value for test in tests])


def _grid(ratio: float) -> tuple[Vector, Vector]:
    """Return (τ1, τ2) over τ2 and the ratio τ1/τ2, whose lowest value is the bound."""
    tau2 = np.geomspace(*TAU2_RANGE, N_TAU2)
    ratios = np.geomspace(ratio, max(RATIO_MAX, 2 * ratio), N_RATIO)
    grid2, gridr = np.meshgrid(tau2, ratios, indexing="ij")
    return (grid2 * gridr).ravel(), grid2.ravel()


def _sums_of(days: Vector, loads: Vector, tau1: Vector, tau2: Vector) -> tuple[Vector, Vector]:
    return _sums(days, loads, tau1), _sums(days, loads, tau2)


def _sums(days: Vector, loads: Vector, taus: Vector) -> Vector:
    """Return Σ_{s≤t} w(s)·e^(−(t−s)/τ) at the given days, (k, m)."""
    distinct, back = np.unique(taus, return_inverse=True)
    sums = exponential_sums(loads[: int(days.max()) + 1], distinct)[:, days.astype(np.int64)]
    return np.asarray(sums[back])


def _project(g: Vector, h: Vector, values: Vector) -> tuple[Vector, Vector]:
    """Solve for (p0, k1, k2) with k1, k2 ≥ 0 at every node, for one or several series of values.

    Args:
        g, h: (n, m). values: (m,) or (m, r).

    Returns:
        squared errors (n,) or (n, r) and coefficients (n, 3) or (n, 3, r).
    """
    y = values[:, None] if values.ndim == 1 else values
    free = [_normal_solve(np.stack(columns, axis=-1), y, slots) for columns, slots in _active_sets(g, h)]
    feasible = np.stack([np.where((k[:, 1:, :] >= 0).all(axis=1), error, np.inf) for error, k in free])
    choice = np.argmin(feasible, axis=0)
    errors = np.take_along_axis(feasible, choice[None], axis=0)[0]
    coefficients = np.take_along_axis(np.stack([k for _, k in free]), choice[None, :, None, :], axis=0)[0]
    return (errors[:, 0], coefficients[:, :, 0]) if values.ndim == 1 else (errors, coefficients)


def _active_sets(g: Vector, h: Vector) -> list[tuple[list[Vector], list[int]]]:
    """Return the four choices of which gains are free; the constant always is."""
    one = np.ones_like(g)
    return [([one, g, -h], [0, 1, 2]), ([one, g], [0, 1]), ([one, -h], [0, 2]), ([one], [0])]


def _normal_solve(design: Vector, y: Vector, slots: list[int]) -> tuple[Vector, Vector]:
    """Solve least squares at every node by QR; returns errors (n, r) and coefficients put into three slots (n, 3,
    r)."""
    q, r = np.linalg.qr(design)
    projected = np.swapaxes(q, 1, 2) @ y
    ridge = 1e-12 * np.abs(np.diagonal(r, axis1=1, axis2=2)).max(axis=1)
    solution = np.linalg.solve(r + ridge[:, None, None] * np.eye(r.shape[1]), projected)
    residual = y[None, :, :] - design @ solution
    k = np.zeros((len(design), 3, y.shape[1]))
    k[:, slots, :] = solution
    return np.einsum("nmr,nmr->nr", residual, residual), k


def _polish(days: Vector, loads: Vector, values: Vector, start: tuple[float, float], ratio: float) -> LeastSquaresFit:
    """Refine (τ2, τ1/τ2) within the bounds; along the bound alone as well, since the optimum is often there."""

    def error(tau2: float, r: float) -> tuple[float, Vector]:
        tau1s, tau2s = np.array([tau2 * r]), np.array([tau2])
        errors, k = _project(*_sums_of(days, loads, tau1s, tau2s), values)
        return float(errors[0]), k[0]

    def inside(x: Vector) -> float:
        return error(float(np.exp(x[0])), max(float(np.exp(x[1])), ratio))[0]

    def on_bound(x: Vector) -> float:
        return error(float(np.exp(x[0])), ratio)[0]

    options = {"xatol": 1e-9, "fatol": 1e-10, "maxiter": 600}
    free = minimize(inside, np.log(start), method="Nelder-Mead", options=options)
    bound = minimize(on_bound, np.log(start[:1]), method="Nelder-Mead", options=options)
    at_bound = bool(bound.fun <= free.fun * (1 + 1e-6))
    tau2 = float(np.exp(bound.x[0] if at_bound else free.x[0]))
    r = ratio if at_bound else max(float(np.exp(free.x[1])), ratio)
    sse, (p0, k1, k2) = error(tau2, r)
    return LeastSquaresFit(tau2 * r, tau2, float(k1), float(k2), float(p0), sse, at_bound or r <= ratio * (1 + 1e-6))
