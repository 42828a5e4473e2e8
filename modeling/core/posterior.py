"""The exact posterior of the fitness–fatigue model on a grid (`docs/decisions/0001`).

Given τ1, τ2 and the drift's setting, everything else is linear and Gaussian: at each node of a grid over them the
small problem is
solved exactly, nodes are weighted by marginal likelihood × prior, and every answer is the average over nodes.
Deterministic, no
sampler, no optimum to get stuck in; what the tests do not tell shows as a wide posterior.

    y(t)/p̂ = b0 + bF·g(t)/(w̄τ1) − bH·h(t)/(w̄τ2) − bI·e^(−t/τ1) + r(t) + ε        (modeling/core/priors.py)

Sources: Banister et al. 1975; Morton, Fitz-Clarke & Banister 1990; Clarke & Skiba 2013; Rasmussen & Williams 2006,
ch. 2 (drift).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from modeling.core.conventions import exponential_sums
from modeling.core.errors import FitError
from modeling.core.prediction import Prediction, RaceDayResponse, mixture_quantiles
from modeling.core.priors import DEFAULT_PRIORS, Priors
from modeling.core.series import LoadSeries, PerformanceTest

Vector = NDArray[np.float64]

TAU1_GRID: Final = np.geomspace(14.0, 130.0, 12)
TAU2_GRID: Final = np.geomspace(2.5, 45.0, 10)
# Nodes that together hold less than this share of the weight are left out of predictions.
NEGLIGIBLE: Final = 2e-3
# Performance moved by an unknown gap, as a share a square root of gap length over 21 days; fades with the fitness
# constant.
GAP_SD: Final = 0.02
GAP_FADES_DAYS: Final = 42.0
# More days than this are a curve, not a prediction to act on.
CURVE_DAYS: Final = 128


@dataclass(frozen=True)
class Estimate:
    """A parameter: posterior mean, interval, and whether the tests (not the prior alone) tell it."""

    value: float
    low: float
    high: float
    identified: bool
    level: float = 0.95


@dataclass(frozen=True)
class Drift:
    """One setting of the drift over the tests: covariance factored once and shared by all (τ1, τ2)."""

    sd: float
    days: float
    noise_factor: float
    chol: Vector  # (m, m) lower factor of drift + noise covariance
    whiten: Vector  # its inverse


@dataclass(frozen=True)
class PosteriorFit:
    """The posterior over a series and its tests. Arrays run over the kept nodes (k of them).

    tau1, tau2, weight: (k,); mean: (k, 4) and cov: (k, 4, 4) of (b0, bF, bH, bI) in shares of `scale`;
    drift: (k,) index into `drifts`.
    """

    series: LoadSeries
    tests: tuple[PerformanceTest, ...]
    priors: Priors
    scale: float
    mean_load: float
    tau1: Vector
    tau2: Vector
    weight: Vector
    mean: Vector
    cov: Vector
    drift: NDArray[np.int64]
    drifts: tuple[Drift, ...]
    residual: Vector  # (k, m) whitened residuals at the mean
    white_design: Vector  # (k, m, 4) whitened regressors at the tests

    @property
    def n_tests(self) -> int:
        """Return the number of tests."""
        return len(self.tests)

    def predict(self, future_loads: Vector, *, level: float = 0.8, kind: str = "race") -> Prediction:
        """Return performance on every morning of the series and of the days to come, with the test's own noise.

        Args:
            future_loads: (m,) loads from the day after the series' end; may be empty.
            level: of the central interval. kind: whose noise a test on that morning would have.

        Returns:
            Arrays of (n + m + 1,); entry t is the morning of day t, before that day's load.
        """
        loads = np.concatenate([self.series.loads, np.asarray(future_loads, dtype=np.float64)])
        days = np.arange(len(loads) + 1, dtype=np.float64)
        return self.predict_at(days, loads, level=level, kind=kind)

    def predict_at(self, days: Vector, loads: Vector, *, level: float, kind: str, same_day: bool = False) -> Prediction:
        """Return performance at given days for given loads; on the morning, or after the day's load (`same_day`)."""
        if len(days) > CURVE_DAYS:
            return self._curve(days, loads, level, kind, same_day)
        means, spread = self._predictive(days, loads, kind, same_day)
        tails = np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0])
        low, high = mixture_quantiles(self.weight, means, spread, tails)
        return Prediction(self.scale * (self.weight @ means), self.scale * low, self.scale * high, level)

    def _curve(self, days: Vector, loads: Vector, level: float, kind: str, same_day: bool) -> Prediction:
        """Return a prediction for many days, block by block, its interval by the mixture's exact mean and variance.

        A curve is looked at; the mixture is so close to a Gaussian that its quantiles would be the same line.
        """
        blocks = []
        for start in range(0, len(days), CURVE_DAYS):
            means, spread = self._predictive(days[start : start + CURVE_DAYS], loads, kind, same_day)
            mean = self.weight @ means
            blocks.append((mean, np.sqrt(self.weight @ (spread**2 + (means - mean) ** 2))))
        mean, sd = (self.scale * np.concatenate(parts) for parts in zip(*blocks, strict=True))
        half = float(ndtri((1.0 + level) / 2.0)) * sd
        return Prediction(mean, mean - half, mean + half, level)

    def _predictive(self, days: Vector, loads: Vector, kind: str, same_day: bool) -> tuple[Vector, Vector]:
        """Return mean and standard deviation (k, d) of a test at the given days, in shares of the scale."""
        means, variances = self._moments(days, loads, same_day)
        noise = self._noise(kind)[:, None] + gap_variance(self.series.known, days)[None, :]
        return means, np.sqrt(np.maximum(variances, 0.0) + noise)

    def race_day(self, n_days: int, *, kind: str = "race") -> RaceDayResponse:
        """Return performance on the morning `n_days` after the day after the series' end, as a function of loads
        till then."""
        n = len(self.series.loads)
        day = np.array([float(n + n_days)])
        rest = np.concatenate([self.series.loads, np.zeros(n_days)])
        base = self._design(day, rest, same_day=False)[:, 0, :]
        age = np.arange(n_days, 0, -1, dtype=np.float64)
        slope = np.zeros((len(self.weight), 4, n_days))
        slope[:, 1, :] = np.exp(-age[None, :] / self.tau1[:, None]) / (self.mean_load * self.tau1)[:, None]
        slope[:, 2, :] = -np.exp(-age[None, :] / self.tau2[:, None]) / (self.mean_load * self.tau2)[:, None]
        shift, cross, own = self._drift_at(day)
        return RaceDayResponse.of_mixture(
            scale=self.scale,
            weight=self.weight,
            base=base - cross[:, 0, :],
            offset=np.einsum("kp,kp->k", cross[:, 0, :], self.mean) + shift[:, 0],
            slope=slope,
            mean=self.mean,
            cov=self.cov,
            noise=own[:, 0] + self._noise(kind) + gap_variance(self.series.known, day)[0],
        )

    def parameters(self, level: float = 0.95) -> dict[str, Estimate]:
        """Return τ1, τ2 (days), k1, k2 (performance a unit of load) and p0 (performance), each with its interval.

        A time constant counts as identified where the tests have narrowed it: the posterior's log spread is at most
        60 %
        of the prior's, and its interval keeps off the grid's ends. A gain or the base, where its spread is at most half
        the prior's and both time constants it hangs on are identified.
        """
        tails = np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0])
        tau1 = self._tau(self.tau1, TAU1_GRID, self.priors.tau1_log_sd, tails)
        tau2 = self._tau(self.tau2, TAU2_GRID, self.priors.tau2_log_sd, tails)
        both = tau1.identified and tau2.identified
        per_load = self.scale / self.mean_load
        units = np.column_stack([per_load / self.tau1, per_load / self.tau2, np.full(len(self.weight), self.scale)])
        k1, k2, p0 = self._linear([1, 2, 0], units, tails, [tau1.identified, tau2.identified, both])
        return {"tau1": tau1, "tau2": tau2, "k1": k1, "k2": k2, "p0": p0}

    def _noise(self, kind: str) -> Vector:
        """Return a test's own variance at each node (k,), in shares squared."""
        factors = np.array([drift.noise_factor for drift in self.drifts])
        return np.asarray((factors[self.drift] * self.priors.noise[kind]) ** 2)

    def _tau(self, values: Vector, grid: Vector, prior_log_sd: float, tails: Vector) -> Estimate:
        logs = np.log(values)
        centre = float(self.weight @ logs)
        sd = float(np.sqrt(self.weight @ (logs - centre) ** 2))
        nodes, back = np.unique(logs, return_inverse=True)
        step = float(np.log(grid[1] / grid[0]))
        # Each node stands for its cell of the grid: the distribution function is linear within cells.
        edges = np.append(nodes - step / 2.0, nodes[-1] + step / 2.0)
        share = np.concatenate([[0.0], np.cumsum(np.bincount(back, weights=self.weight))])
        low, high = np.interp(tails, share, edges)
        inside = low > np.log(grid[0]) and high < np.log(grid[-1])
        identified = bool(sd <= 0.6 * prior_log_sd and inside)
        return Estimate(float(np.exp(centre)), float(np.exp(low)), float(np.exp(high)), identified)

    def _linear(self, indices: list[int], units: Vector, tails: Vector, told: list[bool]) -> list[Estimate]:
        """Return estimates of linear parameters; drift and noise settings at one (τ1, τ2) count as one Gaussian."""
        # τ1 + i·τ2 names a pair by one number.
        _, back = np.unique(self.tau1 + 1j * self.tau2, return_inverse=True)
        weight = np.asarray(np.bincount(back, weights=self.weight), dtype=np.float64)
        means = self.mean[:, indices] * units
        variances = self.cov[:, indices, indices] * units**2
        mean = _grouped(back, self.weight[:, None] * means) / weight[:, None]
        second = _grouped(back, self.weight[:, None] * (variances + means**2)) / weight[:, None]
        low, high = mixture_quantiles(weight, mean, np.sqrt(np.maximum(second - mean**2, 1e-24)), tails)
        total = weight @ mean
        shares = self.mean[:, indices]
        centre = self.weight @ shares
        spread = np.sqrt(self.weight @ (self.cov[:, indices, indices] + (shares - centre) ** 2))
        narrow = spread <= 0.5 * np.array(self.priors.sd)[indices]
        columns = zip(total, low, high, narrow, told, strict=True)
        return [Estimate(float(v), float(lo), float(hi), bool(n and t)) for v, lo, hi, n, t in columns]

    def _moments(self, days: Vector, loads: Vector, same_day: bool) -> tuple[Vector, Vector]:
        """Return mean and variance (k, d) at the given days, without a test's noise, in shares of the scale."""
        design = self._design(days, loads, same_day=same_day)
        shift, cross, own = self._drift_at(days)
        seen = design - cross
        means = np.einsum("kdp,kp->kd", design, self.mean) + shift
        variances = np.einsum("kdp,kpq,kdq->kd", seen, self.cov, seen, optimize=True) + own
        return means, variances

    def _design(self, days: Vector, loads: Vector, *, same_day: bool) -> Vector:
        """Return the regressors (k, d, 4) at the given days."""
        fitness = _sums_at(days, loads, self.tau1, same_day) / (self.mean_load * self.tau1)[:, None]
        fatigue = _sums_at(days, loads, self.tau2, same_day) / (self.mean_load * self.tau2)[:, None]
        start = np.exp(-days[None, :] / self.tau1[:, None])
        return np.stack([np.ones_like(fitness), fitness, -fatigue, -start], axis=-1)

    def _drift_at(self, days: Vector) -> tuple[Vector, Vector, Vector]:
        """Return, for each node and day, the drift's mean given the tests, its part of the regressors, its variance."""
        tested = np.array([self.series.index(test.day) for test in self.tests], dtype=np.float64)
        shift = np.empty((len(self.weight), len(days)))
        cross = np.empty((len(self.weight), len(days), 4))
        own = np.empty((len(self.weight), len(days)))
        for index, drift in enumerate(self.drifts):
            nodes = np.flatnonzero(self.drift == index)
            if not len(nodes):
                continue
            covariance = drift.sd**2 * np.exp(-np.abs(days[:, None] - tested[None, :]) / drift.days)
            white = drift.whiten @ covariance.T  # (m, d)
            shift[nodes] = self.residual[nodes] @ white
            cross[nodes] = white.T @ self.white_design[nodes]
            own[nodes] = drift.sd**2 - np.sum(white**2, axis=0)[None, :]
        return shift, cross, np.maximum(own, 0.0)


