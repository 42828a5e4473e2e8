"""Months and the UUIDv7 keys that bound them. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

ROOM: Final = timedelta(days=7)
"""What must be left of a month for a table to be turned within it: the work takes time, and may be done again."""


def month_of(day: date) -> date:
    """Return the first day of a day's month; of a moment, the day is UTC's."""
    if isinstance(day, datetime):
        day = day.astimezone(UTC).date()
    return day.replace(day=1)


def later(month: date, months: int) -> date:
    """Return the first day of the month that is so many months later (negative: earlier)."""
    years, index = divmod(month.month - 1 + months, 12)
    return date(month.year + years, index + 1, 1)


def bound(month: date) -> UUID:
    """Return the least UUIDv7 key of a month, as partitions are bounded: Unix milliseconds, then nothing."""
    start = datetime(month.year, month.month, month.day, tzinfo=UTC)
    return UUID(int=int(start.timestamp()) * 1000 << 80)


def moment_of(key: UUID) -> datetime:
    """Return when a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((key.int >> 80) / 1000, UTC)


def boundary(now: datetime) -> date:
    """Return the month from which on a table that is turned now has a partition a month; all before is one."""
    coming = later(month_of(now), 1)
    return coming if moment_of(bound(coming)) - now >= ROOM else later(coming, 1)
