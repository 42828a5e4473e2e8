"""An address asks for whole weeks that there are; what is hidden cannot be had by one subtraction."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.dashboards.asked import asked_of, monday
from telemetry.dashboards.numbers import WITHHELD, Number, gap, goal, guarded, text

pytestmark = pytest.mark.pure
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31)).map(str) | st.sampled_from(["", "soon", "2026-02-30", "٢٠٢٦-٠١-٠١"])
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(first=DAYS, last=DAYS, as_of=MOMENTS, weeks=st.integers(0, 200))
def test_days_of_ones_own_become_whole_weeks_within_what_there_is(
    first: str, last: str, as_of: datetime, weeks: int
) -> None:
    oldest = as_of.date() - timedelta(weeks=weeks)
    asked = asked_of({"from": first, "to": last}, as_of=as_of, oldest=oldest)
    assert asked.start.weekday() == asked.until.weekday() == 0
    assert asked.start < asked.until <= monday(as_of.date())
    assert asked.weeks[0] == asked.start
    assert asked.weeks[-1] == asked.last_week
    if asked.span == "":
        assert asked.start >= min(monday(oldest), monday(as_of.date()) - timedelta(days=7))
        assert asked_of(asked.address(), as_of=as_of, oldest=oldest) == asked, "an address leads back to itself"


@given(st.dictionaries(st.text(), st.tuples(st.integers(1, 9), st.booleans()), max_size=6))
def test_no_part_is_hidden_alone_where_another_could_be_too(parts: dict[str, tuple[int, bool]]) -> None:
    given_parts = {key: WITHHELD if is_hidden else Number(0.5, n) for key, (n, is_hidden) in parts.items()}
    found = guarded(given_parts)
    assert found.keys() == parts.keys()
    hidden = [key for key, one in found.items() if one.is_hidden]
    assert {key for key, one in given_parts.items() if one.is_hidden} <= set(hidden)
    assert len(hidden) != 1 or len(parts) == 1
    assert len(hidden) <= max(2, sum(one.is_hidden for one in given_parts.values()))


def test_numbers_are_written_in_their_unit() -> None:
    assert [text(Number(value, 1), unit) for value, unit in [(0.7344, "share"), (7.06, "hours"), (4.14, "of 5")]] == [
        "73.4 %", "7.1 h", "4.1"
    ]  # fmt: skip
    assert (text(Number(1234.6, 1), "ms"), text(Number(2.0, 1), "number")) == ("1,235 ms", "2")
    assert (goal(0.8, "share"), goal(4.0, "of 5"), goal(5.0, "percent")) == ("80 %", "4.0 of 5", "5 %")
    assert (gap(0.734, 0.75, "share"), gap(3.86, 4.0, "of 5")) == ("1.6 pp", "0.14")