def fit_posterior(
    series: LoadSeries, tests: Sequence[PerformanceTest], *, priors: Priors = DEFAULT_PRIORS
) -> PosteriorFit:
    """Fit the model.

    Args:
        series: daily loads. tests: at least one, within the series, any order.

    Raises:
        FitError: no test, a test outside the series, or no load at all.
    """
    ordered = _checked(series, tests)
    days = np.array([series.index(test.day) for test in ordered], dtype=np.float64)
    values = np.array([test.value for test in ordered])
    scale = float(values[:2].mean())
    mean_load = float(series.loads[series.known].mean()) or 1.0
    design, tau1, tau2 = grid_design(days, series.loads, mean_load, priors.min_ratio)
    log_prior = _log_prior(tau1, tau2, priors)
    noise = np.array([priors.noise[test.kind] for test in ordered]) ** 2 + gap_variance(series.known, days)
    settings = product(priors.drift_sd, priors.drift_days, priors.noise_factors)
    drifts = [drift_setting(days, noise, sd, span, factor) for sd, span, factor in settings]
    solved = _solve(design, values / scale, drifts, priors)
    log_weight = (solved.evidence + log_prior).ravel()
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    kept = _worth_keeping(weight)
    drift, node = np.divmod(kept, len(tau1))
    return PosteriorFit(
        series=series,
        tests=ordered,
        priors=priors,
        scale=scale,
        mean_load=mean_load,
        tau1=tau1[node],
        tau2=tau2[node],
        weight=weight[kept] / weight[kept].sum(),
        mean=solved.mean[drift, node],
        cov=solved.cov[drift, node],
        drift=drift,
        drifts=tuple(drifts),
        residual=solved.residual[drift, node],
        white_design=solved.white_design[drift, node],
    )


