"""A run from its request to its end, on real rows and a virtual clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from common import clock
from common.errors import InvalidInput, NotPermitted, StaleVersion, WrongState
from rollout.errors import IncidentOpen, PolicyUnknown
from rollout.evaluation import Subject
from rollout.models import Approval, Flag, Incident, OutcomeMinute, Rollout, RolloutStep
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.selectors import evaluate
from rollout.services import rollouts
from rollout.services.approvals import approve, refuse
from rollout.services.incidents import acknowledge_incident, close_incident
from rollout.services.tick import tick
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def at_small(live, admin):
    """Bring a run to its percentage stage."""
    live.windows(6)
    live.minutes(1)
    assert live.stage == "small"
    return live


def looked_at(live, admin):
    rollouts.record_check(
        rollout_id=live.run.pk, gate="looked-at", passed=True, evidence="read the plans", acting_user=admin
    )


def test_a_run_walks_through_its_stages_and_completes(live, admin):
    assert (live.run.state, live.stage) == ("running", "team")
    assert set(Flag.objects.get(name=KEY).allow_groups.values_list("name", flat=True)) == {"team"}
    at_small(live, admin)
    assert Flag.objects.get(name=KEY).rollout_thousandths == 10_000
    looked_at(live, admin)
    live.minutes(61)
    assert live.stage == "all"
    assert Flag.objects.get(name=KEY).rollout_thousandths == 100_000
    live.minutes(61, control=0)
    assert live.run.state == "completed"
    assert Flag.objects.get(name=KEY).rollout_id is None
    commands = list(RolloutStep.objects.filter(rollout=live.run).values_list("command", flat=True))
    assert commands == ["approve", "start", "advance", "advance", "complete"]


def test_nobody_alone_starts_a_run(flag, policies, admin, second, scientist):
    wish = rollouts.request_rollout(key=KEY, policy_name="short", reason="try", acting_user=admin)
    with pytest.raises(NotPermitted, match="another person"):
        approve(approval_id=wish.pk, acting_user=admin)
    with pytest.raises(NotPermitted):
        approve(approval_id=wish.pk, acting_user=scientist)
    assert Rollout.objects.get().state == "draft"
    approve(approval_id=wish.pk, acting_user=second)
    assert Rollout.objects.get().state == "scheduled"


def test_a_refused_wish_discards_the_draft(flag, policies, admin, second):
    wish = rollouts.request_rollout(key=KEY, policy_name="short", reason="try", acting_user=admin)
    refuse(approval_id=wish.pk, comment="not before the race", acting_user=second)
    assert Rollout.objects.get().state == "rolled_back"
    rollouts.request_rollout(key=KEY, policy_name="short", reason="again", acting_user=admin)


def test_a_draft_that_nobody_answers_goes_and_leaves_its_flag_free(flag, policies, admin, second):
    asked = {"key": KEY, "policy_name": "short", "reason": "try it", "acting_user": admin}
    wish = rollouts.request_rollout(**asked)
    tick(at=wish.expires_at - timedelta(seconds=1))
    assert Rollout.objects.get().state == "draft"
    [ticked] = tick(at=wish.expires_at)
    assert ticked.commands == ("discard",)
    wish.refresh_from_db()
    assert (wish.approved, wish.comment) == (False, "nobody answered in time")
    with clock.frozen(wish.expires_at):
        assert rollouts.request_rollout(**asked).pk != wish.pk


def test_one_run_of_a_flag_at_a_time(live, admin):
    with pytest.raises(WrongState, match="live already"):
        rollouts.request_rollout(key=KEY, policy_name="short", reason="more", acting_user=admin)


def test_an_unknown_or_unreadable_policy_is_refused_with_its_mistakes(flag, policies, admin):
    with pytest.raises(PolicyUnknown, match="ten-step-canary"):
        rollouts.request_rollout(key=KEY, policy_name="none", reason="x", acting_user=admin)
    (policies / "bad.toml").write_text('name = "bad"\n')
    with pytest.raises(PolicyUnknown, match="bad.toml"):
        rollouts.request_rollout(key=KEY, policy_name="bad", reason="x", acting_user=admin)


def test_failures_in_a_row_roll_back_within_the_minute_and_open_an_incident(live, admin):
    at_small(live, admin)
    live.minutes(1, failing=True)
    assert live.run.state == "rolling_back"
    flag = Flag.objects.get(name=KEY)
    assert flag.rollout_thousandths == 0
    assert not flag.allow_groups.exists()
    assert flag.killed_at is None
    incident = Incident.objects.get()
    assert incident.automatic
    assert "failures-in-a-row" in str(incident.evidence_json)
    live.tick()
    assert live.run.state == "rolled_back"


def test_an_unsafe_plan_kills_the_flag(live, admin):
    at_small(live, admin)
    live.minutes(1, unsafe=True)
    assert Flag.objects.get(name=KEY).killed_at is not None
    assert live.run.state == "rolling_back"


def test_a_new_run_waits_for_acknowledgement_and_cool_down(live, admin):
    at_small(live, admin)
    live.minutes(2, failing=True)
    again = {"key": KEY, "policy_name": "short", "reason": "fixed", "acting_user": admin}
    with clock.frozen(live.now), pytest.raises(IncidentOpen, match="not acknowledged"):
        rollouts.request_rollout(**again)
    incident = Incident.objects.get()
    with clock.frozen(live.now):
        acknowledge_incident(incident_id=incident.pk, cause="a missing unit", acting_user=admin)
        with pytest.raises(IncidentOpen, match="cool-down"):
            rollouts.request_rollout(**again)
        close_incident(incident_id=incident.pk, cause="a missing unit", follow_up="a test", acting_user=admin)
    with clock.frozen(live.now + timedelta(hours=3)):
        rollouts.request_rollout(**again)
    assert [entry.text[:12] for entry in incident.entries.all()][1:] == ["Acknowledged", "Closed. Foll"]


def test_missing_evidence_puts_the_end_off_once_and_then_waits_for_a_person(live, admin):
    at_small(live, admin)
    live.minutes(61)
    assert (live.run.state, live.stage, live.run.extensions) == ("running", "small", 1)
    live.minutes(61)
    assert (live.run.state, live.stage) == ("holding", "small")
    assert "looked-at" in live.run.waits_for


def test_advancing_without_conclusive_evidence_asks_a_second_person(live, admin, second):
    at_small(live, admin)
    live.minutes(5)
    with clock.frozen(live.now):
        wish = rollouts.advance(
            rollout_id=live.run.pk, expected=live.run.version, reason="race season", acting_user=admin
        )
    assert isinstance(wish, Approval)
    live.refresh()
    assert live.stage == "small"
    with clock.frozen(live.now):
        approve(approval_id=wish.pk, acting_user=second)
    live.refresh()
    assert live.stage == "all"
    assert RolloutStep.objects.filter(rollout=live.run).last().verdicts_json


def test_an_agreement_is_void_once_the_run_took_another_step(live, admin, second):
    at_small(live, admin)
    live.minutes(5)
    with clock.frozen(live.now):
        asked = {"rollout_id": live.run.pk, "expected": None, "reason": "go", "acting_user": admin}
        wish = rollouts.advance(**asked)
        rollouts.pause(**asked)
        rollouts.resume(**asked)
        with pytest.raises(StaleVersion):
            approve(approval_id=wish.pk, acting_user=second)
    live.refresh()
    assert live.stage == "small"


def test_a_change_decided_on_an_older_step_is_refused(live, admin):
    seen = live.run.version
    asked = {"rollout_id": live.run.pk, "reason": "x", "acting_user": admin}
    rollouts.pause(expected=seen, **asked)
    with pytest.raises(StaleVersion):
        rollouts.rollback(expected=seen, **asked)
    rollouts.rollback(expected=None, **asked)
    assert Rollout.objects.get().state == "rolling_back"


def test_going_back_reaches_fewer_and_begins_the_stage_anew(live, admin):
    at_small(live, admin)
    asked = {"rollout_id": live.run.pk, "expected": None, "reason": "fewer", "acting_user": admin}
    with clock.frozen(live.now):
        with pytest.raises(InvalidInput, match="one of team"):
            rollouts.step_back(stage="all", **asked)
        rollouts.step_back(stage="team", **asked)
    live.refresh()
    assert live.stage == "team"
    assert Flag.objects.get(name=KEY).rollout_thousandths == 0


def test_a_paused_run_stays_and_is_still_rolled_back(live, admin):
    at_small(live, admin)
    rollouts.pause(rollout_id=live.run.pk, expected=None, reason="holiday", acting_user=admin)
    live.windows(18)
    assert (live.run.state, live.stage) == ("paused", "small")
    live.minutes(1, failing=True)
    assert live.run.state == "rolling_back"


def test_a_killed_flag_is_not_widened_and_keeps_its_run(live, admin):
    from rollout.services.flags import kill_flag

    at_small(live, admin)
    looked_at(live, admin)
    kill_flag(key=KEY, reason="fire", acting_user=admin)
    live.windows(18)
    assert (live.run.state, live.stage) == ("running", "small")
    assert evaluate(KEY, Subject("anyone", "elite")).reason == "killed"


def test_a_missing_scheduler_costs_a_fresh_full_window_and_never_a_stage(live, admin):
    at_small(live, admin)
    looked_at(live, admin)
    live.minutes(50)
    live.now += timedelta(hours=3)
    live.tick()
    assert live.stage == "small"
    assert live.run.fresh_from == live.now
    live.minutes(59)
    assert live.stage == "small"
    live.minutes(2)
    assert live.stage == "all"


def test_a_second_look_at_the_same_moment_changes_nothing(live, admin):
    at_small(live, admin)
    steps = RolloutStep.objects.count()
    assert all(not found.commands for found in live.tick())
    assert RolloutStep.objects.count() == steps


def test_every_step_is_in_the_audit_log_twice(live, admin):
    at_small(live, admin)
    steps = AuditEvent.objects.filter(action="rollout.step", target_id=live.run.pk).count()
    assert steps == AuditEvent.objects.filter(action="rollout.state", target_id=live.run.pk).count() == 3


def test_facts_are_counted_once_and_by_minute(live, admin):
    live.minutes(3, new=4, control=2)
    rows = OutcomeMinute.objects.filter(rollout=live.run).order_by("minute")
    assert [row.new_json.get("answered", 0) for row in rows if row.new_json] == [4, 4, 4]
    assert sum(row.control_json.get("answered", 0) for row in rows if row.control_json) == 6


@pytest.mark.parametrize("role", ["coach", "athlete", "support", "compliance"])
def test_only_those_who_manage_rollouts_touch_them(live, role):
    with pytest.raises(NotPermitted):
        rollouts.rollback(rollout_id=live.run.pk, expected=None, reason="x", acting_user=make_user(role))
