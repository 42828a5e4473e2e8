"""Numbers as people read them, and pictures as numbers: places lie where the values are."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from experiments.metrics import Unit
from experiments.report import COLUMNS, csv_of, report, rows, words
from experiments.report.drawing import area, evidence, forest
from tests.experiments.report.stories import DAY, START, facts, looks

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("unit", "found", "said"),
    [
        (Unit.SHARE, 0.714, "71.4 %"),
        (Unit.MILLISECONDS, 1234.0, "1.23 s"),
        (Unit.MILLISECONDS, 640.4, "640 ms"),
        (Unit.OF_FIVE, 4.019, "4.02"),
        (Unit.NUMBER, 12345.6, "12,346"),
        (Unit.NUMBER, 0.3071, "0.307"),
        (Unit.DAYS, 3.25, "3.2 d"),
        (Unit.SHARE, None, "–"),
    ],
)
def test_values_have_their_units(unit, found, said):
    assert words.value(unit, found) == said


@pytest.mark.parametrize(
    ("unit", "found", "said"),
    [
        (Unit.SHARE, 0.022, "+2.2 pp"),
        (Unit.SHARE, -0.00004, "0.0 pp"),
        (Unit.MILLISECONDS, -24.4, "−24 ms"),
        (Unit.OF_FIVE, 0.041, "+0.04"),
        (Unit.NUMBER, -1500.0, "−1,500"),
    ],
)
def test_differences_are_signed_and_shares_in_points(unit, found, said):
    assert words.difference(unit, found) == said


def test_small_and_large_evidence_is_not_written_out():
    assert [words.p_value(p) for p in (None, 1e-9, 0.034, 0.999)] == ["–", "< 0.001", "0.034", "1"]
    assert [words.e_value(e) for e in (0.41, 2310.4, 1e9)] == ["0.4", "2,310", "> 1,000,000"]
    assert [words.length(timedelta(minutes=m)) for m in (5, 960, 4320)] == ["5 min", "16 h", "3 d"]


def test_strata_are_told_by_their_values():
    named = ["level=elite&sport=running", "sport=running in phase 2", "", "x=a%26b"]
    assert [words.stratum(one) for one in named] == ["Elite, running", "Running, phase 2", "Everybody", "A&b"]


def test_a_forest_lies_on_a_scale_of_its_own_with_no_effect_in_the_middle():
    [one] = report(facts(), looks(facts()), now=START + 15 * DAY).treatments
    for row in one.rows:
        found = forest(row, 0.5 if row is one.primary else None)
        assert found is not None
        assert row.estimate is not None
        assert (found.left < 50 < found.left + found.width) is (row.estimate.low < 0 < row.estimate.high)
        assert found.left < found.dot < found.left + found.width
        assert 0 <= found.left < found.left + found.width <= 100
    guard = forest(one.guardrails[0], None)
    assert guard is not None
    assert guard.limit is not None
    assert guard.limit > 50, "more harm is worse, so that the margin lies to the right"
    assert guard.shade == (guard.limit, pytest.approx(100 - guard.limit))
    assert "margin 0.5" in guard.text


def test_an_area_breaks_where_nothing_was_identified_and_leaves_room_for_the_time_to_come():
    found = report(facts(), looks(facts(), days=21), now=START + 22 * DAY)
    [one] = found.treatments
    drawn = area(one.primary, one.course, START, START + 42 * DAY, 0.5)
    assert drawn is not None
    assert (drawn.to_come, drawn.later) == (50.0, 50.0)
    assert [mark.text for mark in drawn.labels if "to come" in mark.text] == ["21 days to come"]
    assert len(drawn.rows) == 21
    assert drawn.zero > drawn.target
    gap = [point for point in one.course if point.number != 12]
    holed = [p if p.number != 12 else type(p)(12, p.as_of, p.day, None, None, None) for p in one.course]
    assert len(gap) == 20
    assert len(area(one.primary, holed, START, None, None).bands) == len(drawn.bands) + 1
    assert area(one.primary, holed[11:12], START, None, None) is None


def test_the_evidence_crosses_its_limit_on_the_day_of_the_alarm():
    found = report(facts(), looks(facts(), days=21, a_day=40, lost=0.9), now=START + 22 * DAY).balance
    assert evidence(found).bands[0].text == "alarm at e ≥ 125"
    assert found.alarmed_day is not None
    assert 1 < found.alarmed_day <= 21


def test_no_text_of_a_csv_begins_like_a_formula_and_numbers_stay_numbers():
    about = facts(key="=cmd")
    text = csv_of(rows(about, looks(about, effect={"b": -0.9})))
    read = list(csv.DictReader(io.StringIO(text)))
    assert tuple(read[0]) == COLUMNS
    assert {row["experiment"] for row in read} == {"'=cmd"}
    assert any(float(row["difference"]) < 0 for row in read if row["difference"])
