"""`rollout start`, `approve`, `refuse`, `check`, `advance`, `hold`, `resume`, `tick`."""

from __future__ import annotations

import pytest

from common import clock
from common.ids import uuid7
from rollout.models import Approval, Flag, FlagProcess, Rollout, RolloutCheck
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.selectors import version_token
from tests.rollout.commands.conftest import rollout, rollout_json

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.long]


@pytest.fixture
def at_small(live):
    live.windows(5)
    live.minutes(15)
    with clock.frozen(live.now):
        yield live


def asked(admin, *more):
    return rollout_json("start", KEY, "--policy", "short", "--reason", "try", *more, by=admin)


def test_start_asks_and_names_who_may_approve(flag, policies, admin, second):
    ended = asked(admin)
    assert ended.code == 0
    wish = ended.json["asked"]
    assert (wish["kind"], wish["flag"], wish["wish"]["policy"]) == ("start", KEY, "short")
    assert wish["may_approve"] == [second.email]
    assert Rollout.objects.get().state == "draft"
    assert Flag.objects.get(name=KEY).rollout_thousandths == 0


def test_start_for_people_prints_the_next_command(flag, policies, admin, second):
    text = rollout("start", KEY, "--policy", "short", "--reason", "try", by=admin).text
    assert f"manage.py rollout approve {Approval.objects.get().pk} --as {second.email}" in text


def test_start_later_waits_for_its_time(flag, policies, admin, second):
    wish = asked(admin, "--at", "2099-01-05").json["asked"]["id"]
    assert rollout("approve", wish, "--wait", 0, by=second).code == 0
    rollout("tick")
    assert Rollout.objects.get().state == "scheduled"
    assert asked(admin, "--at", "soon").code == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["plan.none", "--policy", "short", "--reason", "x"], 2),
        ([KEY, "--policy", "none", "--reason", "x"], 2),
        ([KEY, "--policy", "short"], 2),
    ],
)
def test_start_refuses_with_a_problem(flag, policies, admin, arguments, code):
    ended = rollout_json("start", *arguments, by=admin)
    assert ended.code == code
    assert ended.json["error"]["detail"]
    assert not Rollout.objects.exists()


def test_start_needs_a_name_and_a_role(flag, policies, scientist):
    assert rollout_json("start", KEY, "--policy", "short", "--reason", "x").code == 2
    from tests.factories import make_user

    assert asked(make_user("coach")).code == 3
    assert asked(scientist).code == 0


def test_a_second_start_conflicts(live, admin):
    assert asked(admin).code == 4


def test_the_inbox_lists_what_waits_and_approving_empties_it(flag, policies, admin, second):
    wish = asked(admin).json["asked"]["id"]
    assert [row["id"] for row in rollout_json("approve", by=second).json] == [wish]
    assert wish in rollout("approve").text
    ended = rollout_json("approve", wish, "--reason", "looks good", "--wait", 0, by=second)
    assert ended.code == 0
    assert (ended.json["decided"]["approved"], ended.json["run"]["state"]) == (True, "scheduled")
    assert rollout_json("approve", by=second).json == []
    assert Approval.objects.get().comment == "looks good"


def test_nobody_approves_their_own_wish_nor_without_a_name_nor_twice(flag, policies, admin, second):
    wish = asked(admin).json["asked"]["id"]
    assert rollout("approve", wish, by=admin).code == 3
    assert rollout("approve", wish).code == 2
    assert rollout("approve", uuid7(), by=second).code == 2
    assert rollout("approve", "nonsense", by=second).code == 2
    assert rollout("approve", wish, "--wait", 0, by=second).code == 0
    assert rollout("approve", wish, by=second).code == 4


def test_refusing_needs_a_reason_and_drops_the_draft(flag, policies, admin, second):
    wish = asked(admin).json["asked"]["id"]
    assert rollout("refuse", wish, by=second).code == 2
    ended = rollout_json("refuse", wish, "--reason", "race week", "--wait", 0, by=second)
    assert (ended.code, ended.json["run"]["state"]) == (0, "rolled_back")