def _checked(series: LoadSeries, tests: Sequence[PerformanceTest]) -> tuple[PerformanceTest, ...]:
    if not tests:
        raise FitError("there is no test to fit", field="tests")
    outside = [test.day for test in tests if not 0 <= series.index(test.day) < len(series.loads)]
    if outside:
        raise FitError(f"tests outside the window: {', '.join(map(str, outside[:3]))}", field="tests")
    if not series.loads.any():
        raise FitError("every load in the window is zero", field="loads")
    return tuple(sorted(tests, key=lambda test: test.day))


def grid_design(days: Vector, loads: Vector, mean_load: float, min_ratio: float) -> tuple[Vector, Vector, Vector]:
    """Return the regressors at the tests (nodes, m, 4) with the nodes' time constants."""
    i, j = np.nonzero(TAU1_GRID[:, None] >= min_ratio * TAU2_GRID[None, :])
    fitness = _sums_at(days, loads, TAU1_GRID, True) / (mean_load * TAU1_GRID)[:, None]
    fatigue = _sums_at(days, loads, TAU2_GRID, True) / (mean_load * TAU2_GRID)[:, None]
    start = np.exp(-days[None, :] / TAU1_GRID[:, None])
    design = np.stack([np.ones((len(i), len(days))), fitness[i], -fatigue[j], -start[i]], axis=-1)
    return design, TAU1_GRID[i], TAU2_GRID[j]


