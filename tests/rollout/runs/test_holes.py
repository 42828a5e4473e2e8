"""Ways round the rules that a second pair of eyes found: each stays closed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.errors import NotPermitted, StaleVersion, WrongState
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from rollout.attribution import Attribution
from rollout.errors import IncidentOpen, PolicyUnknown, SecondPersonNeeded
from rollout.evaluation import Subject
from rollout.gates.evidence import Arm
from rollout.models import Flag, OutcomeKind, OutcomeMinute, Rollout, RolloutCheck, RolloutMessage
from rollout.recorded import retrace
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.selectors import evaluate
from rollout.services import approvals, flags, rollouts
from rollout.services.approvals import approve
from rollout.services.outcomes import record_answer, record_fact
from rollout.services.tick import tick
from rollout.services.updates import tell_daily
from tests.rollout.runs.driver import POLICY, begun

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def small(live):
    live.windows(6, new=1, control=1)
    live.minutes(1, new=1, control=1)
    assert live.stage == "small"
    return live


def passed(live, admin):
    with clock.frozen(live.now):
        rollouts.record_check(rollout_id=live.run.pk, gate="looked-at", passed=True, evidence="x", acting_user=admin)


def answers(live, people, **outcome):
    with clock.frozen(live.now), unit_of_work(COMMAND_LINE):
        live.refresh()
        for person in people:
            where = Attribution(str(live.run.pk), live.run.stage, Arm.NEW)
            record_answer(attribution=where, athlete_id=person, source_id=uuid7(), latency_ms=1.0, **outcome)


def asked(live, admin, **more):
    return {"rollout_id": live.run.pk, "expected": None, "reason": "trouble", "acting_user": admin, **more}


def test_a_policy_that_reads_no_more_stops_neither_others_nor_a_rollback(live, admin, second):
    with unit_of_work(COMMAND_LINE):
        Flag.objects.create(name="plan.other", enabled=True)
    with clock.frozen(live.now):
        wish = rollouts.request_rollout(key="plan.other", policy_name="short", reason="x", acting_user=admin)
        approve(approval_id=wish.pk, acting_user=second)
    Rollout.objects.filter(pk=live.run.pk).update(policy_text="not toml [")
    with clock.frozen(live.now):
        tick(at=live.now)
        tell_daily(live.now)
        rollouts.rollback(**asked(live, admin))
    assert Rollout.objects.get(pk=wish.rollout_id).state == "running"
    assert Rollout.objects.get(pk=live.run.pk).state == "rolling_back"
    assert RolloutMessage.objects.filter(text__contains="cannot be watched").exists()


def test_overwhelming_evidence_is_written_down_and_rolls_back(flag, policies, admin, second):
    gate = """
