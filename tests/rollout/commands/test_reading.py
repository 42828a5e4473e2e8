"""`rollout list`, `status`, `explain`, `report`, `watch`: reading changes nothing and tells the rows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from common import clock
from common.ids import uuid7
from rollout.models import FlagProcess, RolloutStep
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.selectors import version_token
from rollout.services.flags import kill_flag
from tests.factories import make_athlete, make_user
from tests.rollout.commands.conftest import rollout, rollout_json

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.long]


@pytest.fixture
def at_small(live):
    live.windows(5)
    live.minutes(15)
    assert live.stage == "small"
    with clock.frozen(live.now):
        yield live


def test_list_shows_every_flag_with_its_run(at_small):
    assert [row for row in rollout_json("list").json if row["flag"] == KEY] == [
        {
            "flag": KEY,
            "state": "running",
            "stage": "2 of 3",
            "percent": 10.0,
            "policy": "short",
            "next": "decides in 50 minutes",
            "run": str(at_small.run.pk),
            "live": True,
            "killed": False,
            "synthetic": False,
        }
    ]
    assert "2 of 3" in rollout("list").text


def test_list_says_that_a_flag_is_killed_whatever_its_run_does(at_small, admin):
    kill_flag(key=KEY, reason="fire", acting_user=admin)
    assert rollout_json("list").json[0]["state"] == "killed (running)"


def test_a_flag_without_a_run_is_listed_and_has_no_status(flag):
    assert rollout_json("list").json[0]["state"] == "no rollout"
    assert rollout_json("status", KEY).code == 2


def test_status_by_flag_and_by_id_is_the_same_run(at_small):
    by_flag, by_id = rollout_json("status", KEY).json, rollout_json("status", at_small.run.pk).json
    assert by_flag == by_id
    assert by_flag["run"]["seconds_left"] == 50 * 60
    assert {g["gate"]: g["outcome"] for g in by_flag["gates"]} == {
        "failures-in-a-row": "pass",
        "unsafe": "pass",
        "few-errors": "pass",
        "looked-at": "no_data",
    }
    new = next(arm for arm in by_flag["arms"] if arm["arm"] == "new")
    assert (new["answered"], new["failed"], new["p50_ms"]) == (50, 0, pytest.approx(120, rel=0.1))


def test_status_for_people_says_what_is_open(at_small):
    text = rollout("status", KEY).text
    for words in ("stage 2 of 3", "decides in 50 minutes", "pass", "no data", "none has reported lately"):
        assert words in text


def test_status_tells_which_processes_decide_by_the_present_snapshot(at_small):
    now = clock.now()
    for name, token in (("a", version_token()), ("b", "older")):
        FlagProcess.objects.create(name=name, snapshot_version=token, snapshot_at=now, seen_at=now)
    rows = rollout_json("status", KEY).json["processes"]
    assert [(row["process"], row["current"]) for row in rows] == [("a", True), ("b", False)]


@pytest.mark.parametrize("verb", ["list", "stale", "tick"])
@pytest.mark.parametrize("role", ["coach", "support"])
def test_only_who_manages_rollouts_reads_about_them(flag, verb, role):
    ended = rollout_json(verb, by=make_user(role))
    assert ended.code == 3
    assert ended.json["error"]["status"] == 403


def test_an_unknown_flag_or_run_is_named_as_such(flag):
    assert KEY in rollout("status", "plan.none").text
    assert rollout("status", uuid7()).code == 2


def test_explain_gives_the_whole_path_and_marks_what_decided(flag):
    athlete = make_athlete(tier="free", name="Free Runner")
    for wanted in (athlete.pk, "free runner"):
        found = rollout_json("explain", KEY, wanted).json
        assert (found["value"], found["reason"], found["who"]) == (False, "tier", "Free Runner")
        assert [step["step"] for step in found["path"] if step["decided"]] == ["tier"]
        assert len(found["path"]) == 8
    assert "← decides" in rollout("explain", KEY, athlete.pk).text


def test_explain_takes_the_e_mail_address_of_an_athlete(flag):
    user = make_user("athlete")
    athlete = make_athlete(user=user)
    for wanted in (user.email, user.pk):
        assert rollout_json("explain", KEY, wanted).json["subject"] == str(athlete.pk)


def test_explain_names_nobody_it_cannot_find(flag):
    make_athlete(name="Twin")
    make_athlete(name="Twin")
    assert rollout("explain", KEY, uuid7()).code == 2
    assert "several" in rollout("explain", KEY, "Twin").text
    assert rollout("explain", "plan.none", make_athlete().pk).code == 2


def test_the_status_report_is_the_default_while_a_run_is_live(at_small):
    report = rollout_json("report", at_small.run.pk).json
    assert report["kind"] == "status"
    assert "stage 2 of 3" in report["subject"]
    assert rollout("report", at_small.run.pk, "--kind", "post").code == 4


def test_the_post_rollout_report_tells_every_step(live):
    live.minutes(31)
    live.minutes(1, failing=True)
    live.tick()
    report = rollout_json("report", live.run.pk).json
    assert report["kind"] == "post"
    assert "was rolled back" in report["subject"]
    assert report["body"].count(" UTC") >= RolloutStep.objects.filter(rollout=live.run).count()


def test_the_report_of_a_run_whose_end_was_put_off_reads_that(live, admin):
    live.minutes(31 + 61)
    assert live.run.extensions == 1
    live.minutes(1, failing=True)
    live.tick()
    assert "extend" in rollout("report", live.run.pk).text


def test_watch_once_prints_one_line(at_small):
    text = rollout("watch", KEY, "--once").text
    assert text.count("\n") == 1
    assert "stage 2 of 3 (small), running, 10 %" in text


def test_watch_ends_in_time_and_with_the_run(at_small):
    assert rollout_json("watch", KEY, "--for", "0.2", "--every", "0.1").json["run"]["state"] == "running"
    at_small.minutes(1, failing=True)
    with clock.frozen(at_small.now + timedelta(minutes=1)):
        at_small.tick()
        assert rollout_json("watch", at_small.run.pk).code == 7
