"""Made-up model versions for tests: what they suggest and promise is written down, not learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from modeling.core.priors import DEFAULT_PRIORS, Priors
from modeling.learned.algorithm import LearnedAlgorithm, Suggestion
from modeling.learned.context import SessionContext

NAME = "2026-01-01.1"
TRAVEL = "coaches shorten long runs by 12 % after travel weeks"


@dataclass
class Overrides:
    """Suggests what `rule` says; keeps what it was asked."""

    rule: Callable[[SessionContext], Suggestion | None]
    asked: list[SessionContext] = field(default_factory=list)

    def suggest(self, context: SessionContext) -> Suggestion | None:
        self.asked.append(context)
        return self.rule(context)


@dataclass
class Adherence:
    """Promises what `rule` says."""

    rule: Callable[[SessionContext], float]

    def probability(self, context: SessionContext) -> float:
        return self.rule(context)


@dataclass
class Priorities:
    """Gives everybody these priors."""

    priors: Priors

    def priors_for(self, *, sport: str, level: str, age_group: str) -> Priors:
        return self.priors


OTHER_PRIORS = replace(DEFAULT_PRIORS, name="learned", tau2_days=7.0, mean=(0.88, 0.25, 0.08, 0.0))


def version(
    overrides: Callable[[SessionContext], Suggestion | None] | None = None,
    adherence: Callable[[SessionContext], float] | None = None,
    priors: Priors | None = None,
) -> LearnedAlgorithm:
    """Return a version of these parts."""
    return LearnedAlgorithm(
        NAME,
        priors=Priorities(priors) if priors else None,
        overrides=Overrides(overrides) if overrides else None,
        adherence=Adherence(adherence) if adherence else None,
    )


def shorter_long(context: SessionContext, factor: float = 0.88) -> Suggestion | None:
    """Shorten every long session."""
    if context.kind != "long":
        return None
    return Suggestion("volume", 0.7, TRAVEL, volume_factor=factor, coaches=9, athletes=20, cases=34)
