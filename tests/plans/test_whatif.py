"""What an edit does to race day: exact where nothing changes, sensible where much does, never NaN."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from modeling.core.performance import RACES, race_time
from plans.document import document
from plans.services.store_plan import entry_of
from plans.whatif import SAFETY, as_json, context_of, what_if
from tests.plans.pipelines.golden import plan_of
from tests.plans.pipelines.random_requests import random_request

pytestmark = pytest.mark.pure


def frames(plan):
    return [
        {
            "number": w.number,
            "monday": w.monday.isoformat(),
            "phase": w.phase,
            "is_recovery": w.is_recovery,
            "target_load": w.target_load,
        }
        for w in plan.weeks
    ]


def sessions_of(plan):
    return document((s.session_id, entry_of(s)) for w in plan.weeks for s in w.sessions)["sessions"]


@pytest.fixture(scope="module")
def marathon():
    plan, athlete, goal = plan_of("marathon", "advanced", "advanced")
    before = sessions_of(plan)
    return before, context_of(athlete, goal, frames(plan), before), plan, athlete, goal


def scaled(sessions, factor, chosen=lambda entry: True):
    after = deepcopy(sessions)
    for entry in after.values():
        if chosen(entry) and entry["kind"] != "race":
            entry["load"] = round(entry["load"] * factor, 1)
    return after


def test_no_edit_changes_nothing_and_breaks_nothing_new(marathon):
    before, context, plan, *_ = marathon
    found = what_if(context, before, before)
    assert (found.delta.value, found.delta.low, found.delta.high) == (0.0, 0.0, 0.0)
    assert found.before == found.after
    assert not [guard for guard in found.guards if guard.new]
    assert {guard.guard for guard in found.guards} <= {r.guard for r in plan.relaxed}


def test_the_prediction_without_edits_is_the_one_the_pipeline_gave(marathon):
    before, context, plan, *_ = marathon
    assert what_if(context, before, before).before.value == pytest.approx(plan.predicted.value, rel=1e-3)


def test_the_change_is_the_difference_of_the_predictions_and_lies_in_its_interval(marathon):
    before, context, *_ = marathon
    found = what_if(context, before, scaled(before, 0.7))
    assert found.delta.value == pytest.approx(found.after.value - found.before.value, abs=0.11)
    assert found.delta.low <= found.delta.value <= found.delta.high
    assert found.delta.high - found.delta.low < found.before.high - found.before.low
    assert found.delta.value > 0, "an athlete who trains a third less is not faster"


def test_twice_the_load_breaks_safety_guards_and_says_so(marathon):
    before, context, *_ = marathon
    found = what_if(context, before, scaled(before, 2.0))
    new = [guard for guard in found.guards if guard.new]
    assert {"growth", "session_growth"} & {guard.guard for guard in new}
    assert any(guard.safety for guard in new)
    assert all(guard.safety == (guard.guard in SAFETY) for guard in found.guards)
    assert found.after_curves.fatigue.max() > 1.5 * found.before_curves.fatigue.max()


def test_training_through_the_taper_costs_form(marathon):
    before, context, *_, goal = marathon
    last = {(goal.race_date - timedelta(days=i)).isoformat() for i in range(1, 8)}
    found = what_if(context, before, scaled(before, 3.0, lambda entry: entry["day"] in last))
    assert found.after_curves.form[-1] < found.before_curves.form[-1] - 5
    assert any(guard.guard in ("race_form", "taper_volume", "growth") and guard.new for guard in found.guards)


def test_the_curves_are_a_plain_loop(marathon):
    before, context, *_ = marathon
    found = what_if(context, before, before)
    ctl, atl = context.ctl, context.atl
    for i in range(context.n_days):
        day = (context.athlete.today + timedelta(days=i)).isoformat()
        load = sum(entry["load"] for entry in before.values() if entry["day"] == day)
        assert found.before_curves.fitness[i] == pytest.approx(ctl)
        assert found.before_curves.fatigue[i] == pytest.approx(atl)
        ctl = ctl * math.exp(-1 / 42) + load * (1 - math.exp(-1 / 42))
        atl = atl * math.exp(-1 / 7) + load * (1 - math.exp(-1 / 7))
    assert found.before_curves.form[-1] == pytest.approx(ctl - atl)


def test_days_before_today_count_as_history_not_as_plan(marathon):
    before, _, plan, athlete, goal = marathon
    later = replace(athlete, today=athlete.today + timedelta(days=17))
    context = context_of(later, goal, frames(plan), before)
    past = scaled(before, 9.0, lambda entry: entry["day"] < later.today.isoformat())
    assert what_if(context, before, past).delta.value == 0.0


def test_two_sessions_of_one_day_that_were_both_too_long_before_are_not_new(marathon):
    before, context, *_ = marathon
    sessions = deepcopy(before)
    first, second = [entry for entry in sessions.values() if entry["kind"] == "easy"][:2]
    first["load"], second["load"], second["day"] = 260.0, 180.0, first["day"]
    found = what_if(context, sessions, sessions)
    on_that_day = [g for g in found.guards if g.guard == "session_growth" and g.where == first["day"]]
    assert len(on_that_day) == 2
    assert not any(guard.new for guard in found.guards)


@pytest.mark.parametrize("days", range(1, 14))
def test_a_week_under_way_is_measured_by_what_its_target_left_for_the_days_ahead(marathon, days):
    before, _, plan, athlete, goal = marathon
    later = replace(athlete, today=athlete.today + timedelta(days=days))
    context = context_of(later, goal, frames(plan), before)
    assert "week_target" not in {guard.guard for guard in what_if(context, before, before).guards}
    sunday = later.today + timedelta(days=6 - later.today.weekday())
    rest = {(later.today + timedelta(days=i)).isoformat() for i in range((sunday - later.today).days + 1)}
    if not any(entry["day"] in rest and entry["load"] for entry in before.values()):
        return
    doubled = what_if(context, before, scaled(before, 2.0, lambda entry: entry["day"] in rest))
    assert "week_target" in {guard.guard for guard in doubled.guards if guard.new}


def test_the_interval_of_the_change_is_that_of_draws_from_the_joint_posterior(marathon):
    before, context, *_ = marathon
    after = scaled(before, 0.7)
    old, new = (
        np.array(
            [
                sum(e["load"] for e in side.values() if e["day"] == (context.athlete.today + timedelta(i)).isoformat())
                for i in range(context.n_days)
            ]
        )
        for side in (before, after)
    )
    model, rng = context.response.prediction, np.random.default_rng(7)
    nodes = rng.choice(len(model.weight), 20_000, p=model.weight / model.weight.sum())
    steps = np.concatenate(
        [
            rng.multivariate_normal(model.mean[k], model.cov[k], n, method="eigh") @ (model.slope[k] @ (new - old))
            for k, n in zip(*np.unique(nodes, return_counts=True), strict=True)
        ]
    )
    low, middle, high = model.scale * np.array([np.quantile(steps, 0.1), steps.mean(), np.quantile(steps, 0.9)])
    hours = new.sum() / (context.n_days / 7) / 50
    base = model.expected(old) * context.share
    times = [race_time(RACES["marathon"], base + context.share * s, weekly_hours=hours) for s in (low, middle, high)]
    delta = what_if(context, before, after).delta
    assert delta.high - delta.value == pytest.approx(times[0] - times[1], rel=0.04)
    assert delta.value - delta.low == pytest.approx(times[1] - times[2], rel=0.04)


def test_any_athlete_gets_an_answer_that_is_json():
    for seed in range(40):
        pipeline, athlete, goal = random_request(seed)
        from plans.pipelines.registry import generate

        plan = generate(pipeline, athlete, goal, seed=seed)
        before = sessions_of(plan)
        context = context_of(athlete, goal, frames(plan), before)
        found = what_if(context, before, scaled(before, 0.8))
        text = json.dumps(as_json(found), allow_nan=False)
        assert len(json.loads(text)["days"]) == context.n_days + 1
        assert np.isfinite(found.after_curves.form).all()


def test_a_week_without_load_is_an_answer_not_a_crash(marathon):
    before, context, plan, *_ = marathon
    week = next(w for w in plan.weeks if w.phase == "build")
    ids = {s.session_id for s in week.sessions}
    after = {key: {**entry, "load": 0.0} if key in ids else entry for key, entry in before.items()}
    found = what_if(context, before, after)
    assert found.delta.value > 0
