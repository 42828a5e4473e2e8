"""The template pipeline: it always answers, and what it answers is a plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling.core.series import LoadSeries
from plans.pipelines.checks import plan_breaches
from plans.pipelines.contract import AthleteSnapshot, ProposedPlan, RaceGoal, Thresholds
from plans.pipelines.template import generate_template

pytestmark = pytest.mark.pure
MONDAY = date(2026, 1, 5)
NEVER = {"available_days", "rest_day", "hard_spacing", "daily_cap", "session_growth", "growth", "recovery_week"}
RACES = {"running": ("5k", "10k", "half_marathon", "marathon"), "cycling": ("40km_tt", "gran_fondo")}
EVERY_DAY = frozenset(range(7))


def athlete(
    sport: str = "running", level: str = "intermediate", today: date = MONDAY, week: float = 0.0
) -> AthleteSnapshot:
    series = None
    if week:
        days = {today - timedelta(days=d): week / 4 for d in range(1, 181) if d % 7 in (1, 3, 5, 6)}
        series = LoadSeries.from_daily(days, start=today - timedelta(days=182), until=today - timedelta(days=1))
    return AthleteSnapshot(
        "a", sport, level, 35, "male", today, series, (), week / 4, week, week / 7, week,  # type: ignore[arg-type]
        Thresholds(), None, "population", "hash",
    )  # fmt: skip


def plan_for(who: AthleteSnapshot, race: str, days_ahead: int, days: frozenset[int] = EVERY_DAY) -> ProposedPlan:
    return generate_template(who, RaceGoal(who.today + timedelta(days=days_ahead), race, None, days), seed=5)


@settings(max_examples=60)
@given(st.data())
def test_any_request_gives_a_plan_that_keeps_the_guards_that_never_give(data: st.DataObject) -> None:
    sport = data.draw(st.sampled_from(["running", "cycling"]))
    who = athlete(
        sport,
        data.draw(st.sampled_from(["beginner", "intermediate", "advanced", "elite"])),
        MONDAY + timedelta(days=data.draw(st.integers(0, 6))),
        data.draw(st.sampled_from([0.0, 20.0, 90.0, 300.0, 900.0])),
    )
    ahead = data.draw(st.one_of(st.integers(1, 20), st.integers(1, 364)))
    days = data.draw(st.frozensets(st.integers(0, 6), min_size=1))
    goal = RaceGoal(who.today + timedelta(days=ahead), data.draw(st.sampled_from(RACES[sport])), None, days)
    plan = generate_template(who, goal, seed=data.draw(st.integers(0, 99)))
    sessions = [s for w in plan.weeks for s in w.sessions]
    races = [s for s in sessions if s.kind == "race"]
    assert [s.day for s in races] == [goal.race_date]
    assert plan.start == who.today == max(plan.weeks[0].monday, who.today)
    assert all(s.day >= who.today and s.prescribed_work["duration_min"] % 5 == 0 for s in sessions)
    assert all(s.day.weekday() in days for s in sessions if s.kind != "race")
    assert len({s.session_id for s in sessions}) == len(sessions)
    assert not NEVER & {b.guard for b in plan_breaches(who.today, plan.weeks, who, goal)}


@pytest.mark.parametrize(("sport", "race"), [(s, r) for s, races in RACES.items() for r in races])
@pytest.mark.parametrize("level", ["beginner", "advanced"])
def test_sixteen_weeks_build_up_taper_race_and_recover(sport: str, race: str, level: str) -> None:
    plan = plan_for(athlete(sport, level), race, 16 * 7 - 1)
    loads = {w.number: sum(s.load for s in w.sessions if s.kind != "race") for w in plan.weeks}
    loading = [loads[w.number] for w in plan.weeks if not w.is_recovery and w.phase in ("base", "build", "peak")]
    assert sum(loading[-3:]) > 1.1 * sum(loading[:3])
    phases = list(dict.fromkeys(w.phase for w in plan.weeks))
    assert phases == ["base", "build", "peak", "taper", "race", "recovery"]
    taper = sum(loads[w.number] for w in plan.weeks if w.phase in ("taper", "race"))
    days = sum(7 for w in plan.weeks if w.phase in ("taper", "race")) - 1
    assert 0.40 <= taper / days * 7 / (sum(loading[-3:]) / 3) <= 0.59
    assert 8 <= days <= 21
    for week in plan.weeks:
        if week.phase not in ("race", "recovery"):
            assert loads[week.number] == pytest.approx(week.target_load, rel=0.05, abs=3)


def test_recovery_weeks_come_every_third_week_for_beginners_and_every_fourth_for_others() -> None:
    for level, most in (("beginner", 2), ("advanced", 3)):
        run, runs = 0, []
        for week in plan_for(athlete(level=level), "marathon", 24 * 7 - 1).weeks:
            if week.phase in ("taper", "race", "recovery") or week.is_recovery:
                runs.append(run)
                run = 0
            else:
                run += 1
        assert max(runs) <= 3 and sorted(runs)[len(runs) // 2 :][0] <= most


def test_about_eighty_percent_of_the_time_is_easy() -> None:
    for level in ("beginner", "intermediate", "advanced", "elite"):
        sessions = [s for w in plan_for(athlete(level=level), "10k", 16 * 7 - 1).weeks for s in w.sessions]
        training = [s.prescribed_work for s in sessions if s.kind != "race"]
        hard = sum(w["hard_min"] for w in training) / sum(w["duration_min"] for w in training)
        assert 0.01 < hard < 0.25, level


def test_nobody_is_thrown_into_the_deep_nor_held_back() -> None:
    little, usual, much = (plan_for(athlete(week=w), "10k", 100).weeks[0].target_load for w in (115.0, 230.0, 330.0))
    assert little <= 1.1 * 115
    assert 0.9 * 230 <= usual <= 1.1 * 230
    assert 0.85 * 330 <= much <= 1.1 * 330


def test_same_input_gives_the_same_plan_and_another_seed_other_ids() -> None:
    who, goal = athlete(), RaceGoal(MONDAY + timedelta(days=80), "10k")
    first, again, other = (generate_template(who, goal, seed=s) for s in (1, 1, 2))
    assert first == again
    ids = [{s.session_id for w in p.weeks for s in w.sessions} for p in (first, other)]
    assert not ids[0] & ids[1]
    assert not ids[0] & {
        s.session_id for w in generate_template(replace(who, athlete_id="b"), goal, seed=1).weeks for s in w.sessions
    }


def test_part_of_a_first_week_is_scaled_and_the_plan_says_that_it_is_a_template() -> None:
    plan = plan_for(athlete(today=MONDAY + timedelta(days=4)), "marathon", 120)
    assert plan.weeks[0].monday == MONDAY and plan.start == MONDAY + timedelta(days=4)
    assert plan.weeks[0].target_load <= 0.6 * plan.weeks[1].target_load
    assert plan.predicted is None and "template" in plan.warnings[0]
    assert plan.provenance["data_hash"] == "hash"


def test_race_tomorrow_is_a_plan_of_one_race_and_its_recovery() -> None:
    plan = plan_for(athlete(), "5k", 1)
    assert "race" in {s.kind for w in plan.weeks for s in w.sessions}
    assert any("few for this distance" in w for w in plan.warnings)
