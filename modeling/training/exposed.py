"""Which proposed sessions a coach looked at, in which context, and what became of each: the base of clusters. Pure.

A plan's first submission counts, once for each proposal: later ones answer what the athlete asked for. Sessions that
were due by then are left out, since nobody could change them any more. The context is what was known when the machine
proposed (`modeling.learned.context`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.learned.context import KINDS, LEVELS, PHASES, REASONS, SEASONS, SPORTS

if TYPE_CHECKING:
    import duckdb

CHANGES: Final = ("shortened", "lengthened", "swapped", "moved", "rest", "intensity")
"""What a coach may do to a proposed session; an added one was not proposed, so that it has no share."""

NEAR_DAYS: Final = 14
"""Sessions of the next two weeks are changed more often than later ones: they are compared among themselves."""

_LISTS: Final = {
    "kinds": KINDS,
    "phases": PHASES,
    "reasons": REASONS,
    "sports": SPORTS,
    "levels": LEVELS,
}

_REVIEWS: Final = """
CREATE OR REPLACE TEMP TABLE looked_at AS
WITH first AS (
    SELECT * FROM reviews WHERE decision = 'submit' AND coalesce(coach, '') <> ''
    QUALIFY row_number() OVER (PARTITION BY plan, baseline_number ORDER BY available_at, review) = 1
),
proposed AS (
    SELECT first.*, plans.available_at AS proposed_at
    FROM first JOIN plans ON plans.plan = first.plan AND plans.version_number = first.baseline_number
),
known AS (
    SELECT proposed.*, athletes.sport, athletes.level, athletes.is_synthetic
    FROM proposed ASOF LEFT JOIN athletes
        ON athletes.athlete = proposed.athlete AND athletes.available_at <= proposed.proposed_at
)
SELECT known.* EXCLUDE (event_at),
    row_number() OVER (ORDER BY known.available_at, known.review) - 1 AS review_no,
    dense_rank() OVER (ORDER BY known.coach) - 1 AS coach_no,
    dense_rank() OVER (ORDER BY known.athlete) - 1 AS athlete_no,
    CASE WHEN outcomes.due > 0 THEN outcomes.done / outcomes.due END AS adherence,
    outcomes.improvement_percent AS improvement
FROM known ASOF LEFT JOIN outcomes
    ON outcomes.plan = known.plan AND outcomes.version_number >= known.version_number
"""
_OF_REVIEWS: Final = """
SELECT review, coach, athlete, coach_no, athlete_no,
    coalesce(list_position($sports, sport), 0) - 1 AS sport_no,
    coalesce(list_position($levels, level), 0) - 1 AS level_no,
    coalesce(is_synthetic, false) AS is_synthetic,
    epoch(available_at) / 86400.0 AS decided_day, adherence, improvement
FROM looked_at ORDER BY review_no
"""
_SESSIONS: Final = """
CREATE OR REPLACE TEMP TABLE exposed AS
SELECT l.review, l.review_no, l.athlete, s.session, s.day, s.phase, s.kind, s.minutes,
    date_trunc('week', s.day)::DATE AS week, l.proposed_at,
    s.day - CAST(l.available_at AS DATE) > $near AS is_far
