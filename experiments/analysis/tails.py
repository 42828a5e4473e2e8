"""Tails of Student's t that neither underflow nor disagree with the critical values taken from them."""

from __future__ import annotations

import math
import sys
from typing import Final

from scipy import special

SMALLEST: Final = sys.float_info.min
"""What is shown as a p-value in place of 0; its logarithm is kept exactly."""

_PLAIN: Final = -300.0
_FARTHEST: Final = 1e30


def log_tail(t: float, df: float) -> float:
    """Return log P(T > t), T ~ Student's t with `df` > 0 degrees of freedom (infinite: the normal).

    Far out, where the probability itself would be 0, by the continued fraction of the incomplete beta function
    (Abramowitz & Stegun 1964, 26.5.8 and 26.7.1).
    """
    if math.isinf(df):
        return float(special.log_ndtr(-t))
    plain = float(special.stdtr(df, -t))
    if plain > 0 and (log := math.log(plain)) > _PLAIN:
        return log
    a, ratio = df / 2, t / df * t
    log_front = -a * math.log1p(ratio) - 0.5 * math.log1p(1 / ratio) - math.log(a) - float(special.betaln(a, 0.5))
    return log_front - math.log(_fraction(a, 0.5, 1 / (1 + ratio))) - math.log(2)


def critical(log_probability: float, df: float) -> float:
    """Return the t that `log_tail` gives this log probability (at most log 0.5) beyond.

    Never more than 1e30: what takes so much evidence has seen nothing, and squares must stay finite.
    """
    if math.isinf(df):
        return -float(special.ndtri_exp(log_probability))
    if log_probability > _PLAIN:
        return min(-float(special.stdtrit(df, math.exp(log_probability))), _FARTHEST)
    low, high = 0.0, math.log(_FARTHEST)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if log_tail(math.exp(middle), df) > log_probability else (low, middle)
    return math.exp(high)


def normal_score(t: float, df: float) -> float:
    """Return the z that is as far out as t: a few clusters count for no more than they tell."""
    far = -float(special.ndtri_exp(log_tail(abs(t), df)))
    return math.copysign(max(far, 0.0), t)


def probability(log_p: float) -> float:
    """Return a probability of this logarithm, never 0 and never above 1."""
    return max(math.exp(min(log_p, 0.0)), SMALLEST)


def _fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of I_x(a, b), from the bottom up; quick where x < (a + 1) / (a + b + 2)."""
    value = 1.0
    for index in range(200 + int(math.sqrt(a)), 0, -1):
        half = index // 2
        if index % 2:
            factor = -(a + half) * (a + b + half) / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            factor = half * (b - half) / ((a + 2 * half - 1) * (a + 2 * half))
        value = 1 + factor * x / value
    return value
