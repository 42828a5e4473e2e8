"""`rollout rollback`, `kill`, `unkill`, `override`."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from common import clock
from rollout.models import Flag, FlagProcess, Incident, Rollout, UserOverride
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.services.flags import kill_flag
from tests.factories import make_athlete, make_user
from tests.rollout.commands.conftest import rollout, rollout_json

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.long]


@pytest.fixture
def at_small(live):
    live.windows(6)
    live.minutes(10)
    with clock.frozen(live.now):
        yield live


def narrow(verb, *more, by=None):
    return rollout_json(verb, KEY, "--reason", "it hurts", "--wait", 0, *more, by=by)


def test_rollback_takes_everybody_out_and_reports_the_rows(at_small, admin):
    ended = narrow("rollback", "--yes", by=admin)
    assert ended.code == 0
    assert (ended.json["run"]["state"], ended.json["flag"]["percent"]) == ("rolling_back", 0)
    assert ended.json["observed"]["processes"] == 0
    assert Flag.objects.get(name=KEY).rollout_thousandths == 0
    assert Incident.objects.get().title.endswith("Ten percent")


def test_rollback_needs_no_name(at_small):
    assert narrow("rollback", "--yes").code == 0


def test_where_nobody_is_there_to_ask_narrowing_to_zero_needs_yes(at_small, admin):
    for verb in ("rollback", "kill"):
        ended = narrow(verb, by=admin)
        assert ended.code == 2
        assert "--yes" in ended.json["error"]["detail"]
    flag = Flag.objects.get(name=KEY)
    assert (flag.rollout_thousandths, flag.killed_at) == (10_000, None)


@pytest.mark.parametrize(("typed", "code", "percent"), [("yes\n", 0, 0), ("no\n", 2, 10_000), ("\n", 2, 10_000)])
def test_a_person_is_asked_before(at_small, admin, monkeypatch, typed, code, percent):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdin", Terminal(typed))
    assert narrow("rollback", by=admin).code == code
    assert Flag.objects.get(name=KEY).rollout_thousandths == percent


def test_a_missing_reason_is_refused_before_anybody_is_asked(at_small, admin):
    for verb in ("rollback", "kill"):
        ended = rollout_json(verb, KEY, by=admin)
        assert (ended.code, ended.json["error"]["errors"][0]["pointer"]) == (2, "#/reason")


def test_a_partial_rollback_goes_to_a_named_stage_or_the_policys(at_small, admin):
    assert narrow("rollback", "--to", "all", by=admin).code == 2
    ended = narrow("rollback", "--to", "team", by=admin)
    assert (ended.json["run"]["stage"], ended.json["run"]["state"]) == ("team", "running")
    at_small.now = clock.now()
    at_small.minutes(31 + 1)
    assert at_small.stage == "small"
    with clock.frozen(at_small.now):
        assert narrow("rollback", "--to", by=admin).code == 2  # the policy's own stage is this very one


def test_rollback_for_one_person_leaves_the_run_alone(at_small, admin):
    athlete = make_athlete()
    ended = narrow("rollback", "--user", athlete.pk, by=admin)
    assert ended.json["override"]["value"] is False
    row = UserOverride.objects.get()
    assert (row.subject_id, row.value) == (athlete.pk, False)
    assert row.expires_at - clock.now() == timedelta(days=30)
    assert Rollout.objects.get().state == "running"


def test_rollback_with_kill_also_kills(at_small, admin):
    ended = narrow("rollback", "--kill", "--yes", by=admin)
    assert (ended.json["flag"]["killed"], ended.json["run"]["state"]) == ("database", "rolling_back")


def test_a_kill_asks_for_no_step_and_also_comes_after_a_rollback(at_small, admin):
    assert narrow("rollback", "--yes", by=admin).code == 0
    ended = narrow("rollback", "--kill", "--yes", "--step", 1, by=admin)
    assert (ended.code, ended.json["flag"]["killed"]) == (0, "database")


def test_a_run_that_has_not_begun_is_dropped(flag, policies, admin):
    rollout("start", KEY, "--policy", "short", "--reason", "x", by=admin)
    assert narrow("rollback", by=admin).json["run"]["state"] == "rolled_back"
    assert not Incident.objects.exists()


def test_without_a_live_run_rollback_points_to_kill(live, admin):
    live.minutes(31)
    live.minutes(2, failing=True)
    ended = narrow("rollback", "--yes", by=admin)
    assert ended.code == 4
    assert "kill" in ended.json["error"]["detail"]


def test_kill_needs_no_run_and_killing_again_is_another_kill(flag):
    first = narrow("kill", "--yes").json["flag"]
    assert first["killed"] == "database"
    assert narrow("kill", "--yes").json["flag"]["killed_at"] > first["killed_at"]


def test_kill_waits_for_the_processes_and_says_how_many_know(flag):
    now = clock.now()
    FlagProcess.objects.create(name="late", snapshot_version="older", snapshot_at=now, seen_at=now)
    ended = rollout_json("kill", KEY, "--reason", "fire", "--yes", "--wait", "0.3")
    assert ended.json["observed"]["processes_current"] == 0
    assert ended.json["observed"]["processes"] == 1
    assert ended.json["observed"]["waited_seconds"] >= 0.3


def test_unkill_of_a_guarded_flag_asks_a_second_person(flag, admin, second):
    kill_flag(key=KEY, reason="fire", acting_user=admin)
    ended = narrow("unkill", by=admin)
    assert ended.code == 5
    assert Flag.objects.get(name=KEY).killed_at is not None
    done = rollout_json("approve", ended.json["asked"]["id"], "--wait", 0, by=second)
    assert (done.code, done.json["flag"]["killed"]) == (0, "")


def test_unkill_of_an_unguarded_flag_is_done_at_once(flag, admin):
    Flag.objects.filter(name=KEY).update(guarded=False)
    kill_flag(key=KEY, reason="fire", acting_user=admin)
    assert narrow("unkill", by=admin).json["flag"]["killed"] == ""


def test_unkill_needs_a_kill_and_a_name(flag, admin):
    Flag.objects.filter(name=KEY).update(guarded=True)
    assert narrow("unkill").code == 2
    assert Flag.objects.get(name=KEY).killed_at is None


def test_overriding_a_guarded_flag_on_asks_and_off_does_not(flag, admin, second):
    athlete = make_athlete()
    said = ["override", KEY, athlete.pk, "--until", "2099-01-01", "--reason", "a tester", "--wait", 0]
    ended = rollout_json(*said, "--on", by=admin)
    assert ended.code == 5
    assert not UserOverride.objects.exists()
    assert rollout("approve", ended.json["asked"]["id"], "--wait", 0, by=second).code == 0
    assert UserOverride.objects.get().value is True
    assert rollout_json(*said, "--off", by=admin).json["override"]["value"] is False
    assert UserOverride.objects.get().value is False
    assert rollout(*said[:3], "--clear", "--reason", "over", "--wait", 0, by=admin).code == 3
    Flag.objects.update(guarded=False)
    assert rollout(*said[:3], "--clear", "--reason", "over", "--wait", 0, by=admin).code == 0
    assert not UserOverride.objects.exists()


def test_an_override_has_an_end_ahead_a_reason_and_somebody(flag, admin):
    athlete = make_athlete()
    said = ["override", KEY, athlete.pk, "--off"]
    assert rollout(*said, "--reason", "x", by=admin).code == 2
    assert rollout(*said, "--reason", "x", "--until", "2001-01-01", by=admin).code == 2
    assert rollout(*said, "--until", "2099-01-01", by=admin).code == 2
    assert rollout("override", KEY, "nobody", "--off", "--until", "2099-01-01", "--reason", "x", by=admin).code == 2
    assert not UserOverride.objects.exists()


def test_switching_on_while_killed_conflicts(flag, admin):
    kill_flag(key=KEY, reason="fire", acting_user=admin)
    said = ["--on", "--until", "2099-01-01", "--reason", "x"]
    assert rollout("override", KEY, make_athlete().pk, *said, by=admin).code == 4


@pytest.mark.parametrize("verb", ["rollback", "kill"])
def test_only_who_manages_rollouts_narrows(at_small, verb):
    assert narrow(verb, "--yes", by=make_user("coach")).code == 3