FROM looked_at l JOIN sessions s ON s.plan = l.plan AND s.version_number = l.baseline_number
WHERE s.role = 'proposed' AND list_contains($kinds, s.kind) AND s.day > CAST(l.available_at AS DATE)
"""
_OF_SESSIONS: Final = """
WITH reasons_before AS (
    SELECT w.review_no, w.week, bit_or(1 << (list_position($reasons, o.reason) - 1)) AS mask
    FROM (SELECT DISTINCT review_no, athlete, week, proposed_at FROM exposed) w
    JOIN overrides o ON o.athlete = w.athlete AND date_trunc('week', o.day)::DATE = w.week - 7
    WHERE o.available_at <= w.proposed_at AND list_contains($reasons, o.reason) GROUP BY ALL
),
changed AS (
    SELECT review, session,
        bit_or(CASE adjustment
            WHEN 'volume' THEN CASE WHEN volume_factor < 1 THEN 1 WHEN volume_factor > 1 THEN 2 ELSE 0 END
            WHEN 'swap' THEN 4 WHEN 'move' THEN 8 WHEN 'rest' THEN 16 WHEN 'intensity' THEN 32 ELSE 0 END) AS mask,
        max(volume_factor) FILTER (adjustment = 'volume') AS factor,
        max(to_kind) FILTER (adjustment = 'swap') AS to_kind,
        max(day_shift) FILTER (adjustment = 'move') AS shift,
        max(reason) AS reason
    FROM overrides WHERE adjustment <> 'add' GROUP BY ALL
)
SELECT e.session, e.review_no, list_position($kinds, e.kind) - 1 AS kind_no,
    coalesce(list_position($phases, e.phase), 0) - 1 AS phase_no,
    isodow(e.day) - 1 AS weekday, (month(e.day) % 12) // 3 AS season_no, e.is_far,
    coalesce(b.mask, 0) AS after, coalesce(c.mask, 0) AS changes,
    c.factor, coalesce(list_position($kinds, c.to_kind), 0) - 1 AS to_kind_no, coalesce(c.shift, 0) AS shift,
    coalesce(list_position($reasons, c.reason), 0) - 1 AS reason_no
FROM exposed e
LEFT JOIN reasons_before b ON b.review_no = e.review_no AND b.week = e.week
LEFT JOIN changed c ON c.review = e.review AND c.session = e.session
ORDER BY e.review_no, e.session
"""

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Reviews:
    """Submissions, the oldest first; one entry a submission in every column.

    coach, athlete: numbers into `coaches` and `athletes` of `Exposures`. sport, level: numbers into the context's
    lists, -1 where unknown. day: of the decision, in days since 1970 (UTC). adherence: done of due sessions of the
    version that came of it, NaN where nothing is known. improvement: per cent, NaN likewise.
    """

    ids: NDArray[np.object_]
    coach: Whole
    athlete: Whole
    sport: Whole
    level: Whole
    day: NDArray[np.float64]
    adherence: NDArray[np.float64]
    improvement: NDArray[np.float64]


@dataclass(frozen=True)
class Sessions:
    """Proposed sessions that were looked at; numbers stand for the context's lists, -1 for none.

    ids: the sessions'. review: a position in `Reviews`. after, changes: bits by `REASONS` and `CHANGES`. factor:
    minutes after over before, NaN where the volume stayed. shift: days later.
    """

    ids: NDArray[np.object_]
    review: Whole
    kind: Whole
    phase: Whole
    weekday: Whole
    season: Whole
    is_far: NDArray[np.bool_]
    after: Whole
    changes: Whole
    factor: NDArray[np.float64]
    to_kind: Whole
    shift: Whole
    reason: Whole


@dataclass(frozen=True)
class Exposures:
    """What coaches looked at. coaches, athletes: tokens. is_synthetic: somebody in it was made by a simulator."""

    reviews: Reviews
    sessions: Sessions
    coaches: tuple[str, ...]
    athletes: tuple[str, ...]
    is_synthetic: bool = False

    def of(self, wanted: NDArray[np.bool_]) -> Exposures:
        """Return the sessions that are wanted; reviews keep their positions."""
        kept = {one.name: getattr(self.sessions, one.name)[wanted] for one in fields(Sessions)}
        return replace(self, sessions=Sessions(**kept))

    def did(self, change: str) -> NDArray[np.bool_]:
        """Return of which sessions a coach made this change."""
        found: NDArray[np.bool_] = (self.sessions.changes >> CHANGES.index(change)) & 1 == 1
        return found


def exposures(connection: duckdb.DuckDBPyConnection) -> Exposures:
    """Read the feature store's views, which count in UTC; empty where nobody submitted anything."""
    lists: dict[str, Any] = {name: list(values) for name, values in _LISTS.items()}
    connection.execute(_REVIEWS)
    connection.execute(_SESSIONS, {"kinds": lists["kinds"], "near": NEAR_DAYS})
    of_reviews = _columns(connection, _OF_REVIEWS, {name: lists[name] for name in ("sports", "levels")})
    of_sessions = _columns(connection, _OF_SESSIONS, {name: lists[name] for name in ("kinds", "phases", "reasons")})
    reviews = Reviews(
        ids=of_reviews["review"],
        coach=_whole(of_reviews["coach_no"]),
        athlete=_whole(of_reviews["athlete_no"]),
        sport=_whole(of_reviews["sport_no"]),
        level=_whole(of_reviews["level_no"]),
        day=_number(of_reviews["decided_day"]),
        adherence=_number(of_reviews["adherence"]),
        improvement=_number(of_reviews["improvement"]),
    )
    sessions = Sessions(
        **{
            name: _whole(of_sessions[column])
            for name, column in (
                ("review", "review_no"),
                ("kind", "kind_no"),
                ("phase", "phase_no"),
                ("weekday", "weekday"),
                ("season", "season_no"),
                ("after", "after"),
                ("changes", "changes"),
                ("to_kind", "to_kind_no"),
                ("shift", "shift"),
                ("reason", "reason_no"),
            )
        },
        ids=of_sessions["session"],
        is_far=_whole(of_sessions["is_far"]) == 1,
        factor=_number(of_sessions["factor"]),
    )
    tokens = [_names(of_reviews[name], of_reviews[f"{name}_no"]) for name in ("coach", "athlete")]
    return Exposures(reviews, sessions, tokens[0], tokens[1], bool(np.any(_whole(of_reviews["is_synthetic"]))))


