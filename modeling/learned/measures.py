"""The measured numbers of a context, as both training (in SQL) and planning compute them. Pure.

All windows are whole days before the day of the decision (UTC): a day is in "the last n days" where
decided - n <= day < decided. What counts is what was known at the decision, to the microsecond.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

SHORT_DAYS: Final = 7
LONG_DAYS: Final = 28
SHRINK_SESSIONS: Final = 20
"""A coach's own share weighs as much as everybody's once they have looked at so many sessions."""


def load_ratio(loads: Iterable[tuple[date, float]], decided: date) -> float:
    """Return the mean daily load of the last 7 days over that of the last 28; 1 where there is none.

    Args:
        loads: day and load of every activity known at the decision; of any sport. Counted to a thousandth.
    """
    short = long = 0
    for day, load in loads:
        if decided - timedelta(LONG_DAYS) <= day < decided:
            milli = round(load * 1000)
            long += milli
            short += milli if day >= decided - timedelta(SHORT_DAYS) else 0
    return (short / SHORT_DAYS) / (long / LONG_DAYS) if long else 1.0


def adherence(statuses: Iterable[str]) -> float | None:
    """Return the share of due sessions that were done, a partly done one a half; None where none was due.

    Args:
        statuses: one a session that was due in the last 28 days by the version in force on its day (rest and race
            aside): "done", "partly", "skipped", or "" where nothing was said yet, which counts as not done.
    """
    worth = [{"done": 1.0, "partly": 0.5}.get(status, 0.0) for status in statuses]
    return sum(worth) / len(worth) if worth else None


def coach_share(changed: int, looked_at: int, changed_by_all: int, looked_at_by_all: int) -> float | None:
    """Return the share of proposed sessions that a coach changed, shrunk towards everybody's; None: nobody looked yet.

    The mean of a Beta distribution around everybody's share, worth 20 sessions. A session counts once a submission,
    whatever was changed in it; added ones do not count.
    """
    if not looked_at_by_all:
        return None
    everybody = changed_by_all / looked_at_by_all
    return (changed + SHRINK_SESSIONS * everybody) / (looked_at + SHRINK_SESSIONS)
