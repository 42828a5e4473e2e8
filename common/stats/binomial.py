"""Could chance alone explain it? Exact one-sided tails and bounds of shares, counts and bounded means."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special


def at_least(bad: int, n: int, share: float) -> float:
    """Return P(X >= bad), X ~ Binomial(n, share)."""
    return float(special.betainc(bad, n - bad + 1, share)) if 0 < bad <= n else float(bad <= 0)


def at_most(bad: int, n: int, share: float) -> float:
    """Return P(X <= bad), X ~ Binomial(n, share)."""
    return 1.0 if bad >= n else float(special.betaincc(bad + 1, n - bad, share)) if bad >= 0 else 0.0


def lower_bound(bad: int, n: int, alpha: float) -> float:
    """Return the share below which `bad` of n or more has a chance of less than alpha (Clopper & Pearson 1934)."""
    return float(special.betaincinv(bad, n - bad + 1, alpha)) if bad else 0.0


def upper_bound(bad: int, n: int, alpha: float) -> float:
    """Return the share above which `bad` of n or fewer has a chance of less than alpha (Clopper & Pearson 1934)."""
    return float(special.betainccinv(bad + 1, n - bad, alpha)) if bad < n else 1.0


def quantiles(levels: ArrayLike, n: int, share: float) -> NDArray[np.float64]:
    """Return the least counts k with P(X <= k) >= level, X ~ Binomial(n, share), in the shape of the levels."""
    above = np.ceil(np.nan_to_num(special.bdtrik(levels, n, share)))  # nan where it is 0 for certain
    below = np.maximum(above - 1, 0)
    least: NDArray[np.float64] = np.where(special.bdtr(below, n, share) >= levels, below, above)  # but for rounding
    return least


def events_quantile(level: float, expected: float) -> int:
    """Return the least count k with P(X <= k) >= level, X ~ Poisson(expected)."""
    above = math.ceil(float(np.nan_to_num(special.pdtrik(level, expected))))
    below = max(above - 1, 0)
    return below if float(special.pdtr(below, expected)) >= level else above


def events_at_least(events: int, expected: float) -> float:
    """Return P(X >= events), X ~ Poisson(expected)."""
    return float(special.gammainc(events, expected)) if events > 0 else 1.0


def events_at_most(events: int, expected: float) -> float:
    """Return P(X <= events), X ~ Poisson(expected)."""
    return float(special.gammaincc(events + 1, expected))


def mean_at_most(mean: float, n: int, truth: float) -> float:
    """Bound P(mean of n independent values in [0, 1] <= mean) where their true mean is `truth` (0 to 1).

    Needs no spread of the values (Hoeffding 1963, "Probability inequalities for sums of bounded random variables",
    theorem 1).
    """
    return 1.0 if mean >= truth else math.exp(-n * _divergence(mean, truth))


def mean_at_least(mean: float, n: int, truth: float) -> float:
    """Bound P(mean of n independent values in [0, 1] >= mean), as `mean_at_most`."""
    return mean_at_most(1 - mean, n, 1 - truth)


def _divergence(p: float, q: float) -> float:
    """Return the Kullback-Leibler divergence of two Bernoulli distributions, nats."""
    return sum(x * math.log(x / y) if y > 0 else math.inf for x, y in ((p, q), (1 - p, 1 - q)) if x > 0)
