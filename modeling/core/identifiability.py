"""What the tests can and cannot tell: share of the prior, correlations, simpler models, shuffled loads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.core.conventions import exponential_sums
from modeling.core.posterior import PosteriorFit
from modeling.core.series import LoadSeries, PerformanceTest
from modeling.core.varpro import MIN_TESTS, grid_error

Vector = NDArray[np.float64]

SHUFFLES: Final = 20
ONE_COMPONENT_TAUS: Final = np.geomspace(5.0, 90.0, 30)


def identifiability(fit: PosteriorFit, *, seed: int = 0) -> dict[str, Any]:
    """Return the identifiability part of a report as JSON."""
    days = np.array([fit.series.index(test.day) for test in fit.tests], dtype=np.int64)
    values = np.array([test.value for test in fit.tests])
    return {
        "tests": len(values),
        "span_days": int(days[-1] - days[0]),
        "prior_share": _prior_share(fit),
        "correlations": _correlations(fit),
        "in_sample_sse": _simpler_models(fit.series, days, values),
        "shuffled_loads_fit_better": _shuffle_test(fit.series, fit.tests, seed),
        "note": "in-sample errors compare models on the same tests; they say nothing about prediction",
    }


def _prior_share(fit: PosteriorFit) -> dict[str, float]:
    """Return, for each parameter, posterior variance over prior variance: 1 means that the tests told nothing."""
    shares = {}
    for name, taus, sd in (("tau1", fit.tau1, fit.priors.tau1_log_sd), ("tau2", fit.tau2, fit.priors.tau2_log_sd)):
        logs = np.log(taus)
        shares[name] = float(fit.weight @ (logs - fit.weight @ logs) ** 2 / sd**2)
    for index, name in enumerate(("p0", "k1", "k2")):
        centre = fit.weight @ fit.mean[:, index]
        variance = fit.weight @ (fit.cov[:, index, index] + (fit.mean[:, index] - centre) ** 2)
        shares[name] = float(variance / fit.priors.sd[index] ** 2)
    return {name: round(min(share, 1.0), 3) for name, share in shares.items()}


def _correlations(fit: PosteriorFit) -> dict[str, float]:
    """Return posterior correlations of the pairs that are known to trade off."""
    means = np.column_stack([np.log(fit.tau1), np.log(fit.tau2), fit.mean[:, 1], fit.mean[:, 2]])
    centred = means - fit.weight @ means
    total = (centred * fit.weight[:, None]).T @ centred
    total[2:, 2:] += np.einsum("k,kpq->pq", fit.weight, fit.cov[:, 1:3, 1:3])
    scale = np.sqrt(np.diag(total))
    correlation = total / np.outer(scale, scale)
    return {
        "tau1~tau2": round(float(correlation[0, 1]), 2),
        "k1~k2": round(float(correlation[2, 3]), 2),
        "tau1~k1": round(float(correlation[0, 2]), 2),
    }


def _simpler_models(series: LoadSeries, days: NDArray[np.int64], values: Vector) -> dict[str, float | None]:
    """Return sums of squared errors of constant, trend, one component and two components (least squares)."""
    ones = np.ones(len(values))
    result: dict[str, float | None] = {"constant": _sse(ones[:, None], values)}
    result["trend"] = _sse(np.column_stack([ones, days]), values)
    sums = exponential_sums(series.loads, ONE_COMPONENT_TAUS)[:, days]
    result["one component"] = min(_sse(np.column_stack([ones, g]), values) for g in sums)
    enough = len(values) >= MIN_TESTS
    result["two components"] = grid_error(series.loads, days.astype(float), values) if enough else None
    return result


def _shuffle_test(series: LoadSeries, tests: Sequence[PerformanceTest], seed: int) -> str | None:
    """Return how many of the shuffled load series fit the tests better than the real one, None below five tests."""
    if len(tests) < MIN_TESTS:
        return None
    days = np.array([series.index(test.day) for test in tests], dtype=np.float64)
    values = np.array([test.value for test in tests])
    real = grid_error(series.loads, days, values)
    rng = np.random.default_rng(seed)
    better = sum(grid_error(rng.permutation(series.loads), days, values) < real for _ in range(SHUFFLES))
    return f"{better} of {SHUFFLES}"


def _sse(design: Vector, values: Vector) -> float:
    solution, *_ = np.linalg.lstsq(design, values, rcond=None)
    residual = values - design @ solution
    return float(residual @ residual)
