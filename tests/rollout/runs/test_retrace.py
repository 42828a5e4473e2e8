"""A live run, and the same decisions taken again from what was recorded: equal, step by step and to the moment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from common import clock
from rollout.models import RolloutStep
from rollout.recorded import retrace
from rollout.services import rollouts

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def live_steps(live) -> list[tuple]:
    """The engine's and people's steps after the start, those of one tick together."""
    found: dict = {}
    for step in RolloutStep.objects.filter(rollout=live.run, number__gt=2).order_by("number"):
        found.setdefault(step.at, [[], 0, ""])
        found[step.at][0].append(step.command)
        found[step.at][1:] = [step.to_stage, step.to_state]
    return [(at, ", ".join(words), stage, state) for at, (words, stage, state) in found.items()]


def traced_steps(live) -> list[tuple]:
    trace = retrace(live.run)
    stages = {name: index for index, name in enumerate(["team", "small", "all"])}
    return [(d.at, d.command, stages[d.stage], d.state.value) for d in trace.decisions if d.command]


def agrees(live) -> list[str]:
    steps = live_steps(live)
    assert traced_steps(live) == steps
    return [words for _, words, _, _ in steps]


def looked_at(live, admin):
    with clock.frozen(live.now):
        rollouts.record_check(rollout_id=live.run.pk, gate="looked-at", passed=True, evidence="read", acting_user=admin)


def test_of_a_run_that_completes(live, admin):
    live.minutes(31)
    looked_at(live, admin)
    live.minutes(61)
    live.minutes(62, control=0)
    assert agrees(live) == ["advance", "advance", "complete"]


def test_of_a_run_that_is_rolled_back_by_a_breaker(live):
    live.minutes(43)
    live.minutes(2, failing=True)
    assert agrees(live) == ["advance", "rollback", "confirm"]


def test_of_a_run_that_is_extended_and_waits(live):
    live.minutes(30 + 61 + 61)
    assert agrees(live) == ["advance", "extend", "hold"]


def test_of_a_run_that_nobody_watched_for_a_while_and_a_person_sent_back(live, admin):
    live.minutes(40)
    live.now += timedelta(hours=2)
    live.minutes(20)
    with clock.frozen(live.now):
        rollouts.step_back(rollout_id=live.run.pk, expected=None, stage="team", reason="fewer", acting_user=admin)
    live.minutes(40)
    assert agrees(live) == ["advance", "restart", "step_back", "advance"]
