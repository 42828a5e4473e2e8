"""Is the new arm worse than a concurrent control? An exact test that may be looked at after every window.

Given how many of both arms' answers were bad in a window, how many of those are the new arm's follows Fisher's
noncentral hypergeometric distribution of the odds ratio alone (Fisher 1935; McCullagh & Nelder 1989, "Generalized
Linear Models", 7.3.2): the error rate itself, which drifts with the hour, drops out, and so do the arms' sizes. The
likelihood ratio of a larger odds ratio against `margin` grows with that count, hence its expectation is at most 1 under
every odds ratio up to `margin`; the product over windows, and a mixture of such products, is an e-process (Ramdas,
Grünwald, Vovk & Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference", Statistical Science 38(4)).
By Ville's inequality (1939) it ever reaches 1/alpha with a chance of at most alpha, however often one looks.

What is counted per subject at risk rather than per answer (reports, which come long after the first exposure) is
compared the same way, with the binomial of two Poisson processes in place of the hypergeometric (Lindon & Malek 2022,
"Anytime-valid inference for multinomial count data", NeurIPS).

Assumed: given the past, the events of a window are independent. One person who repeats a failing request is not.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np

MIXTURE: Final = ((1.2, 0.05), (1.5, 0.1), (2.5, 0.47), (4.0, 0.28), (10.0, 0.1))
"""Odds ratios that are betted on, as multiples of the margin, and the share of the stake.

Most lies where a rollout must not wait: 1 % to 3 % errors, odds of 3.1. The rest keeps slow and steep regressions in
reach, at the price of log(1 / share). An odds ratio below 1.1 times the margin is nearer to it than to any of these and
gathers no evidence, however much is counted.
"""


LARGEST: Final = 700.0
"""Logarithm beyond which evidence is as good as certain: an infinity fits into no JSON."""


class EProcess:
    """Evidence that the new arm's odds are more than `margin` times the control's.

    margin: > 0; 1 asks whether the new arm is worse at all. Memory is a number for each alternative.

    Raises:
        ValueError: the margin is not a positive finite number.
    """

    def __init__(self, margin: float = 1.0) -> None:
        if not (margin > 0 and math.isfinite(margin)):
            raise ValueError("a margin is a positive number")
        self._ratios = (margin, *(margin * multiple for multiple, _ in MIXTURE))
        self._logs = [math.log(share) for _, share in MIXTURE]
        self.log_e = 0.0
        self.highest_log_e = 0.0

    def observe_shares(self, bad_new: int, n_new: int, bad_control: int, n_control: int) -> None:
        """Add a window: bad of n answers in either arm.

        Raises:
            ValueError: a count is negative, or more are bad than there are.
        """
        if not (0 <= bad_new <= n_new and 0 <= bad_control <= n_control):
            raise ValueError("of n answers, 0 to n are bad")
        bad = bad_new + bad_control
        if bad and n_new and n_control:
            self._multiply(bad_new, _hypergeometric(n_new, n_control, bad, self._ratios))

    def observe_events(self, events_new: int, exposed_new: float, events_control: int, exposed_control: float) -> None:
        """Add a window: events (any number for each subject) of the subjects that are exposed in either arm.

        Raises:
            ValueError: a count is negative.
        """
        if min(events_new, exposed_new, events_control, exposed_control) < 0:
            raise ValueError("counts are not negative")
        events = events_new + events_control
        if events and exposed_new and exposed_control:
            logs = tuple(events * math.log(ratio * exposed_new + exposed_control) for ratio in self._ratios)
            self._multiply(events_new, logs)

    def _multiply(self, of_new: int, normalisers: tuple[float, ...]) -> None:
        """Multiply by the likelihood ratios ratio^x / Z(ratio) : margin^x / Z(margin) of one window."""
        for index, (multiple, _) in enumerate(MIXTURE):
            self._logs[index] += of_new * math.log(multiple) - (normalisers[index + 1] - normalisers[0])
        most = max(self._logs)
        self.log_e = most + math.log(sum(math.exp(each - most) for each in self._logs))
        self.highest_log_e = max(self.highest_log_e, self.log_e)

    @property
    def e(self) -> float:
        """The e-value now: how many times a stake of 1 against "no worse than the margin" has grown."""
        return _exp(self.log_e)

    @property
    def highest(self) -> float:
        """The largest e-value so far, which Ville's inequality bounds."""
        return _exp(self.highest_log_e)


@lru_cache(maxsize=4096)
def _hypergeometric(n_new: int, n_control: int, bad: int, ratios: tuple[float, ...]) -> tuple[float, ...]:
    """Return log sum_x C(n_new, x) C(n_control, bad - x) ratio^x for each ratio, up to one constant.

    The constant, which cancels in a ratio, is the first term. Terms come from their quotients; cost: the support, at
    most `bad` + 1 terms.
    """
    first, last = max(0, bad - n_control), min(n_new, bad)
    support = np.arange(first, last + 1, dtype=np.float64)
    x = support[:-1]
    terms = np.zeros_like(support)
    np.cumsum(np.log((n_new - x) * (bad - x) / ((x + 1) * (n_control - bad + x + 1))), out=terms[1:])
    exponents = terms + np.log(ratios)[:, None] * support
    most = exponents.max(axis=1, keepdims=True)
    sums = most[:, 0] + np.log(np.exp(exponents - most).sum(axis=1))
    return tuple(sums.tolist())


def _exp(log: float) -> float:
    return math.exp(min(log, LARGEST))
