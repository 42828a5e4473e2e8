"""What follows from two arms' estimates: one test, told as a p-value and as intervals on both scales."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from experiments.analysis.estimation import Pair
from experiments.analysis.lift import LiftSet, fieller
from experiments.analysis.tails import critical, log_tail, probability

ALPHA: Final = 0.05


class Method(StrEnum):
    """How p-value and intervals were found."""

    FIXED = "fixed"  # valid at one look that was planned
    SEQUENCE = "sequence"  # valid at every look
    SCORE = "score"  # two independent shares, valid at one look


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval of a difference, in the metric's unit."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Treatment against control. p < alpha exactly where the interval, and the set of lifts, exclude 0.

    p_value: two-sided, never shown as 0 (log10_p is exact). lift: None where the control's estimate is 0.
    """

    pair: Pair
    method: Method
    alpha: float
    p_value: float
    log10_p: float
    interval: Interval
    lift: float | None
    lifts: LiftSet

    @property
    def significant(self) -> bool:
        return self.interval.excludes_zero


def fixed(pair: Pair, *, alpha: float = ALPHA) -> Comparison:
    """Compare at one planned look, by Student's t with the pair's degrees of freedom.

    Raises:
        ValueError: alpha is not between 0 and 1.
    """
    checked(alpha)
    log_p = math.log(2) + log_tail(abs(pair.difference) / pair.se, pair.df)
    return compare(pair, Method.FIXED, alpha, log_p, critical(math.log(alpha / 2), pair.df))


def compare(pair: Pair, method: Method, alpha: float, log_p: float, beyond: float) -> Comparison:
    """Return a comparison that refuses what lies more than `beyond` standard errors off."""
    half = beyond * pair.se
    return Comparison(
        pair,
        method,
        alpha,
        probability(log_p),
        min(log_p, 0.0) / math.log(10),
        Interval(pair.difference - half, pair.difference + half),
        pair.difference / pair.mean_control if pair.mean_control else None,
        fieller(pair, beyond),
    )


def checked(alpha: float) -> None:
    """Refuse what is no error rate.

    Raises:
        ValueError: alpha is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise ValueError("alpha lies between 0 and 1")
