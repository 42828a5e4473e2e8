"""The fit: speed against scipy's curve_fit, a batch, the bootstrap, and 500 fresh simulated athletes."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from bench.rows import Row
from modeling.core.posterior import fit_posterior
from modeling.core.series import LoadSeries, PerformanceTest
from modeling.core.varpro import bootstrap, fit_least_squares
from tests.modeling.evaluation import evaluate
from tests.modeling.simulator import START, Simulated, simulate

Vector = NDArray[np.float64]


def run(quick: bool = False) -> list[Row]:
    """Return the rows of this benchmark."""
    return [*_speed(quick), *_calibration(200 if quick else 500)]


def _inputs(athlete: Simulated) -> tuple[LoadSeries, list[PerformanceTest]]:
    n = len(athlete.loads)
    series = LoadSeries(START, np.array(athlete.loads), np.ones(n, dtype=np.bool_))
    return series, [PerformanceTest(athlete.day(day), value, "race") for day, value in athlete.tests]


def _speed(quick: bool) -> list[Row]:
    series, tests = _inputs(simulate(random.Random(1), n_tests=9, days=165))
    ours = _seconds(lambda: _fit_with_intervals(series, tests), 30)
    peer = _seconds(lambda: _curve_fit_from_ten_starts(series, tests), 2)
    replicates = 200 if quick else 1000
    boot = _seconds(lambda: bootstrap(series, tests, replicates=replicates), 1)
    athletes = 100 if quick else 1000
    two_years = [_inputs(simulate(random.Random(i), n_tests=12, days=730)) for i in range(athletes)]
    batch = _seconds(lambda: [fit_posterior(*each) for each in two_years], 1)
    fits, each = peer / 10 * replicates, batch / athletes
    return [
        Row("fit, 165 days, 9 tests / curve_fit, 10 starts", ours * 1e3, peer * 1e3, peer / ours, "ms", "≥ 200×",
            peer / ours >= 200),
        Row(f"{athletes} athletes of two years, a fit", each * 1e3, peer * 1e3, peer / each, "ms"),
        Row(f"bootstrap, {replicates} replicates / as many curve_fits", boot, fits, fits / boot, "s"),
    ]  # fmt: skip


def _fit_with_intervals(series: LoadSeries, tests: list[PerformanceTest]) -> None:
    fit_posterior(series, tests).parameters()


def _curve_fit_from_ten_starts(series: LoadSeries, tests: list[PerformanceTest]) -> float:
    """Return the least loss that scipy's curve_fit finds from ten random starts, with a vectorised model."""
    days = np.array([series.index(test.day) for test in tests])
    values = np.array([test.value for test in tests])
    ages = days[:, None] - np.arange(len(series.loads))[None, :]
    past = ages >= 0

    def model(_: Vector, p0: float, k1: float, k2: float, tau1: float, tau2: float) -> Vector:
        g = np.where(past, np.exp(-np.maximum(ages, 0) / tau1), 0.0) @ series.loads
        h = np.where(past, np.exp(-np.maximum(ages, 0) / tau2), 0.0) @ series.loads
        return p0 + k1 * g - k2 * h

    rng = np.random.default_rng(0)
    least = np.inf
    for _ in range(10):
        start = [values.mean(), rng.uniform(0, 0.1), rng.uniform(0, 0.1), rng.uniform(20, 80), rng.uniform(3, 20)]
        try:
            best, _cov = curve_fit(
                model, days, values, p0=start, bounds=([0, 0, 0, 5, 1], [1e3, 10, 10, 150, 60]), max_nfev=4000
            )
        except RuntimeError:
            continue
        least = min(least, float(np.sum((model(days, *best) - values) ** 2)))
    reference = fit_least_squares(series, tests, ratio=1.01).sse
    if least > reference * 1.05:
        print(f"curve_fit stopped at {least:.4g}; variable projection reaches {reference:.4g}", file=sys.stderr)
    return least


def _calibration(n: int) -> list[Row]:
    seed = random.SystemRandom().randrange(2**31)
    score = evaluate(n, seed)
    inside80, inside95, tau1 = (100 * float(np.mean(v)) for v in (score.inside80, score.inside95, score.tau1_inside95))
    last, rival = score.paired_interval(score.last), score.paired_interval(score.least_squares)
    ours, of_last, of_ls = (float(np.mean(v)) for v in (score.ours, score.last, score.least_squares))
    name = f"{n} simulated athletes (seed {seed})"
    return [
        Row(f"{name}: 80 % interval of the next test holds", inside80, None, None, "%", "78–90", 78 <= inside80 <= 90),
        Row(f"{name}: 95 % interval", inside95, None, None, "%", "93–99", 93 <= inside95 <= 99),
        Row(f"{name}: 95 % interval of τ1", tau1, None, None, "%", "92–99", 92 <= tau1 <= 99),
        Row(f"{name}: error / last test", ours, of_last, of_last / ours, "%", "interval below 0", last[1] < 0),
        Row(f"{name}: error / least squares", ours, of_ls, of_ls / ours, "%", "interval below 0", rival[1] < 0),
    ]


def _seconds(work: Callable[[], object], repeats: int) -> float:
    work()
    started = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - started) / repeats
