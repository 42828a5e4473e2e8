"""The relative lift: which lifts the data do not refuse, by the very test that judges the difference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from experiments.analysis.estimation import Pair


class Shape(StrEnum):
    """What a set of lifts looks like; where the control may be zero, lifts have no bound."""

    INTERVAL = "interval"
    RAY = "ray"
    TWO_RAYS = "two_rays"
    EVERYTHING = "everything"
    UNDEFINED = "undefined"


@dataclass(frozen=True, slots=True)
class LiftSet:
    """Lifts (0.1 is +10 %) that are not refused.

    INTERVAL: from low to high. RAY: one of them is None, there is no bound. TWO_RAYS: up to `low` and from `high` on,
    nothing in between. EVERYTHING: no lift is refused. UNDEFINED: the control is zero for certain, there is no lift,
    and `excludes_zero` repeats the difference's answer.
    """

    shape: Shape
    low: float | None
    high: float | None
    excludes_zero: bool

    @property
    def bounded(self) -> bool:
        return self.shape is Shape.INTERVAL

    def __contains__(self, lift: float) -> bool:
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        if self.shape is Shape.TWO_RAYS:
            return lift <= low or lift >= high
        return self.shape is not Shape.UNDEFINED and low <= lift <= high

    def within(self, margin: float) -> bool:
        """Return whether every lift that is not refused is smaller than a margin, in either direction."""
        if self.shape is not Shape.INTERVAL or self.low is None or self.high is None:
            return False
        return -margin < self.low and self.high < margin

    def describe(self) -> str:
        """Say the set in words."""
        low, high = (None if end is None else f"{end:+.1%}" for end in (self.low, self.high))
        match self.shape:
            case Shape.INTERVAL:
                return f"{low} to {high}"
            case Shape.RAY:
                return f"{low} or more, without bound" if high is None else f"{high} or less, without bound"
            case Shape.TWO_RAYS:
                return f"without bound: {low} or less, or {high} or more (the control may be zero)"
            case Shape.EVERYTHING:
                return "without bound: no lift can be refused (the control may be zero)"
            case Shape.UNDEFINED:
                return "undefined: the control is zero"


def fieller(pair: Pair, critical: float) -> LiftSet:
    """Return every lift r for which |difference - r * control| is at most `critical` standard errors.

    Fieller 1954, "Some problems in interval estimation", JRSS B 16. At r = 0 this is the test of the difference, by the
    same critical value, so that the two cannot disagree: whether 0 lies in the set hangs on the sign of `c` alone.
    """
    d, m, squared = pair.difference, pair.mean_control, critical * critical
    with_control = pair.covariance - pair.variance_control
    a = m * m - squared * pair.variance_control
    b = d * m - squared * with_control
    c = d * d - squared * pair.variance
    discriminant = b * b - a * c
    if a == 0:
        if b == 0:
            shape = Shape.UNDEFINED if c > 0 or m == 0 == pair.variance_control else Shape.EVERYTHING
            return LiftSet(shape, None, None, c > 0)
        end = c / (2 * b)
        return LiftSet(Shape.RAY, end if b > 0 else None, None if b > 0 else end, c > 0)
    if a < 0 and discriminant < 0:
        return LiftSet(Shape.EVERYTHING, None, None, excludes_zero=False)
    far = b + math.copysign(math.sqrt(max(discriminant, 0.0)), b)
    low, high = sorted((far / a, c / far if far else 0.0))
    return LiftSet(Shape.INTERVAL if a > 0 else Shape.TWO_RAYS, low, high, c > 0)
