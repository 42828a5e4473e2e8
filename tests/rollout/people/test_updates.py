"""Which messages a rollout's life causes, from the record, each once."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest

from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from rollout.gates.evidence import Outcome, Tally, Verdict
from rollout.lifecycle import State
from rollout.models import Incident, IncidentEntry, OutcomeMinute, Rollout, RolloutMessage
from rollout.policy.load import shipped
from rollout.services.updates import tell_daily, tell_incident, tell_step, tell_weekly
from rollout.tasks import daily_status, deliver_messages, weekly_report
from tests.rollout.people.making import KEY, make_rollout, make_step

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 3, 9, 6, 45, tzinfo=UTC)


def told(**where):
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(RolloutMessage.objects.filter(**where).order_by("id"))


def test_the_daily_status_comes_once_a_day_from_what_was_counted_at_this_stage():
    gate = shipped()["five-stage"].gates[0]
    verdict = asdict(Verdict(gate.name, Outcome.INCONCLUSIVE, n=7, why="7 of 500 answers"))
    with clock.frozen(MONDAY):
        run = make_rollout(verdicts_json=[verdict], waits_for="more answers")
        with unit_of_work(COMMAND_LINE):
            for minute, stage in ((1, 3), (2, 3), (3, 2)):
                OutcomeMinute.objects.create(
                    rollout=run, stage=stage, minute=MONDAY + timedelta(minutes=minute),
                    new_json=Tally(answered=10, failed=1).as_json(),
                )  # fmt: skip
    for at in (MONDAY, MONDAY + timedelta(hours=3), MONDAY + timedelta(days=1)):
        assert tell_daily(at) == 1
    first, second = told()
    assert (first.group, first.rollout_id) == ("team", run.pk)
    assert "Stage 4 of 5" in first.text
    assert "20 answered" in first.text
    assert "2 of 20 (10 %) failed" in first.text
    assert "inconclusive" in first.text
    assert "control  no data" in first.text
    assert "Waits for: more answers" in first.text
    assert second.dedupe_key != first.dedupe_key


def test_what_ended_has_no_daily_status():
    make_rollout(state=State.COMPLETED)
    assert tell_daily(clock.now()) == 0


def test_a_step_is_told_in_its_transaction_and_only_if_it_is_one_to_tell():
    run = make_rollout()
    for command in ("advance", "hold", "release"):
        step = make_step(run, command)
        with unit_of_work(COMMAND_LINE):
            tell_step(rollout=run, step=step)
            tell_step(rollout=run, step=step)
    (message,) = told()
    assert message.subject == f"{KEY} advanced to “{shipped()['five-stage'].stages[3].title}”"


def test_the_end_of_a_run_is_reported_to_stakeholders_with_every_step():
    run = make_rollout()
    make_step(run, "start")
    make_step(run, "advance")
    with unit_of_work(COMMAND_LINE):
        Rollout.objects.filter(pk=run.pk).update(state="rolled_back", ended_at=clock.now())
        run.refresh_from_db()
    step = make_step(run, "confirm")
    with unit_of_work(COMMAND_LINE):
        tell_step(rollout=run, step=step)
    reports = told(kind="post_rollout")
    assert {row.group for row in reports} == {"team", "stakeholders"}
    assert "was rolled back" in reports[0].subject
    assert reports[0].text.count("by engine") == 3


def test_an_incident_is_told_to_everybody_once_a_state():
    run = make_rollout()
    with unit_of_work(COMMAND_LINE):
        incident = Incident.objects.create(flag=run.flag, rollout=run, title="Errors", automatic=True)
        IncidentEntry.objects.create(incident=incident, at=clock.now(), actor="service:engine", text="rolled back")
        tell_incident(incident=incident)
        tell_incident(incident=incident)
        assert RolloutMessage.objects.count() == 3
        incident.status = "closed"
        incident.cause = "a bad index"
        incident.save()
        tell_incident(incident=incident)
    assert len(told()) == 6
    assert "Cause: a bad index" in told()[-1].text
    assert "engine: rolled back" in told()[0].text


def test_the_weekly_report_is_about_the_seven_days_before_and_comes_once():
    with clock.frozen(MONDAY - timedelta(days=3)):
        run = make_rollout()
        make_step(run, "advance", why="in the week")
    with clock.frozen(MONDAY - timedelta(days=9)):
        make_step(run, "advance", why="before the week")
    assert tell_weekly(MONDAY) is tell_weekly(MONDAY + timedelta(hours=1)) is True
    messages = told()
    assert {row.group for row in messages} == {"team", "stakeholders"}
    assert len(messages) == 2
    assert messages[0].subject == "Rollouts in 2026-W10: 1 live, 0 incidents"
    assert "in the week" in messages[0].text
    assert "before the week" not in messages[0].text


def test_a_week_in_which_nothing_was_going_on_is_not_told():
    assert tell_weekly(MONDAY) is False
    assert told() == []


def test_the_tasks_do_it():
    make_rollout()
    daily_status()
    weekly_report()
    deliver_messages()
    assert {row.kind for row in told()} == {"daily_status", "weekly"}


def test_synthetic_runs_are_marked():
    make_rollout(synthetic=True)
    tell_daily(clock.now())
    assert told()[0].subject.startswith("[synthetic]")
