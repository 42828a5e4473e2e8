"""Keys and the clock."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import clock
from common.ids import uuid7

pytestmark = pytest.mark.pure


def test_uuid7_has_version_variant_and_the_present_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid7()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_ids_of_one_process_increase_strictly_also_from_several_threads() -> None:
    made: list[list[UUID]] = [[] for _ in range(4)]
    threads = [
        threading.Thread(target=lambda ids: ids.extend(uuid7() for _ in range(2000)), args=(ids,)) for ids in made
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(ids == sorted(ids) for ids in made)
    assert len({one for ids in made for one in ids}) == 8000


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=13)))))
def test_frozen_clock_stands_still_in_utc_and_gives_back_the_outer_time(at: datetime) -> None:
    try:
        expected = at.astimezone(UTC)
    except OverflowError:
        return
    outer = datetime(2026, 1, 1, tzinfo=UTC)
    with clock.frozen(outer):
        with clock.frozen(at):
            assert clock.now() == expected
            assert clock.today() == expected.date()
        assert clock.now() == outer


def test_frozen_clock_refuses_a_moment_without_time_zone() -> None:
    with pytest.raises(ValueError, match="aware"), clock.frozen(datetime(2026, 1, 1)):
        pass


def test_a_later_word_of_a_clock_that_is_behind_is_greater(monkeypatch: pytest.MonkeyPatch) -> None:
    present = uuid7()
    year_ahead = time.time_ns() + 365 * 86_400 * 10**9
    monkeypatch.setattr("common.ids.time.time_ns", lambda: year_ahead)
    monkeypatch.setattr("common.ids._last", 0)
    ahead = uuid7()
    monkeypatch.undo()
    later = uuid7(after=ahead)
    assert (later > ahead, later.version, later.variant) == (True, 7, RFC_4122)
    assert present < uuid7() < ahead  # that one id alone was moved
    assert uuid7() < uuid7(after=present)  # an earlier one moves nothing
