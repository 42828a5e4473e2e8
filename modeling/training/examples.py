"""Single overrides of a cluster, for whoever wants to see what stands behind it. Pure.

People are tokens, cut to what tells them apart; nothing that somebody wrote is in the feature store.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from modeling.training.exposed import Exposures

if TYPE_CHECKING:
    import duckdb

MOST: Final = 30
_SHORT: Final = 6
_SQL: Final = """
WITH wanted AS (SELECT unnest($reviews) AS review, unnest($sessions) AS session, generate_subscripts($reviews, 1) AS n),
done AS (
    SELECT plan, session, arg_max(status, available_at) AS status FROM completions
    WHERE session IN (SELECT session FROM wanted) GROUP BY ALL
)
SELECT w.n, any_value(r.coach), any_value(r.athlete), any_value(s.day), any_value(s.kind), any_value(s.minutes),
    string_agg(DISTINCT o.adjustment, ', ' ORDER BY o.adjustment), max(o.volume_factor),
    max(o.to_kind) FILTER (o.adjustment = 'swap'),
    max(o.day_shift) FILTER (o.adjustment = 'move'), max(coalesce(o.reason, '')), any_value(d.status),
    bool_or(o.adjustment = 'rest')
FROM wanted w JOIN reviews r ON r.review = w.review
JOIN sessions s ON s.plan = r.plan AND s.version_number = r.baseline_number AND s.role = 'proposed'
    AND s.session = w.session
JOIN overrides o ON o.review = w.review AND o.session = w.session AND o.adjustment <> 'add'
LEFT JOIN done d ON d.plan = r.plan AND d.session = w.session
GROUP BY w.n ORDER BY w.n
"""


@dataclass(frozen=True, slots=True)
class Example:
    """One override. coach, athlete: shortened tokens. before, after: planned minutes. became: done, partly or skipped,
    empty where nobody said."""

    coach: str
    athlete: str
    day: date
    kind: str
    what: str
    before: float
    after: float
    to_kind: str
    shift: int
    reason: str
    became: str


def examples(
    connection: duckdb.DuckDBPyConnection, of: Exposures, hit: NDArray[np.bool_], *, most: int = MOST
) -> list[Example]:
    """Return the newest overrides among the sessions that `hit` marks, the newest first."""
    rows = np.flatnonzero(hit)
    rows = rows[np.argsort(-of.reviews.day[of.sessions.review[rows]], kind="stable")][:most]
    if not len(rows):
        return []
    reviews = [str(one) for one in of.reviews.ids[of.sessions.review[rows]]]
    sessions = [str(one) for one in of.sessions.ids[rows]]
    found = connection.execute(_SQL, {"reviews": reviews, "sessions": sessions}).fetchall()
    return [
        Example(
            coach=short(coach),
            athlete=short(athlete),
            day=day,
            kind=kind,
            what=what,
            before=minutes,
            after=0.0 if is_rest else minutes * (factor or 1.0),
            to_kind=to_kind or "",
            shift=shift or 0,
            reason=reason,
            became=became or "",
        )
        for _, coach, athlete, day, kind, minutes, what, factor, to_kind, shift, reason, became, is_rest in found
    ]


def short(token: str) -> str:
    """Return the beginning of a token, without its key's version."""
    return token.partition(":")[2][:_SHORT] or token[:_SHORT]
