"""A model version's document: published or learned priors, what coaches would adjust, what athletes will complete.

    {"format": 1, "features": "1", "trained_as_of": "…Z", "parent": "1",
     "priors": {…} | null, "overrides": {…} | null, "adherence": {…} | null, "heuristics": […]}

A part that is null was not learned (too little evidence), and plans go on without it. A document that cannot be read is
refused whole: half a model is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from modeling.core.priors import DEFAULT_PRIORS, Priors
from modeling.learned.context import FEATURES_VERSION, SessionContext

if TYPE_CHECKING:
    from modeling.learned.heuristics import Heuristic

FORMAT: Final = 1
SHIPPED: Final = "1"
"""The version that ships: published priors, nothing learned. What plans fall back to."""


class DamagedDocument(ValueError):
    """A model document that cannot be read; says where."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What coaches would probably do to a session, and how sure that is.

    probability: calibrated, that a coach makes this adjustment. volume_factor: minutes after over before, for
    "volume". to_kind: for "swap". day_shift: for "move". reason: in words, for the coach. coaches, athletes, cases:
    what it rests on.
    """

    adjustment: str
    probability: float
    reason: str
    volume_factor: float | None = None
    to_kind: str | None = None
    day_shift: int | None = None
    coaches: int = 0
    athletes: int = 0
    cases: int = 0


class PriorTable(Protocol):
    """Priors by group."""

    def priors_for(self, *, sport: str, level: str, age_group: str) -> Priors:
        """Return the group's priors; those of a wider group, or the published ones, where it has too few athletes."""
        ...


class OverrideModel(Protocol):
    """What coaches adjust."""

    def suggest(self, context: SessionContext) -> Suggestion | None:
        """Return the adjustment worth making beforehand, None where coaches would probably keep the session."""
        ...


class AdherenceModel(Protocol):
    """What athletes complete."""

    def probability(self, context: SessionContext) -> float:
        """Return the probability that the session is completed, a partly done one counting a half."""
        ...


@dataclass(frozen=True)
class LearnedAlgorithm:
    """A model version as plans use it; parts that are None were not learned.

    heuristics: those that its features know. applied: names of the heuristics that an experiment's arm adds to it.
    """

    name: str
    priors: PriorTable | None = None
    overrides: OverrideModel | None = None
    adherence: AdherenceModel | None = None
    heuristics: tuple[Heuristic, ...] = ()
    applied: tuple[str, ...] = ()

    def priors_for(self, *, sport: str, level: str, age_group: str) -> Priors:
        """Return the priors of an athlete's group; the published ones where none were learned."""
        if self.priors is None:
            return DEFAULT_PRIORS
        return self.priors.priors_for(sport=sport, level=level, age_group=age_group)


SHIPPED_ALGORITHM: Final = LearnedAlgorithm(SHIPPED)


def read_algorithm(name: str, document: Mapping[str, Any]) -> LearnedAlgorithm:
    """Return a version of its document.

    Raises:
        DamagedDocument: another format or other features than ours, a part that is missing, or one that is broken.
    """
    for member, expected in (("format", FORMAT), ("features", FEATURES_VERSION)):
        if document.get(member) != expected:
            raise DamagedDocument(f"{member} is {document.get(member)!r}, this code reads {expected!r}")
    missing = {"priors", "overrides", "adherence"} - document.keys()
    if missing:
        raise DamagedDocument(f"there is no {', '.join(sorted(missing))}")
    # Those modules need the names above.
    from modeling.learned.adherence import read_adherence
    from modeling.learned.heuristics import read_heuristics
    from modeling.learned.overrides import read_overrides
    from modeling.learned.priors import read_priors

    priors, overrides, adherence = document["priors"], document["overrides"], document["adherence"]
    return LearnedAlgorithm(
        name,
        priors=None if priors is None else read_priors(priors, version=name),
        overrides=None if overrides is None else read_overrides(overrides),
        adherence=None if adherence is None else read_adherence(adherence),
        heuristics=read_heuristics(document.get("heuristics", ())),
    )
