"""Answers that hold at every look: a confidence sequence, and the sequential p-value that goes with it.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas ("Time-uniform central limit theory
and asymptotic confidence sequences", Annals of Statistics 52(6), 2024; arXiv 2103.06476 of 2021): a normal mixture over
the effect (Robbins 1970; Howard, Ramdas, McAuliffe & Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic
confidence sequences", Annals of Statistics 49(2)), narrowest at the planned n. With z = difference / standard error and
u = n rho^2, the evidence is

    log e = z^2 u / (2 (1 + u)) - log(1 + u) / 2,

p is 1 / e, and the interval is what keeps e below 1 / alpha. Valid "in the limit": z is calibrated by Student's t with
the pair's degrees of freedom before it counts, for a few clusters and for the first looks. Of clustered data the
standard error is that of the clusters' sums; time is counted in subjects, though a fixed set of coaches tells less with
every further athlete: looks are then more alike than the sequence allows for (`bench/experiments_bench.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiments.analysis.comparison import ALPHA, Comparison, Method, checked, compare
from experiments.analysis.estimation import Pair
from experiments.analysis.tails import critical, log_tail, normal_score


@dataclass(frozen=True, slots=True)
class Tuning:
    """Where a sequence is narrowest; fixed before the start, never moved by what was seen.

    planned_n: subjects of both arms together. alpha: the level it is tuned for (one-sided tests: twice theirs).

    Raises:
        ValueError: planned_n is not positive, or alpha not between 0 and 1.
    """

    planned_n: float
    alpha: float = ALPHA

    def __post_init__(self) -> None:
        checked(self.alpha)
        if not (self.planned_n > 0 and math.isfinite(self.planned_n)):
            raise ValueError("a planned n is a positive number")

    def u(self, n: float) -> float:
        """Return n rho^2, by the paper's approximation of the best rho at the planned n."""
        twice = -2 * math.log(self.alpha)
        return (twice + math.log(1 + twice)) * n / self.planned_n


def sequence(pair: Pair, tuning: Tuning, *, alpha: float = ALPHA) -> Comparison:
    """Compare at any look: all looks together mislead with a chance of at most alpha.

    Raises:
        ValueError: alpha is not between 0 and 1.
    """
    checked(alpha)
    u = tuning.u(pair.n_treatment + pair.n_control)
    z = normal_score(pair.difference / pair.se, pair.df)
    log_e = z * z * u / (1 + u) / 2 - math.log1p(u) / 2
    return compare(pair, Method.SEQUENCE, alpha, -log_e, steps(boundary(u, alpha), pair.df))


def boundary(u: float, alpha: float) -> float:
    """Return the |z| at which the two-sided evidence is 1 / alpha."""
    return math.sqrt((1 + 1 / u) * (math.log1p(u) - 2 * math.log(alpha)))


def log_evidence_above(z: float, u: float) -> float:
    """Return the log e-value against "the effect is not positive": the mixture over positive effects alone."""
    grown = u / (1 + u)
    return math.log(2) - math.log1p(u) / 2 + z * z * grown / 2 + log_tail(-z * math.sqrt(grown), math.inf)


def boundary_above(u: float, alpha: float) -> float:
    """Return the z at which `log_evidence_above` is log 1 / alpha."""
    low, high = 0.0, boundary(u, alpha)  # at a positive z the one-sided evidence is the larger one
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if log_evidence_above(middle, u) < -math.log(alpha) else (low, middle)
    return high


def steps(z: float, df: float) -> float:
    """Return the t that is as far out as z >= 0: how many standard errors a boundary is away."""
    return critical(log_tail(z, math.inf), df)
