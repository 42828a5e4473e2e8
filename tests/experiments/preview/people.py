"""Rosters and pasts of the preview's tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np

from experiments.preview import Candidate
from experiments.streams import Measured
from tests.experiments.making import LEVELS, SPORTS, athlete_id

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def candidate(number: int, *, consented: bool | None = True, coaches: int = 8, **more: object) -> Candidate:
    attributes = {"sport": SPORTS[number % 4], "level": LEVELS[number // 4 % 3], "tier": "elite"}
    return Candidate(athlete_id(number), attributes, consented, f"coach {number % coaches}", **more)  # type: ignore[arg-type]


def roster(size: int, **more: object) -> list[Candidate]:
    return [candidate(number, **more) for number in range(size)]  # type: ignore[arg-type]


def fact(subject: str, days_ago: float, y: float, *, d: float = 1.0, key: str = "", metric: str = "m") -> Measured:
    at = NOW - days_ago * DAY
    return Measured(key or f"{subject} {days_ago}", subject, metric, y, d, at, at)


def sums(people: Iterable[Candidate], *, sd: float, coach_sd: float = 0.0, kept: float = 0.0) -> list[Measured]:
    """A fact in each of the last two months for each: mean 10, `kept` of what makes a person differ stays."""
    random = np.random.default_rng(7)
    coach = {one.cluster: random.normal(0, coach_sd) for one in people}
    found = []
    for one in people:
        own = random.normal(0, sd)
        for days_ago in (10, 40):
            value = 10 + coach[one.cluster] + kept * own + (1 - kept**2) ** 0.5 * random.normal(0, sd)
            found.append(fact(one.id, days_ago, value))
    return found
