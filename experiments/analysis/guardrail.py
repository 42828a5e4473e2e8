"""Guardrails: does the treatment harm by more than a margin? One-sided, looked at daily, and it stops by itself.

The contrast that is tested, harm beyond the margin, is linear in the two arms' estimates, so that a relative margin
needs no quotient. Its evidence is the one-sided normal mixture of `experiments.analysis.sequences`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from experiments.analysis.comparison import ALPHA, checked
from experiments.analysis.estimation import NotIdentified, Pair
from experiments.analysis.sequences import Tuning, boundary_above, log_evidence_above, steps
from experiments.analysis.tails import normal_score, probability

FEWEST: Final = 20
"""Subjects an arm must have before a look counts: the sequence's limit theorem has nothing to say of three."""


class Worse(StrEnum):
    """The direction that harms."""

    ABOVE = "above"
    BELOW = "below"


class Action(StrEnum):
    """What a guardrail asks for; only STOP ends an experiment."""

    STOP = "stop"
    CONTINUE = "continue"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A metric, the direction that harms, and how much of it is borne.

    margin: in the metric's unit, or a share of the control's value where `relative`; 0 stops at any harm. alpha: the
    chance that an experiment without harm beyond the margin is ever stopped by it; those of several guardrails add up.

    Raises:
        ValueError: the margin is negative or not finite, or alpha not between 0 and 1.
    """

    name: str
    worse: Worse
    margin: float = 0.0
    relative: bool = True
    alpha: float = ALPHA

    def __post_init__(self) -> None:
        checked(self.alpha)
        if not (self.margin >= 0 and math.isfinite(self.margin)):
            raise ValueError(f"guardrail {self.name}: a margin is not negative")


@dataclass(frozen=True, slots=True)
class Decision:
    """A guardrail's answer after a number of looks.

    p_value: the smallest so far, never 0. harm: how much worse the treatment is now, beyond the margin if positive, in
    the metric's unit; least_harm: what it is at least, at this look's confidence. stopped_at: index of the look whose
    evidence was enough; later looks do not take it back.
    """

    guardrail: str
    treatment: str
    action: Action
    looks: int
    p_value: float | None
    harm: float | None
    least_harm: float | None
    stopped_at: int | None
    why: str


def watch(guardrail: Guardrail, treatment: str, looks: Sequence[Pair | NotIdentified], *, planned_n: float) -> Decision:
    """Judge a guardrail by all looks so far, the oldest first; each counts all subjects until then.

    Raises:
        ValueError: planned_n is not positive.
    """
    tuning = Tuning(planned_n, min(2 * guardrail.alpha, 0.5))
    highest, stopped_at = -math.inf, None
    harm = least = None
    counted = 0
    for index, pair in enumerate(looks):
        if isinstance(pair, NotIdentified) or min(pair.n_treatment, pair.n_control) < FEWEST:
            continue
        counted += 1
        harm, se = _harm(guardrail, pair)
        if se == 0:
            continue
        u = tuning.u(pair.n_treatment + pair.n_control)
        highest = max(highest, log_evidence_above(normal_score(harm / se, pair.df), u))
        least = harm - steps(boundary_above(u, guardrail.alpha), pair.df) * se
        if stopped_at is None and highest > -math.log(guardrail.alpha):
            stopped_at = index
    action = Action.STOP if stopped_at is not None else Action.CONTINUE if counted else Action.NO_DATA
    p = probability(-highest) if counted else None
    why = _why(guardrail, action, stopped_at, p)
    return Decision(guardrail.name, treatment, action, counted, p, harm, least, stopped_at, why)


def _harm(guardrail: Guardrail, pair: Pair) -> tuple[float, float]:
    """Return harm beyond the margin, in the metric's unit, and its standard error.

    A relative margin is one of the control's size, so that a negative metric gets no negative margin.
    """
    sign = 1.0 if guardrail.worse is Worse.ABOVE else -1.0
    slope, offset = 1.0, guardrail.margin
    if guardrail.relative:
        slope, offset = 1.0 + sign * math.copysign(guardrail.margin, pair.mean_control), 0.0
    harm = sign * (pair.mean_treatment - slope * pair.mean_control) - offset
    variance = pair.variance_treatment - 2 * slope * pair.covariance + slope * slope * pair.variance_control
    return harm, math.sqrt(max(variance, 0.0))


def _why(guardrail: Guardrail, action: Action, stopped_at: int | None, p: float | None) -> str:
    margin = f"{guardrail.margin:.3g}" + (" of the control" if guardrail.relative else "")
    match action:
        case Action.NO_DATA:
            return f"no look yet with {FEWEST} subjects in both arms and an estimate"
        case Action.STOP:
            return f"worse than the control by more than {margin}: stopped at look {(stopped_at or 0) + 1}, p {p:.2g}"
        case Action.CONTINUE:
            return f"harm beyond {margin} is not shown, p {p:.2g}; this does not show that there is none"
