"""Which goals are refused, and with which field."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from plans.pipelines import AthleteBasics, InvalidGoal, RaceGoal, validate_goal

pytestmark = pytest.mark.pure
TODAY = date(2026, 3, 2)
RUNNER = AthleteBasics("running", "intermediate", "female")
GOOD = RaceGoal(TODAY + timedelta(days=100), "marathon", 3.5 * 3600, frozenset({1, 3, 6}))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"race_date": TODAY}, "race_date"),
        ({"race_date": TODAY - timedelta(days=1)}, "race_date"),
        ({"race_date": TODAY + timedelta(days=365)}, "race_date"),
        ({"race_date": TODAY + timedelta(weeks=60)}, "race_date"),
        ({"race": "ironman"}, "race_distance"),
        ({"race": ""}, "race_distance"),
        ({"race": "gran_fondo"}, "race_distance"),
        ({"available_days": frozenset()}, "available_days"),
        ({"available_days": frozenset({7})}, "available_days"),
        ({"goal_seconds": 2 * 3600.0}, "goal_time"),
        ({"goal_seconds": 10 * 3600.0}, "goal_time"),
        ({"goal_seconds": 0.0}, "goal_time"),
        ({"goal_seconds": float("nan")}, "goal_time"),
        ({"goal_seconds": float("inf")}, "goal_time"),
    ],
)
def test_impossible_goal_names_its_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidGoal) as caught:
        validate_goal(replace(GOOD, **change), today=TODAY, athlete=RUNNER)  # type: ignore[arg-type]
    assert caught.value.field == field
    assert caught.value.detail.endswith(".")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"race_date": TODAY + timedelta(days=1)},
        {"race_date": TODAY + timedelta(weeks=52)},
        {"goal_seconds": None},
        {"available_days": frozenset({0})},
    ],
)
def test_possible_goal_passes(change: dict[str, object]) -> None:
    validate_goal(replace(GOOD, **change), today=TODAY, athlete=RUNNER)  # type: ignore[arg-type]


def test_a_mans_record_is_no_womans_goal() -> None:
    goal = replace(GOOD, goal_seconds=2 * 3600 + 5 * 60.0)
    validate_goal(goal, today=TODAY, athlete=replace(RUNNER, sex="male"))
    with pytest.raises(InvalidGoal, match="world record"):
        validate_goal(goal, today=TODAY, athlete=RUNNER)