[[gate]]
name = "slower"
kind = "guardrail"
purpose = "rollback"
metric = "slower"
above_ms = 500
margin = 1.1
alpha = 0.01
min_n = 10
stages = ["small"]
"""
    (policies / "slow.toml").write_text(POLICY.format(name="slow") + gate)
    live = small(begun(KEY, policy="slow", by=admin, approver=second))
    people = {Arm.NEW: [uuid7()], Arm.CONTROL: [uuid7() for _ in range(9)]}  # as the percentage shares them out
    for _ in range(6):
        with clock.frozen(live.now), unit_of_work(COMMAND_LINE):
            for arm, latency in ((Arm.NEW, 900.0), (Arm.CONTROL, 100.0)):
                for number in range(150):
                    where, who = Attribution(str(live.run.pk), 1, arm), people[arm][number % len(people[arm])]
                    record_answer(attribution=where, athlete_id=who, source_id=uuid7(), latency_ms=latency)
        live.now += timedelta(minutes=1)
        live.tick()
    assert live.run.state in ("rolling_back", "rolled_back")


def test_an_agreement_to_resume_covers_the_kill_it_was_asked_for(live, admin, second):
    small(live)
    with clock.frozen(live.now):
        flags.kill_flag(key=KEY, reason="first", acting_user=admin)
        wish = approvals.ask_to_resume(key=KEY, reason="a false alarm", acting_user=admin)
    before = AuditEvent.objects.count()
    with clock.frozen(live.now + timedelta(minutes=1)):
        flags.kill_flag(key=KEY, reason="another thing", acting_user=second)
        assert AuditEvent.objects.count() > before
        with pytest.raises(StaleVersion):
            approve(approval_id=wish.pk, acting_user=second)
    assert Flag.objects.get(name=KEY).killed_at is not None


@pytest.mark.parametrize("how", ["kill", "pause", "environment"])
def test_what_stood_still_begins_anew(live, admin, second, settings, how):
    small(live)
    passed(live, admin)
    live.minutes(12)
    with clock.frozen(live.now):
        if how == "kill":
            flags.kill_flag(key=KEY, reason="first", acting_user=admin)
        elif how == "pause":
            rollouts.pause(**asked(live, admin))
    settings.FLAGS_KILLED = [KEY] if how == "environment" else []
    live.minutes(120, new=1, control=1)
    assert live.stage == "small"
    settings.FLAGS_KILLED = []
    with clock.frozen(live.now):
        if how == "kill":
            wish = approvals.ask_to_resume(key=KEY, reason="ok", acting_user=admin)
            approve(approval_id=wish.pk, acting_user=second)
        elif how == "pause":
            rollouts.resume(**asked(live, admin))
    live.minutes(2, new=1, control=1)
    assert live.stage == "small"
    assert live.run.fresh_from >= live.now - timedelta(minutes=3)


def test_silence_is_no_evidence(live, admin):
    small(live)
    passed(live, admin)
    live.minutes(12)
    live.minutes(60, new=0, control=0)
    assert live.stage == "small"


def test_a_group_of_a_later_stage_is_not_filled_alone(flag, policies, admin, second, scientist):
    text = POLICY.format(name="grp").replace('10\ngroups = ["team"]', '10\ngroups = ["team", "beta-users"]')
    (policies / "grp.toml").write_text(text)
    begun(KEY, policy="grp", by=admin, approver=second)
    with pytest.raises(SecondPersonNeeded):
        flags.set_group(name="beta-users", subject_ids=[uuid7()], acting_user=scientist)


def test_whom_an_override_keeps_out_is_not_let_in_alone(live, admin, scientist):
    who = {"key": KEY, "subject_id": uuid7(), "reason": "bad reaction"}
    end = clock.now() + timedelta(days=30)
    flags.set_user_override(value=False, expires_at=end, acting_user=admin, **who)
    with pytest.raises(SecondPersonNeeded):
        flags.clear_user_override(acting_user=scientist, **who)
    with pytest.raises(SecondPersonNeeded):
        sooner = clock.now() + timedelta(seconds=1)
        flags.set_user_override(value=False, expires_at=sooner, acting_user=scientist, **who)


def test_stepping_back_switches_nothing_on_that_a_person_switched_off(live, admin, scientist):
    small(live)
    passed(live, admin)
    live.minutes(61)
    with clock.frozen(live.now):
        off = {"enabled": False, "rollout_thousandths": 0}
        flags.change_flag(key=KEY, changes=off, reason="trouble", acting_user=admin)
        rollouts.step_back(stage="small", **asked(live, scientist))
    found = Flag.objects.get(name=KEY)
    assert (found.enabled, found.rollout_thousandths) == (False, 0)


@pytest.mark.parametrize("how", ["rollback", "step_back"])
def test_a_tier_that_a_stage_opened_is_closed_again(flag, policies, admin, second, how):
    text = POLICY.format(name="tier").replace('"small"\ntitle', '"small"\ntier = ""\ntitle')
    (policies / "tier.toml").write_text(text.replace('"all"\ntitle', '"all"\ntier = ""\ntitle'))
    live = small(begun(KEY, policy="tier", by=admin, approver=second))
    assert Flag.objects.get(name=KEY).requires_tier == ""
    with clock.frozen(live.now):
        if how == "rollback":
            rollouts.rollback(**asked(live, admin))
        else:
            rollouts.step_back(stage="team", **asked(live, admin))
    assert Flag.objects.get(name=KEY).requires_tier == "elite"


def test_a_rollback_ends_an_override_for_everybody(live, admin):
    small(live)
    Flag.objects.filter(name=KEY).update(admin_override=True)
    with clock.frozen(live.now):
        rollouts.rollback(**asked(live, admin))
    assert evaluate(KEY, Subject("a", "free")).value is False


def test_critical_reports_about_an_earlier_stages_answers_count(flag, policies, admin, second):
    gate = """
