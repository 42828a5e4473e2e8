"""Charts as numbers: inside the box, broken where there is no data, labels readable."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.charts import APART, Limit, Line, apart, draw
from common.stats.histogram import Histogram
from rollout.dashboard.series import Axis, Minute, axis_over, charts_of, tallies, total
from rollout.dashboard.words import part_of, percent, share, span
from rollout.gates.evidence import Arm, Tally
from rollout.policy.model import Gate, GateKind, Metric, Purpose

pytestmark = pytest.mark.pure
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
VALUES = st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=20)


def chart(values, limits=()):
    line = Line("New", "new", values)
    return draw(
        "Errors", [line], [str(i) for i in range(len(values))], limits, text=share, tick=str, floor=0, ceiling=1
    )


@given(VALUES, st.lists(st.floats(0, 1), max_size=3))
def test_every_point_and_limit_lies_inside_the_box(values, limits):
    found = chart(values, [Limit(value, True, "limit") for value in limits])
    numbers = [float(n) for stroke in found.strokes for n in re.findall(r"[\d.]+", stroke.path.replace("h.01", ""))]
    assert all(0 <= n <= 100 for n in numbers)
    assert all(0 <= band.line <= 100 and 0 <= band.top <= 100 for band in found.bands)


@given(VALUES)
def test_a_line_breaks_where_there_is_no_data(values):
    known = [value is not None for value in values]
    pieces = sum(now and not before for before, now in zip([False, *known], known, strict=False))
    assert chart(values).strokes[0].path.count("M") == pieces
    assert chart(values).is_empty is not any(known)


@given(st.lists(st.floats(0, 100), max_size=8))
def test_labels_keep_their_distance_and_their_order(places):
    found = apart(places)
    order = sorted(range(len(places)), key=lambda i: places[i])
    least = min(APART, 100 / max(len(places) - 1, 1)) - 0.02
    assert all(found[b] - found[a] >= least for a, b in zip(order, order[1:], strict=False))
    assert all(-0.01 <= at <= 100.01 for at in found)


def test_the_table_beneath_says_what_is_drawn():
    found = chart([0.01, None, 0.5])
    assert found.rows == (("0", "1.0 %"), ("1", "–"), ("2", "50.0 %"))
    assert found.sentence == "Errors: New 50.0 %"


def test_lines_of_another_length_than_the_times_are_refused():
    with pytest.raises(ValueError, match="one value for each time"):
        draw("x", [Line("New", "new", [1.0])], ["a", "b"], text=share, tick=str)


def test_a_point_is_a_rolling_average_of_five_minutes():
    minutes = [Minute(NOON + timedelta(minutes=m), {"answered": 10, "failed": m}, {}) for m in range(8)]
    axis = axis_over(NOON, NOON + timedelta(minutes=8))
    assert (axis.step, axis.width) == (timedelta(minutes=1), timedelta(minutes=5))
    assert [tally.failed for tally in tallies(minutes, Arm.NEW, axis)] == [0, 1, 3, 6, 10, 15, 20, 25]


@given(st.integers(1, 60 * 24 * 400))
def test_an_axis_covers_its_time_in_a_bounded_number_of_points(length):
    axis = axis_over(NOON, NOON + timedelta(minutes=length))
    assert axis.points[-1] >= NOON + timedelta(minutes=length)
    assert len(axis.points) <= 400


@given(st.lists(st.tuples(st.integers(0, 5), st.lists(st.floats(1, 9000), max_size=4)), max_size=6))
def test_added_up_json_is_the_sum_of_the_tallies(parts):
    found = [Tally(answered=n, failed=n, latency=Histogram.of(*times)) for n, times in parts]
    whole = total(tally.as_json() for tally in found)
    assert whole == sum(found, Tally())


def test_limits_of_errors_stand_mirrored_in_success_and_quantiles_in_latency():
    gates = [
        Gate("e", GateKind.SLO, Purpose.ROLLBACK, metric=Metric.ERROR, limit=0.05, min_n=1),
        Gate("s", GateKind.SLO, Purpose.PAGE, metric=Metric.SLOWER, above_ms=2500.0, limit=0.5, min_n=1),
    ]
    minutes = [Minute(NOON, {"answered": 100, "failed": 1, "latency": {"300": 100}}, {})]
    success, errors, p50, tail, *_ = charts_of(
        minutes, Axis(NOON, NOON + timedelta(hours=1), *2 * [timedelta(hours=1)]), gates
    )
    assert [band.text for band in success.bands] == ["< 95 % rolls back"]
    assert [band.text for band in errors.bands] == ["> 5 % rolls back"]
    assert [band.text for band in p50.bands] == ["> 2.50 s pages"]
    assert tail.bands == ()


def test_numbers_and_times_read_as_people_write_them():
    assert [percent(100), percent(35_000), share(None), share(0.0123)] == ["0.1 %", "35 %", "–", "1.2 %"]
    lengths = [45, 720, 19_200, 61_200, 273_600, 1_209_600]
    assert [span(timedelta(seconds=s)) for s in lengths] == ["45 s", "12 min", "5 h 20 min", "17 h", "3 d 4 h", "14 d"]
    assert part_of(timedelta(hours=31), timedelta(hours=48)) == "31 of 48 h"