def _sums_at(days: Vector, loads: Vector, taus: Vector, same_day: bool) -> Vector:
    """Return Σ w(s)·e^(−(t−s)/τ) at the given days (k, d): loads up to the day (`same_day`) or up to the day before."""
    distinct, back = np.unique(taus, return_inverse=True)
    if len(days) > 40:
        sums = exponential_sums(loads, distinct)
        before = np.concatenate([np.zeros((len(distinct), 1)), sums * np.exp(-1.0 / distinct)[:, None]], axis=1)
        index = days.astype(np.int64)
        at = sums[:, index] if same_day else before[:, index]
        return np.asarray(at[back])
    lag = days[:, None] - np.arange(len(loads))[None, :]
    reached = lag >= (0 if same_day else 1)
    # −inf where a load is still to come, so that one exponential serves all.
    ages = np.where(reached, -lag, -np.inf)
    return np.asarray((np.exp(ages[None, :, :] / distinct[:, None, None]) @ loads)[back])


def _log_prior(tau1: Vector, tau2: Vector, priors: Priors) -> Vector:
    """Return the log prior of the nodes; the grid is geometric, so the density is that of the logarithms."""
    first = (np.log(tau1 / priors.tau1_days) / priors.tau1_log_sd) ** 2
    second = (np.log(tau2 / priors.tau2_days) / priors.tau2_log_sd) ** 2
    return -0.5 * (first + second)


