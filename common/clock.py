"""The only source of the present moment: real in production, virtual in tests, simulations and `--as-of` runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime

_frozen_at: ContextVar[datetime | None] = ContextVar("clock_frozen_at", default=None)


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return _frozen_at.get() or datetime.now(UTC)


def timestamp() -> float:
    """Return the present moment in seconds since 1970, without making a datetime: for what is asked all the time."""
    at = _frozen_at.get()
    return time.time() if at is None else at.timestamp()


def stands_still() -> bool:
    """Return whether somebody set the clock (a test, a simulation, `--as-of`)."""
    return _frozen_at.get() is not None


def today() -> date:
    """Return the present day in UTC."""
    return now().date()


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Let time stand still at `at` inside the block; blocks nest.

    Raises:
        ValueError: `at` has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError("the clock wants an aware datetime")
    token = _frozen_at.set(at.astimezone(UTC))
    try:
        yield
    finally:
        _frozen_at.reset(token)
