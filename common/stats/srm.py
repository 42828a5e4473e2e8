"""Do the arms get the shares that they should? A sequential test of sample-ratio mismatch.

A mismatch tells that assignment, exposure or logging is broken, so that no comparison of the arms means anything. The
Bayes factor of a Dirichlet-multinomial against the expected share is a martingale under it (Lindon & Malek 2022,
"Anytime-valid inference for multinomial count data", NeurIPS, section 2; arXiv 2011.03567 of 2020), so that by Ville's
inequality it ever reaches 1/alpha with a chance of at most alpha. Where the expected share changes, a new factor
begins and the old one stands: products of e-values over successive data are e-values.
"""

from __future__ import annotations

import math
from typing import Final

ALPHA: Final = 0.001
"""Chance of voiding the verdicts of a stage whose arms are as they should be."""

PRIOR_SUBJECTS: Final = 1000.0
"""How firmly the alternative lies around the expected share: as if so many subjects had been seen."""


class ShareProcess:
    """Evidence against the expected share of first-seen subjects; memory does not grow."""

    def __init__(self) -> None:
        self._share = 0.0
        self._new = 0
        self._control = 0
        self._before = 0.0
        self.log_e = 0.0
        self.highest_log_e = 0.0

    def observe(self, new: int, control: int, expected_share: float) -> None:
        """Add subjects seen for the first time; an expected share of 0 or 1 is no split and adds nothing.

        Raises:
            ValueError: a count is negative, or the share is not from 0 to 1.
        """
        if min(new, control) < 0 or not 0 <= expected_share <= 1:
            raise ValueError("counts are not negative and a share lies between 0 and 1")
        if not new + control or expected_share in (0.0, 1.0):
            return
        if expected_share != self._share:
            self._share, self._new, self._control, self._before = expected_share, 0, 0, self.log_e
        self._new += new
        self._control += control
        self.log_e = self._before + _log_bayes_factor(self._new, self._control, expected_share)
        self.highest_log_e = max(self.highest_log_e, self.log_e)

    def mismatch(self, alpha: float = ALPHA) -> bool:
        """Return whether the evidence has ever reached 1 / alpha."""
        return self.highest_log_e >= -math.log(alpha)


def _log_bayes_factor(new: int, control: int, share: float) -> float:
    a, b = PRIOR_SUBJECTS * share, PRIOR_SUBJECTS * (1 - share)
    marginal = _log_beta(a + new, b + control) - _log_beta(a, b)
    return marginal - new * math.log(share) - control * math.log1p(-share)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
