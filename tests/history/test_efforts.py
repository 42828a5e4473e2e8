"""Near-maximal efforts proposed as tests."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from modeling.core.efforts import EffortRule, propose_tests
from modeling.core.loads import Thresholds
from modeling.core.performance import vdot
from modeling.history.checks import make_activity
from modeling.history.contract import Effort, ParsedActivity
from modeling.history.parse import parse_file

pytestmark = pytest.mark.pure

MONDAY = date(2024, 1, 1)


def thresholds(day: date) -> Thresholds:
    return Thresholds(threshold_hr=172, max_hr=190)


def run(days: int, km: float, minutes: float, hr: float, **more: Any) -> ParsedActivity:
    return make_activity(
        source_name="x",
        sport="running",
        day=MONDAY + timedelta(days=days),
        duration_s=minutes * 60,
        distance_m=km * 1000,
        mean_hr=hr,
        **more,
    )


def ride(days: int, watts: float, hr: float = 120) -> ParsedActivity:
    effort = Effort("power", "20min", 1200, watts=watts, mean_hr=hr)
    day = MONDAY + timedelta(days=days)
    return make_activity(source_name="x", sport="cycling", day=day, duration_s=3600, efforts=(effort,))


@pytest.mark.shared_data
def test_the_runner_has_120_days_of_efforts_in_95_weeks(shared_data: Path) -> None:
    data = (shared_data / "history" / "runner_2022_2026.csv").read_bytes()
    activities = parse_file("r.csv", data, sport="running").activities
    rule = EffortRule(hr_share=167 / 172)
    proposals = propose_tests(activities, thresholds_on=thresholds, rule=rule)
    assert len({a.day for a in activities if (a.mean_hr or 0) >= 167 and (a.distance_m or 0) >= 4500}) == 120
    assert len(proposals) == 95
    assert proposals == propose_tests(activities, thresholds_on=thresholds)
    assert all(25 < p.value < 70 and p.unit == "VDOT" for p in proposals)
    assert [p.day for p in proposals] == sorted(p.day for p in proposals)


def test_an_easy_or_a_short_run_is_no_effort() -> None:
    assert propose_tests([run(0, 10, 45, 160), run(1, 4, 16, 180)], thresholds_on=thresholds) == ()


def test_the_best_of_a_week_counts_with_a_reason() -> None:
    runs = [run(0, 5, 21, 175), run(6, 5, 20, 175), run(7, 5, 22, 175)]
    first, second = propose_tests(runs, thresholds_on=thresholds)
    assert (first.day, first.activity) == (MONDAY + timedelta(days=6), 1)
    assert first.value == pytest.approx(vdot(5000, 1200))
    assert "5.0 km in 20:00" in first.reason and "102%" in first.reason
    assert second.activity == 2


def test_a_run_with_long_stops_is_judged_by_its_best_stretch() -> None:
    stretch = Effort("distance", "5k", 1300, distance_m=5000, mean_hr=176)
    stopped = run(0, 8, 36, 170, elapsed_s=3600, efforts=(stretch,))
    (proposal,) = propose_tests([stopped], thresholds_on=thresholds)
    assert proposal.value == pytest.approx(vdot(5000, 1300))


def test_without_any_heart_rate_threshold_runs_give_nothing() -> None:
    assert propose_tests([run(0, 5, 20, 180)], thresholds_on=lambda day: Thresholds()) == ()


def test_a_ride_near_the_best_of_ninety_days_is_proposed_in_watts() -> None:
    rides = [ride(0, 250), ride(7, 240), ride(14, 230), ride(21, 240), ride(28, 200), ride(150, 150)]
    (proposal,) = propose_tests(rides, thresholds_on=lambda day: Thresholds())
    assert (proposal.activity, proposal.unit, proposal.value) == (3, "W", pytest.approx(0.95 * 240))


def test_a_hard_ride_by_heart_rate_needs_no_rides_before() -> None:
    (proposal,) = propose_tests([ride(0, 250, hr=172)], thresholds_on=thresholds)
    assert proposal.value == pytest.approx(237.5)
