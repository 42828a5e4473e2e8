"""How often is a pattern proposed where there is none? Cohorts of made-up coaches, looked at every night. Pure.

Coaches differ in how often they change a kind of session and in what they do to it; a submission has a mood of its own,
which its sessions share, so that they are far from independent; contexts make no difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from modeling.learned.context import KINDS, LEVELS, REASONS, SPORTS
from modeling.training.exposed import CHANGES, Exposures, Reviews, Sessions, holds
from modeling.training.patterns import Pattern, highest_of_family, threshold

NIGHTS: Final = 365
WEEKS: Final = 12
A_WEEK: Final = 4
RATES: Final = (0.06, 0.02, 0.04, 0.05, 0.03, 0.02)
"""How often each of `CHANGES` is made, by the usual coach."""


@dataclass(frozen=True, slots=True)
class Falsely:
    """cohorts in which a pattern was proposed at any night, of how many, with the Clopper-Pearson 95 % interval."""

    cohorts: int
    proposed: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        return self.proposed / self.cohorts


@dataclass(frozen=True, slots=True)
class Planted:
    """A pattern that a share of coaches follows, with which chance a session."""

    pattern: Pattern
    share: float
    chance: float


def false_proposals(seeds: Iterable[int], *, coaches: int = 20, submissions: int = 30) -> Falsely:
    """Return how many null cohorts, one a seed, proposed anything at any of a year's nights.

    coaches, submissions: of each cohort; submissions of each coach.

    Raises:
        ValueError: no seed was given.
    """
    needed, nights = threshold(), np.arange(NIGHTS) + 1.0
    found = [
        highest_of_family(cohort(seed, coaches=coaches, submissions=submissions), nights.tolist()) >= needed
        for seed in seeds
    ]
    if not found:
        raise ValueError("without a cohort there is no rate")
    n, x = len(found), sum(found)
    low = float(special.betaincinv(x, n - x + 1, 0.025)) if x else 0.0
    high = float(special.betaincinv(x + 1, n - x, 0.975)) if x < n else 1.0
    return Falsely(n, x, low, high)


def cohort(
    seed: int, *, coaches: int = 20, submissions: int = 30, athletes: int = 8, planted: Planted | None = None
) -> Exposures:
    """Return what made-up coaches looked at in a year; the same for the same seed.

    athletes: of each coach. planted: None for a null cohort.
    """
    draw = np.random.default_rng(seed)
    n = coaches * submissions
    coach = draw.permutation(np.repeat(np.arange(coaches), submissions))
    athlete = coach * athletes + draw.integers(athletes, size=n)
    group = draw.integers(len(SPORTS) * len(LEVELS), size=coaches * athletes)[athlete]
    reviews = Reviews(
        ids=np.array([f"review {number}" for number in range(n)], dtype=object),
        coach=coach,
        athlete=athlete,
        sport=group // len(LEVELS),
        level=group % len(LEVELS),
        day=np.sort(draw.uniform(0, NIGHTS, size=n)),
        adherence=draw.uniform(0.5, 1.0, size=n),
        improvement=draw.normal(1.0, 2.0, size=n),
    )
    sessions = _sessions(draw, reviews)
    changes = _changes(draw, reviews, sessions, coaches)
    names = tuple(f"v1:coach{number:05}" for number in range(coaches))
    people = tuple(f"v1:athlete{number:06}" for number in range(coaches * athletes))
    found = Exposures(reviews, _with(sessions, changes), names, people, is_synthetic=True)
    return found if planted is None else _planted(draw, found, planted, coaches)


def _sessions(draw: np.random.Generator, reviews: Reviews) -> Sessions:
    """Return the sessions that each submission holds, with contexts and no change."""
    per = WEEKS * A_WEEK
    n = len(reviews.coach) * per
    review = np.repeat(np.arange(len(reviews.coach)), per)
    week = np.tile(np.repeat(np.arange(WEEKS), A_WEEK), len(reviews.coach))
    reason = draw.integers(len(REASONS), size=len(reviews.coach))
    has_reason = draw.random(len(reviews.coach)) < 0.3
    after = np.where(has_reason[review] & (week == 0), 1 << reason[review], 0)
    return Sessions(
        ids=np.arange(n).astype(object),
        review=review,
        kind=draw.integers(len(KINDS), size=n),
        phase=np.minimum(week // 4, 3),
        weekday=draw.integers(7, size=n),
        season=((reviews.day[review] + 7 * week) // 91).astype(np.int64) % 4,
        is_far=week >= 2,
        after=after,
        changes=np.zeros(n, dtype=np.int64),
        factor=np.full(n, np.nan),
        to_kind=np.full(n, -1),
        shift=np.zeros(n, dtype=np.int64),
        reason=np.full(n, -1),
    )


def _changes(draw: np.random.Generator, reviews: Reviews, sessions: Sessions, coaches: int) -> NDArray[np.int64]:
    """Return bits of changes: by the coach's habit with the kind, and the submission's mood."""
    found = np.zeros(len(sessions.review), dtype=np.int64)
    for number, rate in enumerate(RATES):
        habit = draw.normal(0.0, 0.7, size=(coaches, len(KINDS)))
        mood = draw.normal(0.0, 0.8, size=len(reviews.coach))
        coach = reviews.coach[sessions.review]
        logit = math.log(rate / (1 - rate)) + habit[coach, sessions.kind] + mood[sessions.review]
        found |= (draw.random(len(found)) < special.expit(logit)).astype(np.int64) << number
    return found


def _with(sessions: Sessions, changes: NDArray[np.int64]) -> Sessions:
    shortened = changes & 1 == 1
    values = {name: getattr(sessions, name) for name in Sessions.__dataclass_fields__}
    shift = np.where((changes >> CHANGES.index("moved")) & 1 == 1, 1, 0)
    to_kind = np.where((changes >> CHANGES.index("swapped")) & 1 == 1, 0, -1)
    factor = np.where(shortened, 0.85, np.where(changes & 2 == 2, 1.15, np.nan))
    return Sessions(**{**values, "changes": changes, "factor": factor, "shift": shift, "to_kind": to_kind})


def _planted(draw: np.random.Generator, of: Exposures, planted: Planted, coaches: int) -> Exposures:
    pattern = planted.pattern
    doers = draw.permutation(coaches) < round(planted.share * coaches)
    cell = holds(of, pattern.field, pattern.value) & (of.sessions.kind == KINDS.index(pattern.kind))
    hit = cell & doers[of.reviews.coach[of.sessions.review]] & (draw.random(len(cell)) < planted.chance)
    changes = of.sessions.changes | np.where(hit, 1 << CHANGES.index(pattern.change), 0)
    return replace(of, sessions=_with(of.sessions, changes))
