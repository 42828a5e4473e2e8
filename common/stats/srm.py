"""Do the arms get the shares that they should? A sequential test of sample-ratio mismatch.

A mismatch tells that assignment, exposure or logging is broken, so that no comparison of the arms means anything. The
Bayes factor of a Dirichlet-multinomial against the expected shares is a martingale under them (Lindon & Malek 2022,
"Anytime-valid inference for multinomial count data", NeurIPS, section 2; arXiv 2011.03567 of 2020), so that by Ville's
inequality it ever reaches 1/alpha with a chance of at most alpha. Where the expected shares change, a new factor
begins and the old one stands: products of e-values over successive data are e-values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from common.stats.eprocess import LARGEST

ALPHA: Final = 0.001
"""Chance of voiding the verdicts of a stage whose arms are as they should be."""

PRIOR_SUBJECTS: Final = 1000.0
"""How firmly the alternative lies around the expected share: as if so many subjects had been seen."""


class SplitProcess:
    """Evidence against the expected shares of any number of arms; memory does not grow.

    prior_subjects: > 0, how firmly the alternative lies around the expected shares.

    Raises:
        ValueError: `prior_subjects` is not a positive finite number.
    """

    def __init__(self, prior_subjects: float = PRIOR_SUBJECTS) -> None:
        if not (prior_subjects > 0 and math.isfinite(prior_subjects)):
            raise ValueError("prior subjects are a positive number")
        self._prior = prior_subjects
        self._weights: tuple[float, ...] = ()
        self._counts: list[int] = []
        self._before = 0.0
        self.log_e = 0.0
        self.highest_log_e = 0.0

    def observe(self, counts: Sequence[int], weights: Sequence[float]) -> None:
        """Add subjects seen for the first time, by arm, and the arms' weights (of any sum), which may change.

        An arm of weight 0 takes nobody: a subject in one is as good as certain evidence.

        Raises:
            ValueError: a count or a weight is negative, there is a weight too few or too many, or all of them are 0.
        """
        if len(counts) != len(weights) or min(counts, default=0) < 0:
            raise ValueError("every arm has a count, not negative, and a weight")
        if min(weights, default=0) < 0 or not 0 < sum(weights) < math.inf:
            raise ValueError("weights are not negative, and one at least is positive")
        if not sum(counts):
            return
        if tuple(weights) != self._weights:
            self._weights, self._counts, self._before = tuple(weights), [0] * len(weights), self.log_e
        self._counts = [old + more for old, more in zip(self._counts, counts, strict=True)]
        self.log_e = min(self._before + _log_bayes_factor(self._counts, self._weights, self._prior), LARGEST)
        self.highest_log_e = max(self.highest_log_e, self.log_e)

    def mismatch(self, alpha: float = ALPHA) -> bool:
        """Return whether the evidence has ever reached 1 / alpha."""
        return self.highest_log_e >= -math.log(alpha)


class ShareProcess:
    """Evidence against the expected share of a new arm beside one control (`SplitProcess` of two arms)."""

    def __init__(self) -> None:
        self._split = SplitProcess()

    def observe(self, new: int, control: int, expected_share: float) -> None:
        """Add subjects seen for the first time; an expected share of 0 or 1 is no split and adds nothing.

        Raises:
            ValueError: a count is negative, or the share is not from 0 to 1.
        """
        if min(new, control) < 0 or not 0 <= expected_share <= 1:
            raise ValueError("counts are not negative and a share lies between 0 and 1")
        if expected_share not in (0.0, 1.0):
            self._split.observe((new, control), (expected_share, 1 - expected_share))

    @property
    def log_e(self) -> float:
        return self._split.log_e

    @property
    def highest_log_e(self) -> float:
        return self._split.highest_log_e

    def mismatch(self, alpha: float = ALPHA) -> bool:
        """Return whether the evidence has ever reached 1 / alpha."""
        return self._split.mismatch(alpha)


def _log_bayes_factor(counts: Sequence[int], weights: Sequence[float], prior: float) -> float:
    """Return the log ratio of the Dirichlet-multinomial's probability of an order of arms to the expected one's."""
    total, of_all = sum(counts), sum(weights)
    found = math.lgamma(prior) - math.lgamma(prior + total)
    for count, weight in zip(counts, weights, strict=True):
        if weight:
            share = weight / of_all
            found += math.lgamma(prior * share + count) - math.lgamma(prior * share) - count * math.log(share)
        elif count:
            return math.inf
    return found