def test_tick_starts_what_is_due_and_reports_it(flag, policies, admin, second):
    wish = asked(admin).json["asked"]["id"]
    rollout("approve", wish, "--wait", 0, by=second)
    assert [row["did"] for row in rollout_json("tick").json] == ["start"]
    assert Rollout.objects.get().state == "running"
    assert "nothing" in rollout("tick").text


def test_check_judges_now_and_its_exit_code_tells(at_small, admin):
    ended = rollout_json("check", KEY)
    assert ended.code == 6
    assert {g["gate"]: g["outcome"] for g in ended.json["gates"]}["looked-at"] == "no_data"
    recorded = rollout_json("check", KEY, "looked-at", "--passed", "--evidence", "read 20 plans", by=admin)
    assert (recorded.code, recorded.json["recorded"]["passed"]) == (0, True)
    at_small.minutes(15)
    with clock.frozen(at_small.now):
        assert rollout_json("check", at_small.run.pk).code == 0


def test_check_of_a_failing_gate_ends_with_7(at_small, admin):
    with clock.frozen(at_small.now):
        rollout("check", KEY, "looked-at", "--failed", "--evidence", "a wrong taper", by=admin)
        ended = rollout("check", KEY)
    assert ended.code == 7
    assert "a gate fails" in ended.text or "fail" in ended.text


def test_a_check_needs_evidence_an_answer_a_name_and_a_known_gate(at_small, admin):
    said = ["check", KEY, "looked-at", "--passed", "--evidence", "x"]
    assert rollout(*said).code == 2
    assert rollout(*said[:-2], by=admin).code == 2
    assert rollout("check", KEY, "looked-at", "--evidence", "x", by=admin).code == 2
    assert rollout("check", KEY, "no-such-gate", "--passed", "--evidence", "x", by=admin).code == 2
    assert rollout("check", KEY, "--passed", by=admin).code == 2
    assert not RolloutCheck.objects.exists()


def test_advance_without_evidence_asks_and_a_second_person_moves_it(at_small, admin, second):
    ended = rollout_json("advance", KEY, "--reason", "race season", by=admin)
    assert ended.code == 5
    assert "looked-at" in ended.json["asked"]["wish"]["verdicts"][-1]["gate"]
    assert at_small.stage == "small"
    done = rollout_json("approve", ended.json["asked"]["id"], "--wait", 0, by=second)
    assert done.json["run"]["stage"] == "all"
    assert done.json["flag"]["percent"] == 100


def test_advance_for_people_says_what_to_do_next(at_small, admin, second):
    ended = rollout("advance", KEY, "--reason", "race season", by=admin)
    assert f"--as {second.email}" in ended.text


def test_hold_and_resume_report_the_observed_state(at_small, admin):
    now = clock.now()
    for name in ("a", "b"):
        FlagProcess.objects.create(name=name, snapshot_version=version_token(), snapshot_at=now, seen_at=now)
    held = rollout_json("hold", KEY, "--reason", "holiday", by=admin)
    assert held.json["run"]["state"] == "paused"
    assert (held.json["observed"]["processes_current"], held.json["observed"]["processes"]) == (2, 2)
    assert rollout("hold", KEY, "--reason", "again", by=admin).code == 4
    assert "2 of 2" in rollout("resume", KEY, "--reason", "back", by=admin).text
    assert Rollout.objects.get().state == "running"


def test_a_decision_on_an_older_step_conflicts(at_small, admin):
    seen = at_small.run.version
    assert rollout("hold", KEY, "--reason", "x", "--step", seen, by=admin).code == 0
    assert rollout("resume", KEY, "--reason", "x", "--step", seen, by=admin).code == 4


@pytest.mark.parametrize("verb", ["advance", "hold", "resume"])
def test_a_change_needs_a_reason(at_small, admin, verb):
    assert rollout_json(verb, KEY, by=admin).code == 2
    at_small.refresh()
    assert at_small.run.state == "running"


def test_a_run_that_is_over_is_not_steered(live, admin):
    live.minutes(31)
    live.minutes(2, failing=True)
    ended = rollout("hold", KEY, "--reason", "x", by=admin)
    assert ended.code == 4
    assert "rolled back" in ended.text
