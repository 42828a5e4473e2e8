"""What an experiment can see: power, the smallest effect, how many subjects, how many days. For the preview.

The two-sided test by a noncentral t (Cohen 1988; of clusters: Bloom 1995, "Minimum detectable effects"), the design
effect of unequal clusters (Eldridge, Ashby & Kerry 2006, Int. J. Epidemiol. 35), what CUPED takes off the variance
(Deng, Xu, Kohavi & Walker 2013), and Bonferroni's level for several treatments, from below what Holm's gives. Of a
confidence sequence the evidence at the end is asked for, though it may have been enough before and sunk since.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from experiments.analysis.comparison import ALPHA, checked
from experiments.analysis.sequences import Tuning, boundary, steps
from experiments.analysis.tails import critical

Vector = NDArray[np.float64]
POWER: Final = 0.8
WEEK: Final = 7
_MOST: Final = 10**10
_NORMAL_FROM: Final = 1e5
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)


@dataclass(frozen=True, slots=True)
class Design:
    """What is assumed of one comparison with the control.

    sd: of subjects, in the metric's unit (of a share p: sqrt(p (1 - p))). share_treatment, share_control: of all
    subjects of the experiment. comparisons: treatments that are compared with the control. variance_reduction: by the
    pre-period value, 0 to 1. clusters: coaches, with athletes in both arms; None where subjects are independent.
    icc: correlation of one coach's athletes of one arm, beyond what they share with his athletes of the other.
    cluster_size_cv: standard deviation / mean of the coaches' numbers of athletes. sequential: looked at daily.

    Raises:
        ValueError: a number is outside of its range.
    """

    sd: float
    share_treatment: float = 0.5
    share_control: float = 0.5
    comparisons: int = 1
    alpha: float = ALPHA
    variance_reduction: float = 0.0
    clusters: int | None = None
    icc: float = 0.0
    cluster_size_cv: float = 0.0
    sequential: bool = True

    def __post_init__(self) -> None:
        checked(self.alpha)
        if not (self.sd > 0 and math.isfinite(self.sd)):
            raise ValueError("a standard deviation is a positive number")
        if min(self.share_treatment, self.share_control) < 0 or self.share_treatment + self.share_control > 1 + 1e-9:
            raise ValueError("the arms' shares are not negative and at most 1 together")
        if self.comparisons < 1 or not 0 <= self.variance_reduction < 1:
            raise ValueError("there is a comparison, and a variance is not reduced to nothing")
        if not 0 <= self.icc <= 1 or self.cluster_size_cv < 0 or (self.clusters is not None and self.clusters < 2):
            raise ValueError("there are two clusters or more, and their correlation lies from 0 to 1")


def design_effect(cluster_size: float, icc: float, cluster_size_cv: float = 0.0) -> float:
    """Return how many times larger clusters make a mean's variance; cluster_size: subjects of an arm a cluster."""
    return max(1 + ((1 + cluster_size_cv**2) * cluster_size - 1) * icc, 1.0)


def standard_error(design: Design, n: float) -> float:
    """Return the difference's standard error at n subjects in all arms; infinite where an arm gets none."""
    variance = 0.0
    for share in (design.share_treatment, design.share_control):
        of_arm = n * share
        if of_arm <= 0:
            return math.inf
        inflated = 1.0
        if design.clusters is not None:
            inflated = design_effect(of_arm / design.clusters, design.icc, design.cluster_size_cv)
        variance += design.sd**2 * (1 - design.variance_reduction) * inflated / of_arm
    return math.sqrt(variance)


def power(design: Design, n: float, effect: float) -> float:
    """Return the chance that n subjects in all arms show a true effect (in the metric's unit)."""
    df, se = _df(design, n), standard_error(design, n)
    if df <= 0 or math.isinf(se):
        return 0.0
    return _power(abs(effect) / se, _critical(design, df), df)


def detectable(design: Design, n: float, *, power: float = POWER) -> float | None:
    """Return the smallest effect that n subjects show with a power; None where an arm is empty or too small.

    Raises:
        ValueError: the power is not between alpha and 1.
    """
    if not design.alpha < power < 1:
        raise ValueError("power lies between alpha and 1")
    df, se = _df(design, n), standard_error(design, n)
    if df <= 0 or math.isinf(se):
        return None
    beyond = _critical(design, df)
    low, high = 0.0, 2 * beyond
    while _power(high, beyond, df) < power:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if _power(middle, beyond, df) >= power else (middle, high)
    return high * se


def subjects_needed(design: Design, effect: float, *, power: float = POWER) -> int | None:
    """Return the fewest subjects in all arms that show an effect with a power.

    None: no number does, because the coaches are too few to tell, or an arm gets nobody.

    Raises:
        ValueError: the effect is 0, or the power not between alpha and 1.
    """
    if not effect:
        raise ValueError("an effect of nothing is never shown")

    def enough(n: int) -> bool:
        smallest = detectable(design, n, power=power)
        return smallest is not None and smallest <= abs(effect)

    low, high = 0, 4
    while not enough(high):
        low, high = high, high * 2
        if high > _MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def run_time(n: int, a_day: float) -> int | None:
    """Return the days, of whole weeks, in which n subjects arrive; None where nobody does."""
    if a_day <= 0:
        return None
    return max(math.ceil(n / a_day / WEEK), 1) * WEEK


def _df(design: Design, n: float) -> float:
    if design.clusters is not None:
        return design.clusters - 1.0
    return n * (design.share_treatment + design.share_control) - 2


def _critical(design: Design, df: float) -> float:
    """Return how many standard errors show an effect."""
    alpha = design.alpha / design.comparisons
    if design.sequential:
        return steps(boundary(Tuning(1.0, alpha).u(1.0), alpha), df)
    return critical(math.log(alpha / 2), df)


def _power(effect: float, beyond: float, df: float) -> float:
    """Return P(|T| > beyond), T noncentral t with the effect in standard errors.

    The normal probability given the estimated standard deviation, averaged over that (`special.nctdtr` is NaN at
    ordinary sizes); by it alone where df is large.
    """
    if df > _NORMAL_FROM:
        return float(special.ndtr(effect - beyond) + special.ndtr(-effect - beyond))
    s, weight = _estimated_deviations(df)
    return float(weight @ (special.ndtr(effect - beyond * s) + special.ndtr(-effect - beyond * s)))


@lru_cache(maxsize=64)
def _estimated_deviations(df: float) -> tuple[Vector, Vector]:
    """Return nodes (k,) and weights (k,) of chi / sqrt(df), by Gauss and Legendre between its far quantiles."""
    low, high = (math.sqrt(2 / df * float(tail(df / 2, 1e-16))) for tail in (special.gammaincinv, special.gammainccinv))
    s = low + (high - low) * (_NODES + 1) / 2
    log_density = df / 2 * math.log(df / 2) - float(special.gammaln(df / 2)) + (df - 1) * np.log(s) - df * s * s / 2
    return s, (high - low) * _WEIGHTS * np.exp(log_density)
