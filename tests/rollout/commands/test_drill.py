"""`rollout drill`: the automatic rollback, rehearsed where nobody is real."""

from __future__ import annotations

import pytest

from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from rollout.models import Flag, OutcomeFact, Rollout
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from tests.factories import make_user
from tests.rollout.commands.conftest import rollout, rollout_json

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def demo(live):
    """A run whose outcomes are made up, at its percentage stage."""
    live.windows(6)
    live.minutes(10)
    Rollout.objects.update(synthetic=True)
    with clock.frozen(live.now):
        yield live


def drill(*more, by=None):
    return rollout_json("drill", KEY, "--reason", "rehearsal", *more, by=by)


def test_a_drill_is_rolled_back_by_the_next_tick_and_timed(demo, admin):
    ended = drill("--tick", by=admin)
    assert ended.code == 0
    found = ended.json
    assert (found["rolled_back"], found["gate"], found["answers"]) == (True, "failures-in-a-row", 15)
    assert (found["run"]["state"], found["flag"]["percent"], found["flag"]["killed"]) == ("rolling_back", 0, "")
    assert found["incident"]
    assert 0 <= found["decided_after_seconds"] <= found["observed_after_seconds"]
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert AuditEvent.objects.get(action="rollout.drill").metadata_json["fault"] == "errors"


def test_an_unsafe_answer_kills(demo):
    found = drill("--tick", "--fault", "unsafe").json
    assert (found["rolled_back"], found["flag"]["killed"]) == (True, "database")


def test_without_a_tick_the_drill_says_that_nothing_happened(demo):
    ended = drill("--for", "0.1")
    assert (ended.code, ended.json["rolled_back"], ended.json["decided_after_seconds"]) == (1, False, None)
    assert "run_scheduled" in rollout("drill", KEY, "--reason", "again", "--for", "0").text


def test_real_people_are_not_drilled_on(demo, settings):
    Rollout.objects.update(synthetic=False)
    before = _facts()
    ended = drill("--tick")
    assert ended.code == 4
    assert _facts() == before
    assert Flag.objects.get(name=KEY).rollout_thousandths == 10_000
    settings.DEBUG = True
    assert drill("--tick").code == 0


def _facts():
    with unit_of_work(COMMAND_LINE, read_only=True):
        return OutcomeFact.objects.count()


def test_a_drill_needs_a_reason_the_right_and_a_run(demo):
    assert rollout("drill", KEY, "--tick").code == 2
    assert drill("--tick", by=make_user("coach")).code == 3
    assert drill("--tick").code == 0
    assert drill("--tick").code == 4