[[gate]]
name = "critical"
kind = "slo"
purpose = "rollback"
metric = "critical_count"
limit = 3
window = "24 h"
stages = ["team", "small"]
"""
    (policies / "crit.toml").write_text(POLICY.format(name="crit") + gate)
    live = begun(KEY, policy="crit", by=admin, approver=second)
    people = [uuid7() for _ in range(10)]
    answers(live, people)
    small(live)
    with clock.frozen(live.now), unit_of_work(COMMAND_LINE):
        for person in people:
            record_fact(flag_key=KEY, athlete_id=person, kind=OutcomeKind.REPORT, source_id=uuid7(), critical=True)
    live.minutes(15, new=1, control=1)
    assert live.run.state != "running"


@pytest.mark.parametrize("leap", [timedelta(days=2), -timedelta(minutes=20)])
def test_a_clock_that_leaps_hides_no_failure(live, leap):
    small(live)
    live.minutes(20)
    true = live.now
    live.now += leap
    live.tick()
    if leap > timedelta():
        live.now = true
    live.minutes(18, new=20, control=20, failing=True)
    assert live.run.state in ("rolling_back", "rolled_back")


def test_subjects_are_counted_anew_with_the_evidence(live):
    small(live)
    people = [uuid7() for _ in range(20)]
    answers(live, people)
    live.minutes(5, new=0, control=0)
    live.now += timedelta(minutes=30)
    live.tick()
    fresh = live.run.fresh_from
    answers(live, people)
    live.minutes(5, new=0, control=0)
    rows = OutcomeMinute.objects.filter(rollout=live.run, minute__gte=fresh.replace(second=0))
    assert sum(row.new_json.get("subjects", 0) for row in rows) == 20


def test_a_killed_run_is_retraced_as_it_was(live, admin):
    small(live)
    passed(live, admin)
    live.minutes(12)
    with clock.frozen(live.now):
        flags.kill_flag(key=KEY, reason="first", acting_user=admin)
    live.minutes(60, new=0, control=0)
    trace = retrace(live.run)
    assert (str(trace.state), trace.stage) == (live.run.state, live.stage)


def test_nobody_in_particular_asks_for_nothing(flag, policies):
    with pytest.raises(NotPermitted, match="person"):
        rollouts.request_rollout(key=KEY, policy_name="short", reason="x", acting_user=COMMAND_LINE)


def test_a_text_changed_after_the_approval_is_not_followed(flag, policies, admin, second):
    wish = rollouts.request_rollout(key=KEY, policy_name="short", reason="x", acting_user=admin)
    text = POLICY.format(name="short").replace("percentage = 0\n", "percentage = 9\n")
    Rollout.objects.filter(pk=wish.rollout_id).update(policy_text=text)
    with pytest.raises(WrongState, match="approved"):
        approve(approval_id=wish.pk, acting_user=second)


def test_a_run_does_not_start_over_an_open_incident(flag, policies, admin, second):
    wish = rollouts.request_rollout(key=KEY, policy_name="short", reason="x", acting_user=admin)
    flags.kill_flag(key=KEY, reason="fire", acting_user=admin)
    resume = approvals.ask_to_resume(key=KEY, reason="x", acting_user=admin)
    approve(approval_id=resume.pk, acting_user=second)
    with pytest.raises(IncidentOpen):
        approve(approval_id=wish.pk, acting_user=second)


def test_no_level_is_skipped_by_an_agreed_change(live, admin):
    small(live)
    with pytest.raises(WrongState, match="rollout"):
        approvals.ask_for_change(key=KEY, changes={"rollout_thousandths": 100_000}, reason="x", acting_user=admin)


def test_evidence_belongs_to_a_stage_that_runs(live, admin):
    small(live)
    with clock.frozen(live.now):
        rollouts.rollback(**asked(live, admin))
    with pytest.raises(WrongState):
        passed(live, admin)
    assert not RolloutCheck.objects.exists()


def test_a_policy_in_which_nothing_could_stop_a_stage_is_refused(flag, policies, admin):
    alone = '[[gate]]\nname = "a"\nkind = "slo"\npurpose = "alert"\nmetric = "error"\nlimit = 0.05\nmin_n = 10\n'
    (policies / "blind.toml").write_text(POLICY.split("[[gate]]")[0].format(name="blind") + alone)
    with pytest.raises(PolicyUnknown, match="none that holds or rolls back"):
        rollouts.request_rollout(key=KEY, policy_name="blind", reason="x", acting_user=admin)
