"""`rollout retire`, `rollout stale`, and the system check that names code of a retired flag."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.checks import run_checks

from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from rollout.evaluation import Subject
from rollout.models import Flag
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.selectors import evaluate
from rollout.services.flags import kill_flag, set_user_override
from rollout.services.rollouts import record_check
from tests.factories import make_athlete, make_user
from tests.rollout.commands.conftest import rollout, rollout_json
from tests.rollout.runs.driver import begun

pytestmark = [pytest.mark.django_db, pytest.mark.once]
MONTH = timedelta(days=31)


@pytest.fixture
def completed(flag, policies, admin, second):
    """A run that completed just now; the flag's history is written at real times."""
    driver = begun(KEY, policy="short", by=admin, approver=second, now=clock.now().replace(second=0, microsecond=0))
    driver.minutes(31, new=2, control=1)
    with clock.frozen(driver.now):
        record_check(rollout_id=driver.run.pk, gate="looked-at", passed=True, evidence="read", acting_user=admin)
    driver.minutes(61, new=1, control=1)
    driver.minutes(61, new=1, control=0)
    assert driver.run.state == "completed"
    return driver


def retire(*more, by=None):
    return rollout_json("retire", KEY, *more, by=by)


def test_retiring_marks_the_flag_lists_the_code_and_leaves_it_on(completed, admin):
    before = evaluate(KEY, Subject("somebody", "elite")).value
    with clock.frozen(completed.now + MONTH):
        ended = retire("--reason", "everybody has it", by=admin)
        assert (ended.code, ended.json["ready"]) == (0, True)
        assert ended.json["flag"]["retired_at"].startswith((completed.now + MONTH).isoformat()[:10])
        assert evaluate(KEY, Subject("somebody", "elite")).value is before is True
        assert retire("--reason", "again", by=admin).code == 4
    named = {(one["path"], one["text"].split(" = ")[0]) for one in ended.json["references"]}
    assert ("rollout/selectors.py", "MODEL_DRIVEN_GENERATION") in named
    assert any(path == "plans/services/request_plan.py" for path, _ in named)
    with unit_of_work(COMMAND_LINE, read_only=True):
        event = AuditEvent.objects.get(action="flag.retire")
        assert event.metadata_json["references"] == len(ended.json["references"])


def test_a_flag_is_not_retired_before_the_policys_time(completed, admin):
    with clock.frozen(completed.now + timedelta(days=5)):
        ended = retire("--reason", "soon", by=admin)
    assert ended.code == 4
    assert "at 100 % for 30 days" in ended.json["error"]["detail"]
    assert "retired_at" not in Flag.objects.get(name=KEY).metadata


def test_a_dry_run_shows_what_is_missing_and_changes_nothing(completed, admin):
    with clock.frozen(completed.now + timedelta(days=5)):
        ended = retire("--dry-run", by=admin)
    assert ended.code == 6
    missing = [item["what"] for item in ended.json["checklist"] if item["blocks"] and not item["done"]]
    assert missing == ["at 100 % for 30 days"]
    with clock.frozen(completed.now + MONTH):
        assert retire("--dry-run", by=admin).code == 0
    assert "retired_at" not in Flag.objects.get(name=KEY).metadata


def test_a_live_or_missing_rollout_stands_in_the_way(flag, policies, admin, second):
    assert "it never had one" in str(retire("--reason", "x", by=admin).json)
    begun(KEY, policy="short", by=admin, approver=second, now=clock.now())
    assert "no rollout is asked for or live: running" in retire("--reason", "x", by=admin).json["error"]["detail"]


def test_a_kill_stands_in_the_way(completed, admin):
    kill_flag(key=KEY, reason="fire", acting_user=admin)
    with clock.frozen(completed.now + MONTH):
        assert "killed" in retire("--reason", "x", by=admin).json["error"]["detail"]


def test_somebody_kept_out_is_pointed_out_and_does_not_stand_in_the_way(completed, admin):
    with clock.frozen(completed.now + MONTH):
        until = clock.now() + MONTH
        asked = {"key": KEY, "subject_id": make_athlete().pk, "value": False, "reason": "x", "expires_at": until}
        set_user_override(**asked, acting_user=admin)
        text = rollout("retire", KEY, "--reason", "done", by=admin).text
    assert "1 would get it" in text
    assert "stays on" in text


def test_retiring_needs_a_reason_a_flag_and_the_right(completed, admin):
    with clock.frozen(completed.now + MONTH):
        assert retire(by=admin).code == 2
        assert rollout("retire", "plan.none", "--reason", "x", by=admin).code == 2
        assert retire("--reason", "x", by=make_user("coach")).code == 3


def warnings():
    return [w for w in run_checks(tags=["database"], databases=["default"]) if w.id == "rollout.W002"]


def test_a_system_check_names_the_code_that_asks_for_a_retired_flag(completed, admin):
    assert warnings() == []
    with clock.frozen(completed.now + MONTH):
        retire("--reason", "done", by=admin)
    (warning,) = warnings()
    assert KEY in warning.msg
    assert "plans/services/request_plan.py" in warning.msg


def test_stale_names_a_flag_that_was_full_for_a_month_with_its_code(completed):
    assert rollout_json("stale").json == []
    with clock.frozen(completed.now + MONTH):
        (row,) = [row for row in rollout_json("stale").json if row["flag"] == KEY]
        assert "no flag" not in rollout("stale").text
    assert row["stale"]
    assert "at 100 %" in row["reasons"][0]
    assert "not measured now" in row["use"]
    assert any(where.startswith("rollout/selectors.py:") for where in row["references"])


def test_stale_shows_the_others_when_asked_and_says_what_was_not_measured(flag):
    (row,) = [row for row in rollout_json("stale", "--all").json if row["flag"] == KEY]
    assert (row["stale"], row["use"]) == (False, "not measured")
    assert "no flag is stale" in rollout("stale").text
