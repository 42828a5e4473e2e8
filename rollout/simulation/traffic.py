"""Made-up answers of both arms, window by window, from a scenario's truth and a seed.

Decisions and ratings come in the window of their answers: what a gate needs of them is their number and their share.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from common.stats.histogram import Histogram
from common.stats.streak import Streak
from rollout.evaluation import FULL
from rollout.gates.evidence import Arm, Tally, Window
from rollout.policy.model import Stage
from rollout.simulation.scenario import Scenario, Truth

_REACH: Final = 4.0  # standard deviations of log latency
_BINS: Final = 48
_DAY: Final = timedelta(days=1)


class Traffic:
    """Draws windows; the same seed and the same calls give the same windows."""

    def __init__(self, scenario: Scenario, width: timedelta, *, seed: int) -> None:
        self._scenario, self._width = scenario, width
        self._rng = np.random.default_rng(seed)
        self._exposed = dict.fromkeys(Arm, 0)

    def begin_stage(self) -> None:
        """Forget who was seen: subjects count as new once a stage."""
        self._exposed = dict.fromkeys(Arm, 0)

    def window(self, start: datetime, stage: Stage, new: Truth) -> Window:
        """Draw the window that begins at `start` (UTC) in a stage, where the new arm truly does `new`."""
        rng, reached = self._rng, (stage.nominal or stage.thousandths) / FULL
        answers = int(rng.poisson(self._scenario.answers * self._time_of_day(start)))
        of_new = int(rng.binomial(answers, reached))
        arms = {Arm.NEW: self._tally(Arm.NEW, of_new, new)}
        if stage.has_control or not stage.has_traffic:
            arms[Arm.CONTROL] = self._tally(Arm.CONTROL, answers - of_new, self._scenario.control)
        split = stage.thousandths / FULL if stage.has_control else 0.0
        return Window(start, arms, expected_share=split)

    def _time_of_day(self, start: datetime) -> float:
        """Least at 3 o'clock, most at 15 o'clock, one on the mean of a day."""
        hours = start.hour + start.minute / 60
        return 1 - (1 - self._scenario.night) * math.cos((hours - 3) / 12 * math.pi)

    def _tally(self, arm: Arm, n: int, truth: Truth) -> Tally:
        rng = self._rng
        subjects = int(rng.binomial(n, 1 - self._scenario.returning))
        self._exposed[arm] += subjects
        days = self._exposed[arm] * (self._width / _DAY)
        critical = int(rng.poisson(truth.critical * days))
        reports = critical + int(rng.poisson(truth.reports * days))
        if not n:
            return Tally(reports=reports, critical=critical, reporters=reports, critical_reporters=critical)
        failed = int(rng.binomial(n, truth.error))
        decided = int(rng.binomial(n, truth.decided))
        ratings = rng.multinomial(int(rng.binomial(decided, truth.rated)), _stars(truth.rating)).tolist()
        return Tally(
            answered=n,
            subjects=subjects,
            failed=failed,
            fallback=int(rng.binomial(failed, truth.fallback)),
            invalid=int(rng.binomial(n, truth.invalid)),
            unsafe=int(rng.binomial(n, truth.unsafe)),
            decided=decided,
            accepted=int(rng.binomial(decided, truth.accepted)),
            rated=sum(ratings),
            rating_sum=float(sum(star * count for star, count in enumerate(ratings, 1))),
            rating_squares=float(sum(star * star * count for star, count in enumerate(ratings, 1))),
            reports=reports,
            critical=critical,
            reporters=reports,
            critical_reporters=critical,
            cost_seconds=float(rng.gamma(4.0 * n, truth.cost_seconds / 4)),
            latency=self._latency(n, truth),
            streak=self._streak(n, failed),
        )

    def _latency(self, n: int, truth: Truth) -> Histogram:
        buckets, shares = _latencies(truth.median_ms, truth.spread)
        drawn = self._rng.multinomial(n, shares).tolist()
        return Histogram({bucket: count for bucket, count in zip(buckets, drawn, strict=True) if count})

    def _streak(self, n: int, failed: int) -> Streak:
        """Draw an order of so many failures among n answers."""
        if not failed or failed == n:
            return Streak(n, failed, failed, failed)
        places = np.sort(self._rng.choice(n, failed, replace=False, shuffle=False))
        good_before = places - np.arange(failed)  # failures in a row have the same number of good ones before them
        ends = np.concatenate((np.flatnonzero(np.diff(good_before)), [failed - 1]))
        runs = np.diff(ends, prepend=-1)
        head = int(runs[0]) if good_before[0] == 0 else 0
        tail = int(runs[-1]) if good_before[-1] == n - failed else 0
        return Streak(n, head, tail, int(runs.max()))


@lru_cache(maxsize=64)
def _latencies(median_ms: float, spread: float) -> tuple[list[int], NDArray[Any]]:
    """Return a log-normal distribution as histogram buckets and their shares."""
    z = (np.arange(_BINS) + 0.5) / _BINS * 2 * _REACH - _REACH
    shares = np.exp(-z * z / 2)
    found: dict[int, float] = {}
    for value, share in zip((median_ms * np.exp(spread * z)).tolist(), (shares / shares.sum()).tolist(), strict=True):
        bucket = next(iter(Histogram.of(value).counts))
        found[bucket] = found.get(bucket, 0.0) + share
    return list(found), np.array(list(found.values()))


@lru_cache(maxsize=64)
def _stars(mean: float) -> list[float]:
    """Return the shares of one to five stars with this mean (binomial)."""
    p = (mean - 1) / 4
    return [math.comb(4, k) * p**k * (1 - p) ** (4 - k) for k in range(5)]
