"""How the fit does on simulated athletes: shared by the tests (a sample) and the benchmark (500 athletes)."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np

from modeling.core.posterior import fit_posterior
from modeling.core.series import LoadSeries, PerformanceTest
from modeling.core.varpro import fit_least_squares
from tests.modeling.simulator import START, Simulated, simulate


@dataclass
class Score:
    """Hits of intervals and absolute next-test errors in per cent, one entry an athlete."""

    inside80: list[bool] = field(default_factory=list)
    inside95: list[bool] = field(default_factory=list)
    tau1_inside95: list[bool] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    least_squares: list[float] = field(default_factory=list)

    def paired_interval(self, other: list[float], seed: int = 0) -> tuple[float, float]:
        """Return the 95 % bootstrap interval of our error minus the other's."""
        difference = np.array(self.ours) - np.array(other)
        picks = np.random.default_rng(seed).integers(0, len(difference), size=(4000, len(difference)))
        low, high = np.quantile(difference[picks].mean(axis=1), [0.025, 0.975])
        return float(low), float(high)


def evaluate(n: int, seed: int) -> Score:
    """Predict the last test of each of `n` fresh athletes from everything before it."""
    rng, score = random.Random(seed), Score()
    for _ in range(n):
        _score_one(simulate(rng), score)
    return score


def _score_one(athlete: Simulated, score: Score) -> None:
    number, value = athlete.tests[-1]
    loads = np.array(athlete.loads)
    series = LoadSeries(START, loads[:number], np.ones(number, dtype=np.bool_))
    tests = [PerformanceTest(athlete.day(day), v, "race") for day, v in athlete.tests[:-1]]
    fit = fit_posterior(series, tests)
    for level, inside in ((0.8, score.inside80), (0.95, score.inside95)):
        at = fit.predict_at(np.array([float(number)]), loads[: number + 1], level=level, kind="race", same_day=True)
        inside.append(bool(at.low[0] <= value <= at.high[0]))
    score.ours.append(abs(float(at.mean[0]) / value - 1) * 100)
    score.last.append(abs(tests[-1].value / value - 1) * 100)
    tau1 = fit.parameters()["tau1"]
    score.tau1_inside95.append(tau1.low <= athlete.tau1 <= tau1.high)
    whole = LoadSeries(START, loads[: number + 1], np.ones(number + 1, dtype=np.bool_))
    rival = fit_least_squares(series, tests)
    score.least_squares.append(abs(float(rival.predict(whole, np.array([float(number)]))[0]) / value - 1) * 100)
