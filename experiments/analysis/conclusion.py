"""What may be said of a goal metric, in plain words: also that nothing may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from experiments.analysis.comparison import Comparison
from experiments.analysis.estimation import NotIdentified
from experiments.analysis.guardrail import Action, Decision
from experiments.analysis.split import SampleRatio

FEWEST_WEEKS: Final = 2
"""A training week differs from day to day, and one may be an odd one."""

BELIEVABLE: Final = 0.3
"""A larger lift is an error until it is explained (Twyman's law: Kohavi, Tang & Xu 2020, "Trustworthy Online Controlled
Experiments", chapter 3)."""

_WEEK: Final = timedelta(days=7)


class Finding(StrEnum):
    """What is known of a goal metric; only the first three are answers to what was asked."""

    BETTER = "better"
    WORSE = "worse"
    SIMILAR = "similar"
    INCONCLUSIVE = "inconclusive"
    TOO_EARLY = "too_early"
    NOT_IDENTIFIED = "not_identified"
    STOPPED = "stopped"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal metric. similar: the lift (0.02 is 2 %) that would not matter, None where that was not said."""

    name: str
    higher_is_better: bool = True
    similar: float | None = None
    believable: float = BELIEVABLE


@dataclass(frozen=True, slots=True)
class Span:
    """The days whose data were counted, both included; whole weeks alone are judged."""

    first: date
    last: date
    fewest_weeks: int = FEWEST_WEEKS

    @property
    def whole(self) -> bool:
        return not (self.last + timedelta(days=1) - self.first) % _WEEK and self.last >= self._earliest

    @property
    def judged_on(self) -> date:
        """The last day of the week that is judged next."""
        days = self.last + timedelta(days=1) - self.first
        return max(self.first + -(-days // _WEEK) * _WEEK - timedelta(days=1), self._earliest)

    @property
    def _earliest(self) -> date:
        return self.first + self.fewest_weeks * _WEEK - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """finding, and the same in words. too_good: the lift is larger than anyone should believe unchecked."""

    finding: Finding
    words: str
    too_good: bool = False


def too_good(goal: Goal, comparison: Comparison) -> bool:
    """Return whether a difference is shown, in either direction, that is too large to be believed."""
    return comparison.significant and comparison.lift is not None and abs(comparison.lift) > goal.believable


def conclude(
    goal: Goal,
    comparison: Comparison | NotIdentified,
    span: Span,
    *,
    sample_ratio: SampleRatio,
    guardrails: Sequence[Decision] = (),
    p_adjusted: float | None = None,
) -> Conclusion:
    """Say what is known of a goal metric.

    guardrails: of the same treatment. p_adjusted: the comparison's p-value among those of all goal metrics
    (`experiments.analysis.multiple`); None where there is one question.
    """
    metric = goal.name
    if sample_ratio.mismatch:
        why = sample_ratio.why
        return Conclusion(Finding.HIDDEN, f"{metric}: results are hidden, {why}.")
    stopped = [decision for decision in guardrails if decision.action is Action.STOP]
    if stopped:
        reasons = "; ".join(f"{decision.guardrail}: {decision.why}" for decision in stopped)
        return Conclusion(Finding.STOPPED, f"{metric}: stopped by a guardrail ({reasons}).")
    if isinstance(comparison, NotIdentified):
        return Conclusion(Finding.NOT_IDENTIFIED, f"{metric}: not identified: {comparison.why}.")
    if not span.whole:
        return Conclusion(
            Finding.TOO_EARLY,
            f"{metric}: too early; whole weeks are judged, {span.fewest_weeks} at least, next {span.judged_on}.",
        )
    return _judged(goal, comparison, p_adjusted)


def _judged(goal: Goal, comparison: Comparison, p_adjusted: float | None) -> Conclusion:
    pair, lifts, metric = comparison.pair, comparison.lifts.describe(), goal.name
    variant, control, confidence = pair.treatment, pair.control, f"{1 - comparison.alpha:.0%}"
    bounds = f"the data agree with a lift of {lifts}" if comparison.lifts.bounded else f"the lift is {lifts}"
    seen = f"at {confidence} confidence {bounds}"
    if comparison.significant and (p_adjusted is None or p_adjusted < comparison.alpha):
        better = (pair.difference > 0) is goal.higher_is_better
        size = f"{abs(pair.difference):.4g}"
        if better:
            words = f"{metric}: {variant} is better than {control} by {size}; {seen}."
        else:
            words = f"{metric}: {variant} is worse than {control} by {size}; {seen}."
        flagged = too_good(goal, comparison)
        if flagged:
            lift = f"{comparison.lift:+.0%}"
            words += " " + f"A lift of {lift} is not to be believed unchecked: look for a mistake first."
        return Conclusion(Finding.BETTER if better else Finding.WORSE, words, flagged)
    if goal.similar is not None and comparison.lifts.within(goal.similar):
        share = f"{goal.similar:.1%}"
        return Conclusion(Finding.SIMILAR, f"{metric}: {variant} and {control} differ by less than {share}; {seen}.")
    if comparison.significant:
        words = (
            f"{metric}: inconclusive after allowing for the other questions asked; {seen}, so {variant} may be better "
            f"or worse than {control}."
        )
    else:
        words = f"{metric}: inconclusive; {seen}, so {variant} may be better or worse than {control}."
    return Conclusion(Finding.INCONCLUSIVE, words)
