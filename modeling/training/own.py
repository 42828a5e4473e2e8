"""What one coach changed, beside all coaches, and how it went: the figures of the coach's own report. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from modeling.learned.algorithm import OverrideModel
from modeling.learned.context import LEVELS, REASONS, SPORTS, TIERS, SessionContext, age_group, season
from modeling.training.clusters import Cluster, Effect, clusters, within
from modeling.training.exposed import CHANGES, Exposures

if TYPE_CHECKING:
    import duckdb

LEAST_COACHES: Final = 5
"""All coaches' median is told from so many other coaches on: of fewer, it would tell of somebody."""
MOST_CASES: Final = 500
_ADJUSTMENTS: Final = {
    "shortened": "volume",
    "lengthened": "volume",
    "swapped": "swap",
    "moved": "move",
    "rest": "rest",
}
_SQL: Final = """
WITH wanted AS (SELECT unnest($reviews) AS review, unnest($sessions) AS session, generate_subscripts($reviews, 1) AS n),
known AS (
    SELECT w.n, r.athlete, p.available_at AS proposed_at, s.*
    FROM wanted w JOIN reviews r ON r.review = w.review
    JOIN plans p ON p.plan = r.plan AND p.version_number = r.baseline_number
    JOIN sessions s ON s.plan = r.plan AND s.version_number = r.baseline_number AND s.role = 'proposed'
        AND s.session = w.session
)
SELECT k.n, k.day, k.kind, coalesce(k.phase, ''), k.minutes, k.load, k.key_session, k.is_recovery, k.week_number,
    k.weeks_to_race, coalesce(a.sport, ''), coalesce(a.level, ''), coalesce(a.tier, ''), a.birth_year
FROM known k ASOF LEFT JOIN athletes a ON a.athlete = k.athlete AND a.available_at <= k.proposed_at
ORDER BY k.n
"""


@dataclass(frozen=True, slots=True)
class Own:
    """A coach's figures. looked_at, overridden: sessions. median: share of the usual other coach, None of too few.

    clusters: the most frequent changes, of all the coach's athletes. adherence, performance: plans with a change
    against those kept whole, within athletes. contexts: the newest overridden sessions, with what was done to each.
    """

    submissions: int
    looked_at: int
    overridden: int
    athletes: int
    median: float | None
    clusters: tuple[Cluster, ...]
    adherence: Effect
    performance: Effect

    @property
    def share(self) -> float | None:
        return self.overridden / self.looked_at if self.looked_at else None


@dataclass(frozen=True, slots=True)
class Learned:
    """A rule of the model that some of a coach's cases support: in words, with all that it rests on."""

    reason: str
    own_cases: int
    cases: int
    coaches: int


def own(of: Exposures, tokens: frozenset[str]) -> Own:
    """Return a coach's figures; tokens: the coach's under every key."""
    is_mine = np.array([token in tokens for token in of.coaches], dtype=bool)
    rows = is_mine[of.reviews.coach[of.sessions.review]]
    mine, reviews = of.of(rows), is_mine[of.reviews.coach]
    changed = mine.sessions.changes != 0
    size = len(of.reviews.coach)
    touched = np.bincount(mine.sessions.review[changed], minlength=size) > 0
    seen = np.bincount(mine.sessions.review, minlength=size) > 0
    effects = []
    for outcome in (of.reviews.adherence, of.reviews.improvement):
        known = reviews & seen & ~np.isnan(outcome)
        effects.append(within(of.reviews.athlete, outcome, known & touched, known & ~touched, len(of.athletes)))
    found, _ = clusters(mine, least_people=1, effects=False)
    return Own(
        submissions=int((reviews & seen).sum()),
        looked_at=len(changed),
        overridden=int(changed.sum()),
        athletes=len(np.unique(of.reviews.athlete[reviews & seen])),
        median=_median(of, ~is_mine),
        clusters=found,
        adherence=effects[0],
        performance=effects[1],
    )


def _median(of: Exposures, others: NDArray[np.bool_]) -> float | None:
    coach = of.reviews.coach[of.sessions.review]
    n = np.bincount(coach, minlength=len(of.coaches))
    x = np.bincount(coach[of.sessions.changes != 0], minlength=len(of.coaches))
    counted = others & (n > 0)
    return float(np.median(x[counted] / n[counted])) if counted.sum() >= LEAST_COACHES else None


def learned(
    connection: duckdb.DuckDBPyConnection, of: Exposures, tokens: frozenset[str], model: OverrideModel
) -> list[Learned]:
    """Return what a model suggests in the contexts of a coach's newest overrides, where it is what the coach did.

    What is not known in hindsight (load ratio, adherence and the coach's share at that time) is left as unknown.
    """
    is_mine = np.array([token in tokens for token in of.coaches], dtype=bool)
    rows = np.flatnonzero(is_mine[of.reviews.coach[of.sessions.review]] & (of.sessions.changes != 0))
    rows = rows[np.argsort(-of.reviews.day[of.sessions.review[rows]], kind="stable")][:MOST_CASES]
    found: dict[str, Learned] = {}
    for context, did in zip(contexts(connection, of, rows), _did(of, rows), strict=True):
        suggestion = model.suggest(context)
        if suggestion is None or suggestion.adjustment not in did:
            continue
        before = found.get(suggestion.reason)
        cases = 1 + (before.own_cases if before else 0)
        found[suggestion.reason] = Learned(suggestion.reason, cases, suggestion.cases, suggestion.coaches)
    return sorted(found.values(), key=lambda one: (-one.own_cases, one.reason))


def contexts(connection: duckdb.DuckDBPyConnection, of: Exposures, rows: NDArray[np.int64]) -> list[SessionContext]:
    """Return sessions as a model sees them, in the order of their positions in `of.sessions`."""
    if not len(rows):
        return []
    bound = {
        "reviews": [str(one) for one in of.reviews.ids[of.sessions.review[rows]]],
        "sessions": [str(one) for one in of.sessions.ids[rows]],
    }
    return [
        _context(row, int(after))
        for row, after in zip(connection.execute(_SQL, bound).fetchall(), of.sessions.after[rows], strict=True)
    ]


def _context(row: tuple[object, ...], after: int) -> SessionContext:
    _, day, kind, phase, minutes, load, is_key, is_recovery, week, to_race, sport, level, tier, born = row
    assert isinstance(day, date)
    return SessionContext(
        sport=str(sport) or SPORTS[0],
        level=str(level) or LEVELS[0],
        tier=str(tier) or TIERS[0],
        age_group=age_group(int(str(born)) if born is not None else None, day),
        season=season(day),
        kind=str(kind),
        phase=str(phase),
        weekday=day.weekday(),
        minutes=float(str(minutes)),
        load=float(str(load)),
        key_session=bool(is_key),
        is_recovery=bool(is_recovery),
        week_number=int(str(week)),
        weeks_to_race=int(str(to_race)),
        reasons_before=frozenset(name for number, name in enumerate(REASONS) if after >> number & 1),
    )


def _did(of: Exposures, rows: NDArray[np.int64]) -> list[frozenset[str]]:
    """Return the adjustments made to sessions, as suggestions name them."""
    return [
        frozenset(_ADJUSTMENTS[name] for bit, name in enumerate(CHANGES) if bits >> bit & 1 and name in _ADJUSTMENTS)
        for bits in of.sessions.changes[rows].tolist()
    ]
