"""Changing flags: kill above everything, overrides with an end, groups; recorded twice, counted by the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput, NotPermitted, NotVisible, WrongState
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from rollout.evaluation import Subject
from rollout.models import Flag, Incident
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.selectors import evaluate, explanation, load_snapshot, version_token
from rollout.services import flags
from tests.factories import make_user

pytestmark = pytest.mark.django_db
ATHLETE = uuid7()
ELITE = Subject(str(ATHLETE), "elite")


@pytest.fixture(autouse=True)
def seeded():
    """The shipped flag, unguarded: what a second person has to do with it is told in `test_guarding`."""
    flags.seed_flags(acting_user=COMMAND_LINE)
    Flag.objects.filter(name=KEY).update(guarded=False)


@pytest.fixture
def admin():
    return make_user("admin")


def override(admin, value, **more):
    given = {"key": KEY, "subject_id": ATHLETE, "value": value, "reason": "try", "acting_user": admin, **more}
    return flags.set_user_override(expires_at=given.pop("expires_at", clock.now() + timedelta(days=1)), **given)


def test_a_kill_wins_over_everything_and_resuming_brings_back_what_was_there(admin):
    override(admin, True)
    flags.change_flag(key=KEY, changes={"enabled": False}, reason="x", acting_user=admin)
    assert evaluate(KEY, ELITE).reason == "user_override"
    flags.set_admin_override(key=KEY, value=True, reason="all", acting_user=admin)
    flags.kill_flag(key=KEY, reason="fire", acting_user=admin)
    assert (evaluate(KEY, ELITE).value, evaluate(KEY, ELITE).reason) == (False, "killed")
    with pytest.raises(WrongState, match="killed"):
        override(admin, True)
    with pytest.raises(WrongState):
        flags.set_admin_override(key=KEY, value=True, reason="again", acting_user=admin)
    override(admin, False)
    flags.resume_flag(key=KEY, reason="out", acting_user=admin)
    assert evaluate(KEY, ELITE).reason == "user_override"
    assert evaluate(KEY, Subject(str(uuid7()), "free")).reason == "admin_override"


def test_killing_again_is_another_kill_of_the_same_incident(admin):
    for _ in range(2):
        flags.kill_flag(key=KEY, reason="fire", acting_user=admin)
    with unit_of_work(COMMAND_LINE, read_only=True):
        changes = [e.metadata_json["changes"] for e in AuditEvent.objects.filter(action="flag.change")]
        states = AuditEvent.objects.filter(action="flag.state").count()
    assert sum("killed_at" in change for change in changes) == 2
    assert Incident.objects.count() == 1
    assert states == len(changes)


def test_an_override_ends_by_itself(admin):
    override(admin, False, expires_at=clock.now() + timedelta(hours=1))
    assert evaluate(KEY, ELITE).value is False
    with clock.frozen(clock.now() + timedelta(hours=1, seconds=1)):
        assert evaluate(KEY, ELITE).value is True
    flags.clear_user_override(key=KEY, subject_id=ATHLETE, reason="done", acting_user=admin)
    assert evaluate(KEY, ELITE).reason == "everyone"
    with pytest.raises(NotVisible):
        flags.clear_user_override(key=KEY, subject_id=ATHLETE, reason="done", acting_user=admin)


def test_a_group_is_let_in_before_any_percentage(admin):
    group = flags.set_group(name="early-adopters", subject_ids=[ATHLETE], acting_user=admin)
    flags.change_flag(key=KEY, changes={"rollout_thousandths": 0}, reason="start", acting_user=admin)
    assert evaluate(KEY, ELITE).reason == "percentage"
    Flag.objects.get(name=KEY).allow_groups.add(group)
    assert (evaluate(KEY, ELITE).value, evaluate(KEY, ELITE).reason) == (True, "allowlist")
    assert evaluate(KEY, Subject(str(ATHLETE), "free")).reason == "tier"
    flags.set_group(name="early-adopters", subject_ids=[], acting_user=admin)
    assert evaluate(KEY, ELITE).value is False


@pytest.mark.parametrize("who", ["coach", "athlete", "support", "compliance"])
def test_only_who_manages_rollouts_changes_flags(who):
    with pytest.raises(NotPermitted):
        flags.kill_flag(key=KEY, reason="x", acting_user=make_user(who))


def test_a_change_needs_a_reason_a_flag_and_an_end_ahead(admin):
    with pytest.raises(InvalidInput):
        flags.kill_flag(key=KEY, reason=" ", acting_user=admin)
    with pytest.raises(NotVisible):
        flags.kill_flag(key="plan.unknown", reason="x", acting_user=admin)
    with pytest.raises(InvalidInput, match="future"):
        override(admin, True, expires_at=clock.now())


def test_the_environment_kills_too(settings):
    settings.FLAGS_KILLED = [KEY]
    assert evaluate(KEY, ELITE).reason == "killed"
    assert [step["step"] for step in explanation(KEY, ELITE) if step["decided"]] == ["kill"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rollout_flag SET rollout_thousandths = 0",
        "DELETE FROM user_overrides",
        "INSERT INTO flag_groups (id, created_at, name, description) VALUES ('{id}', '2026-01-01', 'x', '')",
    ],
)
def test_a_change_by_sql_changes_the_token(admin, statement):
    override(admin, True)
    before = version_token()
    with connection.cursor() as cursor:
        cursor.execute(statement.format(id=uuid7() if connection.vendor == "postgresql" else uuid7().hex))
    assert version_token() != before
    assert load_snapshot().version == version_token()


def test_whoever_has_the_database_alone_can_kill():
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT kill_flag(%s)", [KEY])
            assert cursor.fetchone() == (1,)
        else:
            cursor.execute("UPDATE rollout_flag SET killed_at = datetime('now') WHERE name = %s", [KEY])
    assert evaluate(KEY, ELITE).reason == "killed"


def test_the_snapshot_is_four_queries_for_any_number(admin, django_assert_num_queries):
    for number in range(20):
        Flag.objects.create(name=f"ui.flag{number}")
        override(admin, True, subject_id=uuid7())
    with django_assert_num_queries(4):
        assert len(load_snapshot().flags) == 20 + len(flags.SHIPPED)
