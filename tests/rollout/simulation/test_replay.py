"""How a run moves, and what the engine may never do, for any evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.engine import RunView, Step, end_of, next_step
from rollout.gates.evidence import Outcome, Seen, Verdict
from rollout.lifecycle import ENDED, EXPOSING, Command, NotPossible, State
from rollout.policy.load import shipped
from rollout.policy.model import Policy, Purpose
from rollout.replay import act, apply
from rollout.simulation.run import START

pytestmark = pytest.mark.pure

POLICIES = list(shipped().values())
CANARY = shipped()["ten-step-canary"]
RUNNING = RunView(State.RUNNING, 3, START, extensions=1, last_tick=START)
LATER = START + timedelta(hours=30)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Policy, RunView, Seen, object]:
    """Any run of any shipped policy, any evidence, any moment."""
    policy = draw(st.sampled_from(POLICIES))
    stage = draw(st.integers(0, len(policy.stages) - 1))
    hours = st.integers(-2000, 2000).map(lambda hour: timedelta(hours=hour))
    at = START + draw(hours)
    run = RunView(
        draw(st.sampled_from(sorted(EXPOSING))),
        stage,
        START,
        draw(st.integers(0, 3)),
        draw(st.none() | hours.map(lambda time: START + time) | st.just(at - policy.window)),
    )
    outcome = st.sampled_from([Outcome.PASS] * 6 + list(Outcome))
    verdicts = [Verdict(gate.name, draw(outcome), why="why") for gate in policy.gates_of(policy.stages[stage])]
    newest = draw(st.sampled_from([None, at, at - policy.window, at - timedelta(hours=5)]))
    return policy, run, Seen(verdicts, newest, draw(st.booleans())), at


@given(situations())
def test_no_stage_is_left_with_an_open_gate_or_before_its_time(situation):
    policy, run, seen, at = situation
    step = next_step(policy, run, seen, at)
    if step.command in (Command.ADVANCE, Command.COMPLETE):
        stage = policy.stages[run.stage]
        telling = {g.name for g in policy.gates_of(stage) if g.purpose in (Purpose.ALERT, Purpose.PAGE)}
        assert all(v.outcome is Outcome.PASS for v in seen.verdicts if v.gate not in telling)
        assert at >= end_of(stage, run)
        assert not seen.gap
        assert run.state is not State.PAUSED


@given(situations())
def test_failed_safety_gate_beats_everything(situation):
    policy, run, seen, at = situation
    gates = {gate.name: gate for gate in policy.gates_of(policy.stages[run.stage])}
    failed = {gates[v.gate].purpose for v in seen.verdicts if v.outcome is Outcome.FAIL}
    step = next_step(policy, run, seen, at)
    assert (step.command is Command.ROLLBACK) == bool(failed & {Purpose.KILL, Purpose.ROLLBACK})
    assert step.kill == (Purpose.KILL in failed)


@given(situations())
def test_tick_moves_one_stage_at_most_and_counts_evidence_from_then_on(situation):
    policy, run, seen, at = situation
    step = next_step(policy, run, seen, at)
    moved = apply(policy, run, step, at)
    assert moved.last_tick == at
    assert moved.stage - run.stage == (step.command is Command.ADVANCE)
    anew = step.restart or step.command is Command.ADVANCE
    assert moved.fresh_from == (at if anew else run.fresh_from)
    assert moved.extensions == (0 if anew else run.extensions + step.extend)


@given(situations())
def test_what_was_not_seen_widens_nothing(situation):
    policy, run, seen, at = situation
    step = next_step(policy, run, replace(seen, newest=None), max(at, START + timedelta(hours=1)))
    assert step.command in (None, Command.HOLD, Command.RELEASE, Command.ROLLBACK)
    assert not step.extend


@given(situations(), st.sampled_from(sorted(State)))
def test_run_that_exposes_nobody_is_left_alone(situation, state):
    policy, run, seen, at = situation
    if state not in EXPOSING:
        assert next_step(policy, replace(run, state=state), seen, at).command is None


def test_advance_begins_the_next_stage_afresh():
    assert apply(CANARY, RUNNING, Step(Command.ADVANCE, ""), LATER) == RunView(State.RUNNING, 4, LATER, 0, LATER)


def test_extension_puts_the_end_off_and_nothing_else():
    assert apply(CANARY, RUNNING, Step(None, "", extend=True), LATER) == replace(RUNNING, extensions=2, last_tick=LATER)


def test_restart_lets_the_time_begin_anew_in_the_same_stage():
    held = replace(RUNNING, state=State.HOLDING)
    moved = apply(CANARY, held, Step(Command.RELEASE, "", restart=True), LATER)
    assert moved == RunView(State.RUNNING, 3, LATER, 0, LATER)


def test_rollback_goes_through_rolling_back_and_keeps_its_stage():
    back = apply(CANARY, RUNNING, Step(Command.ROLLBACK, ""), LATER)
    assert (back.state, back.stage) == (State.ROLLING_BACK, 3)
    assert apply(CANARY, back, Step(Command.CONFIRM, ""), LATER).state in ENDED


def test_person_steps_back_to_an_earlier_stage_afresh_and_counts_as_no_tick():
    moved = act(CANARY, replace(RUNNING, stage=6), Command.STEP_BACK, LATER, to_stage=3)
    assert moved == RunView(State.RUNNING, 3, LATER, 0, START)


@pytest.mark.parametrize("to_stage", [None, -1, 3, 4])
def test_step_back_goes_to_an_earlier_stage_only(to_stage):
    with pytest.raises(NotPossible):
        act(CANARY, RUNNING, Command.STEP_BACK, LATER, to_stage=to_stage)


def test_there_is_no_stage_after_the_last():
    with pytest.raises(NotPossible):
        act(CANARY, replace(RUNNING, stage=len(CANARY.stages) - 1), Command.ADVANCE, LATER)
