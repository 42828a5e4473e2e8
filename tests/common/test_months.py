"""Months and the keys that bound them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest

from common.ids import uuid7
from common.partitioning.months import bound, boundary, later, moment_of, month_of

pytestmark = pytest.mark.pure


def test_a_key_lies_within_the_month_that_it_was_made_in():
    before = datetime.now(UTC)
    key = uuid7()
    assert abs(moment_of(key) - before) < timedelta(seconds=5)
    month = month_of(moment_of(key))
    assert bound(month) <= key < bound(later(month, 1))


def test_the_bound_is_the_first_millisecond_and_nothing_else():
    # 2026-12-01T00:00:00Z is 1 796 083 200 s after the epoch: 0x01A2EA268400 ms.
    assert bound(date(2026, 12, 1)) == UUID(int=1_796_083_200_000 << 80)
    assert moment_of(bound(date(2026, 12, 1))) == datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("month", "months", "expected"),
    [
        (date(2026, 11, 1), 1, date(2026, 12, 1)),
        (date(2026, 11, 1), 2, date(2027, 1, 1)),
        (date(2026, 1, 1), -1, date(2025, 12, 1)),
        (date(2026, 1, 1), -13, date(2024, 12, 1)),
        (date(2026, 3, 1), 0, date(2026, 3, 1)),
    ],
)
def test_months_are_counted_over_years(month: date, months: int, expected: date):
    assert later(month, months) == expected


def test_the_month_of_a_moment_is_that_of_utc():
    east = timezone(timedelta(hours=9))
    assert month_of(datetime(2026, 12, 1, 8, 59, tzinfo=east)) == date(2026, 11, 1)
    assert month_of(date(2026, 12, 31)) == date(2026, 12, 1)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 11, 24, tzinfo=UTC), date(2026, 12, 1)),
        (datetime(2026, 11, 24, 0, 0, 1, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2026, 11, 1, tzinfo=UTC), date(2026, 12, 1)),
    ],
)
def test_a_month_that_ends_within_a_week_is_left_alone(now: datetime, expected: date):
    assert boundary(now) == expected