def drift_setting(days: Vector, noise: Vector, sd: float, span: float, factor: float) -> Drift:
    covariance = sd**2 * np.exp(-np.abs(days[:, None] - days[None, :]) / span) + np.diag(factor**2 * noise)
    chol = np.linalg.cholesky(covariance)
    return Drift(sd, span, factor, np.asarray(chol, np.float64), np.asarray(np.linalg.inv(chol), np.float64))


@dataclass(frozen=True)
class _Solved:
    """The linear Gaussian problem solved for d drift settings at n nodes: arrays of (d, n, …); m tests."""

    evidence: Vector  # (d, n), logarithm
    mean: Vector  # (d, n, 4)
    cov: Vector  # (d, n, 4, 4)
    residual: Vector  # (d, n, m), whitened
    white_design: Vector  # (d, n, m, 4)


def _solve(design: Vector, y: Vector, drifts: list[Drift], priors: Priors) -> _Solved:
    """Solve at every node and drift setting at once; design (n, m, 4), y (m,) in shares of the scale."""
    whiten = np.stack([drift.whiten for drift in drifts])
    x, z = whiten[:, None] @ design[None], whiten @ y  # (d, n, m, 4), (d, m)
    prior_mean, prior_sd = np.array(priors.mean), np.array(priors.sd)
    xt = np.swapaxes(x, 2, 3)
    precision = np.diag(prior_sd**-2.0) + xt @ x
    cov = np.linalg.inv(precision)
    pulled = prior_mean * prior_sd**-2.0 + (xt @ z[:, None, :, None])[..., 0]
    mean = (cov @ pulled[..., None])[..., 0]
    residual = z[:, None, :] - (x @ mean[..., None])[..., 0]
    distance = np.sum(residual**2, axis=2) + np.sum(((mean - prior_mean) / prior_sd) ** 2, axis=2)
    noise = np.array([np.log(np.diag(drift.chol)).sum() for drift in drifts])
    evidence = -0.5 * (distance + np.log(np.linalg.det(precision))) - noise[:, None]
    return _Solved(*(np.asarray(part, dtype=np.float64) for part in (evidence, mean, cov, residual, x)))


def _grouped(group: NDArray[np.int64], values: Vector) -> Vector:
    """Return the sums of rows (k, p) by group, (groups, p)."""
    return np.stack([np.bincount(group, weights=column) for column in values.T], axis=1)


def _worth_keeping(weight: Vector) -> NDArray[np.int64]:
    order = np.argsort(weight)[::-1]
    count = int(np.searchsorted(np.cumsum(weight[order]), 1.0 - NEGLIGIBLE)) + 1
    return np.sort(order[:count])


def gap_variance(known: NDArray[np.bool_], days: Vector) -> Vector:
    """Return the variance (shares squared) that unknown stretches add at later days; it fades as they recede."""
    if known.all():
        return np.zeros(len(days))
    edges = np.diff(np.concatenate([[0], (~known).astype(np.int64), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    total = np.zeros(len(days))
    for start, end in zip(starts, ends, strict=True):
        inside = np.clip(days - start, 0, end - start)
        total += GAP_SD**2 * inside / 21.0 * np.exp(-np.maximum(days - end, 0.0) / GAP_FADES_DAYS)
    return total
