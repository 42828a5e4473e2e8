"""Two independent shares by score tests, which hold where counts are small or one of them is zero.

Miettinen & Nurminen 1985, "Comparative analysis of two rates", Statistics in Medicine 4: the variance of the difference
(or of treatment - ratio * control) at the shares that are likeliest under the hypothesis. Where that says "no
difference", both scales have one statistic, so that their answers agree. For subjects who are not independent (the
usual case: coaches) a share is a mean of zeros and ones in `experiments.analysis.estimation`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from experiments.analysis.comparison import ALPHA, Comparison, Interval, Method, checked
from experiments.analysis.estimation import NotIdentified, Pair
from experiments.analysis.lift import LiftSet, Shape
from experiments.analysis.tails import critical, log_tail, probability


@dataclass(frozen=True, slots=True)
class Count:
    """Successes of n subjects.

    Raises:
        ValueError: not 0 to n of n.
    """

    successes: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.n:
            raise ValueError("of n subjects, 0 to n succeed")

    @property
    def share(self) -> float:
        return self.successes / self.n


def compare_shares(
    treatment: str, control: str, of_treatment: Count, of_control: Count, *, alpha: float = ALPHA
) -> Comparison | NotIdentified:
    """Compare two shares at one planned look. An arm without subjects, such as one of weight 0, is not identified.

    Raises:
        ValueError: alpha is not between 0 and 1.
    """
    checked(alpha)
    for name, count in ((treatment, of_treatment), (control, of_control)):
        if not count.n:
            return NotIdentified(treatment, control, f"no subjects in {name}")
    p, q = of_treatment.share, of_control.share
    beyond = critical(math.log(alpha / 2), math.inf)
    z = _score_of_difference(of_treatment, of_control, 0.0)
    log_p = min(math.log(2) + log_tail(abs(z), math.inf), 0.0)
    n, m = of_treatment.n, of_control.n
    pair = Pair(treatment, control, p, q, p * (1 - p) / n, q * (1 - q) / m, 0.0, math.inf, n, m)
    return Comparison(
        pair,
        Method.SCORE,
        alpha,
        probability(log_p),
        log_p / math.log(10),
        _difference(of_treatment, of_control, beyond),
        p / q - 1 if q else None,
        _lifts(of_treatment, of_control, beyond, abs(z) > beyond),
    )


def _difference(of_treatment: Count, of_control: Count, beyond: float) -> Interval:
    """Return the differences whose score lies within `beyond`."""
    found = of_treatment.share - of_control.share

    def score(difference: float) -> float:
        return _score_of_difference(of_treatment, of_control, difference)

    return Interval(_edge(score, found, -1.0, beyond), _edge(score, found, 1.0, beyond))


def _lifts(of_treatment: Count, of_control: Count, beyond: float, significant: bool) -> LiftSet:
    """Return the lifts whose score lies within `beyond`; searched over treatment / (treatment + control), 0 to 1."""
    if not of_treatment.successes and not of_control.successes:
        return LiftSet(Shape.EVERYTHING, None, None, excludes_zero=False)

    def score(place: float) -> float:
        return _score_of_ratio(of_treatment, of_control, place)

    p, q = of_treatment.share, of_control.share
    found = p / (p + q)
    low, high = _edge(score, found, 0.0, beyond), _edge(score, found, 1.0, beyond)
    lowest = low / (1 - low) - 1 if low < 1 else math.inf
    if not q:
        return LiftSet(Shape.RAY, lowest, None, significant)
    return LiftSet(Shape.INTERVAL, lowest, high / (1 - high) - 1, significant)


def _edge(score: Callable[[float], float], found: float, far: float, beyond: float) -> float:
    """Return where a score that is 0 at `found` and moves away from it towards `far` reaches `beyond`."""
    near = found
    if abs(score(far)) <= beyond:
        return far
    for _ in range(100):
        middle = (near + far) / 2
        near, far = (middle, far) if abs(score(middle)) <= beyond else (near, middle)
    return (near + far) / 2


def _score_of_difference(of_treatment: Count, of_control: Count, difference: float) -> float:
    """Return the standardised distance of the observed difference from a hypothetical one, -1 to 1."""
    n, m = of_treatment.n, of_control.n
    q = _likeliest_of_difference(of_treatment, of_control, difference)
    p = min(max(q + difference, 0.0), 1.0)
    return _standardised(of_treatment.share - of_control.share - difference, p * (1 - p) / n + q * (1 - q) / m, n + m)


def _likeliest_of_difference(of_treatment: Count, of_control: Count, difference: float) -> float:
    """Return the control's likeliest share where the treatment's is larger by `difference`.

    The log likelihood is concave in it, so that halving finds the root of its slope; the closed form of the cubic takes
    an arc cosine that rounding pushes beyond 1.
    """
    (x, n), (y, m) = (of_treatment.successes, of_treatment.n), (of_control.successes, of_control.n)
    low, high = max(0.0, -difference), min(1.0, 1.0 - difference)
    for _ in range(60):
        q = (low + high) / 2
        p = q + difference
        slope = _quotient(x, p) - _quotient(n - x, 1 - p) + _quotient(y, q) - _quotient(m - y, 1 - q)
        low, high = (q, high) if slope > 0 else (low, q)
    return (low + high) / 2


def _score_of_ratio(of_treatment: Count, of_control: Count, place: float) -> float:
    """Return the standardised distance from treatment : control = place : 1 - place.

    The likeliest control share is a root of a quadratic (Miettinen & Nurminen 1985, appendix), here of both arms'
    shares as t * place and t * (1 - place), which treats them alike.
    """
    (x, n), (y, m) = (of_treatment.successes, of_treatment.n), (of_control.successes, of_control.n)
    v, w = place, 1 - place
    a, b, c = (n + m) * v * w, n * v + x * w + m * w + y * v, float(x + y)
    t = 2 * c / (b + math.sqrt(max(b * b - 4 * a * c, 0.0)))
    p, q = min(t * v, 1.0), min(t * w, 1.0)
    variance = w * w * p * (1 - p) / n + v * v * q * (1 - q) / m
    return _standardised(w * of_treatment.share - v * of_control.share, variance, n + m)


def _standardised(distance: float, variance: float, n: int) -> float:
    if distance == 0:
        return 0.0
    variance *= n / (n - 1) if n > 1 else 1.0
    return math.copysign(math.inf, distance) if variance <= 0 else distance / math.sqrt(variance)


def _quotient(count: int, share: float) -> float:
    return count / max(share, 1e-300) if count else 0.0
