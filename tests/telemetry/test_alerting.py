"""When a rule fires and clears, and what is told of it: hysteresis, minimum n, duration, reminders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.alerts import News
from common.monitoring import Unit
from telemetry.alert_words import limit_text, value_text
from telemetry.alerting import RISING, Comparison, Judged, Standing, Status, Telling, beyond, is_consistent, judge, news

pytestmark = pytest.mark.pure

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIVE = Judged(Comparison.ABOVE, threshold=5.0, clear=3.0, lasting=2 * MINUTE, min_n=20)


def walk(rule: Judged, looks: list[tuple[float | None, int]]) -> list[Status]:
    """Return how a rule stands after each look, a minute apart."""
    standing, found = Standing(), []
    for number, (value, n) in enumerate(looks):
        standing = judge(rule, standing, value, n, NOW + number * MINUTE)
        found.append(standing.status)
    return found


OK, PENDING, FIRING = Status.OK, Status.PENDING, Status.FIRING


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5.0, 5.1, 5.1, 5.1], [OK, PENDING, PENDING, FIRING]),  # two whole minutes beyond, not one
        ([6, 6, 4, 6, 6, 6], [PENDING, PENDING, OK, PENDING, PENDING, FIRING]),  # it begins anew
        ([6, 6, 6, 4, 3.1, 5.5, 3.0, 4], [PENDING, PENDING, FIRING, FIRING, FIRING, FIRING, OK, OK]),
    ],
)
def test_it_fires_after_its_time_and_ends_only_within_the_lower_limit(values, expected):
    assert walk(FIVE, [(value, 100) for value in values]) == expected


def test_too_few_cases_neither_fire_nor_end_anything_and_interrupt_what_was_about_to_fire():
    few, many = 19, 20
    assert walk(FIVE, [(9, many), (9, few), (9, many), (9, many)]) == [PENDING, OK, PENDING, PENDING]
    assert (
        walk(FIVE, [(9, many)] * 3 + [(0, few), (None, many), (float("nan"), many)])
        == [PENDING, PENDING] + [FIRING] * 4
    )


def test_a_limit_that_is_met_counts_where_the_rule_says_at_least():
    yes = Judged(Comparison.AT_LEAST, threshold=1.0, clear=1.0)
    assert walk(yes, [(0, 1), (1, 1), (1, 1), (0, 1)]) == [OK, FIRING, FIRING, OK]
    low = Judged(Comparison.BELOW, threshold=95.0, clear=97.0)
    assert walk(low, [(95, 1), (94.9, 1), (96.9, 1), (97, 1)]) == [OK, FIRING, FIRING, OK]


@pytest.mark.parametrize(
    ("comparison", "threshold", "clear", "fits"),
    [("above", 5, 3, True), ("above", 5, 5, True), ("above", 5, 6, False), ("below", 95, 97, True),
     ("below", 95, 90, False), ("above", float("nan"), 1, False)],
)  # fmt: skip
def test_what_ends_an_alert_lies_on_the_good_side(comparison, threshold, clear, fits):
    assert is_consistent(Comparison(comparison), threshold, clear) is fits


@st.composite
def rules(draw: st.DrawFn) -> Judged:
    comparison = draw(st.sampled_from(Comparison))
    threshold, gap = draw(st.integers(-5, 5)), draw(st.integers(0, 3))
    clear = threshold - gap if comparison in RISING else threshold + gap
    return Judged(comparison, threshold, clear, draw(st.integers(0, 3)) * MINUTE, draw(st.integers(0, 3)))


looks = st.lists(st.tuples(st.none() | st.integers(-9, 9).map(float), st.integers(0, 5)), max_size=25)


@given(rules(), looks)
def test_whatever_is_seen_only_data_beyond_a_limit_changes_anything(rule, seen):
    before = Standing()
    for number, (value, n) in enumerate(seen):
        after = judge(rule, before, value, n, NOW + number * MINUTE)
        known = value is not None and n >= rule.min_n
        assert after.has_data is known
        if after.status is FIRING and before.status is not FIRING:
            assert known and beyond(rule.comparison, value, rule.threshold)
            assert before.status is PENDING or not rule.lasting
        if before.status is FIRING and after.status is not FIRING:
            assert known and not beyond(rule.comparison, value, rule.clear)
        before = after


@given(rules(), st.integers(-9, 9).map(float), st.integers(1, 9))
def test_what_stays_as_it_is_never_flaps(rule, value, n):
    found = walk(rule, [(value, n + rule.min_n)] * 12)
    assert len(set(found[4:])) == 1


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("telling", "expected"),
    [
        (Telling(), News.RAISED),
        (Telling(told_at=NOW - 4 * HOUR, remind_every=4 * HOUR), News.REMINDED),
        (Telling(told_at=NOW - 3 * HOUR, remind_every=4 * HOUR), None),
        (Telling(told_at=NOW - 9 * HOUR), None),  # a rule that is told once
        (Telling(told_at=NOW - 9 * HOUR, remind_every=4 * HOUR, is_acknowledged=True), None),
        (Telling(told_at=NOW - 9 * HOUR, remind_every=4 * HOUR, silenced_until=NOW + MINUTE), None),
        (Telling(silenced_until=NOW + MINUTE), None),
        (Telling(silenced_until=NOW), News.RAISED),  # the silence is over, and it still fires
        (Telling(told_at=NOW - HOUR, is_over=True), News.CLEARED),
        (Telling(told_at=NOW - HOUR, is_over=True, is_acknowledged=True), News.CLEARED),
        (Telling(is_over=True), None),  # nobody knew that it began
    ],
)
def test_what_is_told_and_what_is_not(telling, expected):
    assert news(telling, NOW) is expected


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [(Unit.PERCENT, 12.34, "12.3 %"), (Unit.MILLISECONDS, 1500, "1.50 s"), (Unit.SECONDS, 605, "10 min"),
     (Unit.NUMBER, 1234.0, "1,234"), (Unit.YES_NO, 1.0, "yes"), (Unit.NUMBER, None, "–")],
)  # fmt: skip
def test_numbers_carry_their_unit(unit, value, text):
    assert value_text(unit, value) == text
    assert limit_text(Unit.PERCENT, "above", 5.0) == "above 5.0 %"
