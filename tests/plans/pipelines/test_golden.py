"""The golden plans: unchanged, within every guard, and shaped as a coach would."""

from __future__ import annotations

import pytest

from plans.pipelines.registry import check_plan
from tests.plans.pipelines import golden
from tests.plans.pipelines.resimulate import unreported

pytestmark = pytest.mark.pure
CASES = list(golden.cases())


def test_there_are_24_and_each_pipeline_is_among_them() -> None:
    assert len({(race, level) for race, level, _ in CASES}) == 24
    assert {pipeline for _, _, pipeline in CASES} == set(golden.PIPELINES)


@pytest.mark.parametrize(("race", "level", "pipeline"), CASES)
def test_golden_plan(race: str, level: str, pipeline: str) -> None:
    plan, athlete, goal = golden.plan_of(race, level, pipeline)
    assert golden.render(plan, race, level, pipeline) == (golden.FOLDER / f"{race}-{level}.txt").read_text("utf-8")
    assert check_plan(plan, athlete, goal) == ()
    assert unreported(plan, athlete, goal) == []


@pytest.mark.parametrize("race", golden.WEEKS_AHEAD)
def test_an_ordinary_athlete_needs_no_relaxation_and_trains_more_at_the_peak(race: str) -> None:
    for level in golden.LEVELS:
        plan, _, _ = golden.plan_of(race, level, "advanced")
        assert plan.relaxed == (), level
        loading = [
            sum(s.load for s in w.sessions)
            for w in plan.weeks
            if w.phase in ("base", "build", "peak") and not w.is_recovery
        ]
        assert sum(loading[-3:]) > sum(loading[:3]), level


def test_the_race_is_the_last_session_before_the_rest() -> None:
    for race in golden.WEEKS_AHEAD:
        plan, _, goal = golden.plan_of(race, "intermediate", "simplified")
        races = [s for w in plan.weeks for s in w.sessions if s.kind == "race"]
        assert [s.day for s in races] == [goal.race_date]
        after = [s.day for w in plan.weeks for s in w.sessions if s.day > goal.race_date]
        assert (min(after) - goal.race_date).days >= 2