def _columns(connection: duckdb.DuckDBPyConnection, sql: str, bound: dict[str, Any]) -> dict[str, NDArray[Any]]:
    return connection.execute(sql, bound).fetchnumpy()


def _whole(values: NDArray[Any]) -> Whole:
    return np.asarray(values).astype(np.int64)


def _number(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return numbers, NaN where there is none (DuckDB masks them)."""
    return np.ma.filled(np.ma.asarray(values).astype(np.float64), np.nan)


def _names(tokens: NDArray[Any], numbers: NDArray[Any]) -> tuple[str, ...]:
    found = dict(zip(_whole(numbers).tolist(), tokens.tolist(), strict=True))
    return tuple(found[number] for number in range(len(found)))


def whens() -> Sequence[tuple[str, str]]:
    """Return the contexts that clusters and patterns are made of: which field, and which value of it."""
    return (
        *(("after", name) for name in REASONS),
        *(("phase", name) for name in PHASES),
        *(("weekday", str(number)) for number in range(7)),
        *(("season", name) for name in SEASONS),
        *(("group", f"{sport} {level}") for sport in SPORTS for level in LEVELS),
    )


def holds(of: Exposures, field: str, value: str) -> NDArray[np.bool_]:
    """Return which sessions are in a context.

    Raises:
        ValueError: there is no such field, or no such value.
    """
    sessions = of.sessions
    found: NDArray[np.bool_]
    match field:
        case "after":
            found = (sessions.after >> REASONS.index(value)) & 1 == 1
        case "phase":
            found = sessions.phase == PHASES.index(value)
        case "weekday":
            found = sessions.weekday == int(value)
        case "season":
            found = sessions.season == SEASONS.index(value)
        case "group":
            sport, level = value.split(" ")
            of_review = (of.reviews.sport == SPORTS.index(sport)) & (of.reviews.level == LEVELS.index(level))
            found = of_review[sessions.review]
        case _:
            raise ValueError(f"there is no context {field}")
    return found
