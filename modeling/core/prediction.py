"""Predictions: mixtures of Gaussians over the posterior's nodes, and race day as a linear function of loads to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """Mean and central interval, arrays of one length, in the units of the tests."""

    mean: Vector
    low: Vector
    high: Vector
    level: float


@dataclass(frozen=True)
class RaceDayResponse:
    """Performance on race morning; its expectation is linear in the daily loads until then.

    constant: performance with complete rest. coefficients: (n_days,) performance units a unit of load on day i.
    The remaining arrays run over the posterior's nodes; see `of_mixture`.
    """

    constant: float
    coefficients: Vector
    scale: float
    weight: Vector
    seen: Vector
    offset: Vector
    slope: Vector
    mean: Vector
    cov: Vector
    noise: Vector

    @classmethod
    def of_mixture(
        cls,
        *,
        scale: float,
        weight: Vector,
        base: Vector,
        offset: Vector,
        slope: Vector,
        mean: Vector,
        cov: Vector,
        noise: Vector,
    ) -> RaceDayResponse:
        """Build the response of a mixture.

        Args:
            base: (k, 4) regressors at rest, less the drift's part. offset: (k,) what the drift adds to the mean.
            slope: (k, 4, n) regressors a unit of load. mean, cov: (k, 4), (k, 4, 4) of the coefficients. noise: (k,)
            variance.
        """
        at_rest = np.einsum("kp,kp->k", base, mean) + offset
        return cls(
            constant=float(scale * (weight @ at_rest)),
            coefficients=scale * np.einsum("k,kpn,kp->n", weight, slope, mean, optimize=True),
            scale=scale,
            weight=weight,
            seen=base,
            offset=offset,
            slope=slope,
            mean=mean,
            cov=cov,
            noise=noise,
        )

    def expected(self, loads: Vector) -> float:
        """Return the expected performance for (n_days,) loads."""
        return self.constant + float(self.coefficients @ np.asarray(loads, dtype=np.float64))

    def interval(self, loads: Vector, level: float = 0.8) -> tuple[float, float]:
        """Return the central interval for (n_days,) loads, the race's own noise included."""
        regressors = self.seen + self.slope @ np.asarray(loads, dtype=np.float64)
        means = np.einsum("kp,kp->k", regressors, self.mean) + self.offset
        spread = np.sqrt(np.einsum("kp,kpq,kq->k", regressors, self.cov, regressors) + self.noise)
        tails = np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0])
        low, high = mixture_quantiles(self.weight, means[:, None], spread[:, None], tails)
        return float(self.scale * low[0]), float(self.scale * high[0])


def mixture_quantiles(weight: Vector, means: Vector, sds: Vector, levels: Vector) -> Vector:
    """Return quantiles of mixtures of Gaussians by bisection.

    Args:
        weight: (k,) summing to 1. means, sds: (k, d), one mixture a column. levels: (q,) in (0, 1).

    Returns:
        (q, d) quantiles, to about a 10⁻⁵ of the mixtures' range.
    """
    low = np.repeat((means - 6.0 * sds).min(axis=0)[None, :], len(levels), axis=0)
    high = np.repeat((means + 6.0 * sds).max(axis=0)[None, :], len(levels), axis=0)
    for _ in range(18):
        middle = (low + high) / 2.0
        inside = ndtr((middle[None] - means[:, None]) / sds[:, None])
        share = (weight @ inside.reshape(len(weight), -1)).reshape(middle.shape)
        below = share < levels[:, None]
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2.0)


def plausible_range(values: Sequence[tuple[date, float]], on: date) -> tuple[float, float]:
    """Return the bounds within which a prediction is believed: the tests' range ± 3 % and 1 % a month ahead, at most
    15 %.

    Only tests of the year before the last one count, if there are any: what was possible years ago says little.

    Args:
        values: (day, value) of at least one test. on: the day predicted for.
    """
    last = max(day for day, _ in values)
    recent = [value for day, value in values if (last - day).days <= 365]
    months = max((on - last).days, 0) / 30.44
    room = min(0.03 + 0.01 * months, 0.15)
    return min(recent) * (1.0 - room), max(recent) * (1.0 + room)
