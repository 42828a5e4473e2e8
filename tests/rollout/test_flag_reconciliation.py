"""Whatever changes a flag past the services is found: no event says what the row is (I8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from audit.models import AuditEvent
from audit.reconciliation import MARGIN, RECONCILIATIONS, Reconciliation
from audit.services.reconcile import DISCREPANCY, reconcile, reconcile_lately, reconcile_urgent
from common import clock
from common.context import COMMAND_LINE, service, unit_of_work
from common.ids import uuid7
from rollout.models import Flag, FlagGroup, FlagGroupMember, RolloutMessage, UserOverride
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.services import flags

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_order():
    """A seeded flag that was changed, overridden and given a group, all by the services."""
    flags.seed_flags(acting_user=COMMAND_LINE)
    flags.change_flag(key=KEY, changes={"rollout_thousandths": 25_000}, reason="x", acting_user=COMMAND_LINE)
    override(False)
    flags.set_group(name="team", subject_ids=[uuid7()], acting_user=COMMAND_LINE)
    flags.kill_flag(key=KEY, reason="x", acting_user=COMMAND_LINE)


def override(value, **more):
    given = {"key": KEY, "subject_id": uuid7(), "reason": "try", "acting_user": COMMAND_LINE, **more}
    return flags.set_user_override(value=value, expires_at=clock.now() + timedelta(days=1), **given)


def sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def found():
    return [(one.side, one.what) for one in reconcile() if one.reconciliation == "flags"]


def test_what_the_services_wrote_is_explained():
    assert found() == []


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        (f"UPDATE rollout_flag SET rollout_thousandths = 50000 WHERE name = '{KEY}'", "rollout_thousandths changed"),
        ("UPDATE rollout_flag SET killed_at = NULL", "killed_at changed"),
        (
            f"UPDATE rollout_flag SET salt = 'mine', requires_tier = '' WHERE name = '{KEY}'",
            "tier, salt changed",
        ),
        ("DELETE FROM user_overrides", "overrides of flag"),
        ("UPDATE user_overrides SET value = NOT value", "overrides of flag"),
        ("DELETE FROM flag_group_members", "members of group team"),
    ],
)
def test_a_change_by_sql_is_found_and_told_once(statement, what):
    sql(statement)
    ((side, said),) = found()
    assert (side, what in said) == ("row without event", True)
    assert len(found()) == 1
    with unit_of_work(service("verifier"), read_only=True):
        assert AuditEvent.objects.filter(action=DISCREPANCY).count() == 1


def test_changes_in_a_shell_are_found():
    flag, group = Flag.objects.get(name=KEY), FlagGroup.objects.get()
    flag.allow_groups.add(group)
    UserOverride.objects.create(
        flag=flag, subject_id=uuid7(), value=True, reason="", expires_at=clock.now(), set_by_id=uuid7()
    )
    FlagGroupMember.objects.create(group=group, subject_id=uuid7())
    Flag.objects.create(name="ui.made_in_a_shell")
    words = " | ".join(what for _, what in found())
    for part in ("groups changed", "overrides of flag", "members of group", "flag ui.made_in_a_shell: "):
        assert part in words


def test_a_flag_that_was_deleted_is_found():
    Flag.objects.get(name="ui.compare_swap").delete()
    assert [what for _, what in found()] == ["flag ui.compare_swap was deleted past the log"]


def test_a_change_by_the_services_explains_it_again():
    sql(f"UPDATE rollout_flag SET rollout_thousandths = 50000 WHERE name = '{KEY}'")
    assert len(found()) == 1
    flags.change_flag(key=KEY, changes={"rollout_thousandths": 10}, reason="put right", acting_user=COMMAND_LINE)
    assert found() == []


def test_the_nightly_look_finds_it_and_a_look_at_the_past_does_not():
    sql(f"UPDATE rollout_flag SET enabled = NOT enabled WHERE name = '{KEY}'")
    assert len(reconcile_lately()) == 1
    now = datetime.now(UTC)
    assert reconcile(since=now - timedelta(days=9), until=now - timedelta(days=2)) == []


def changed_by_sql() -> None:
    sql(f"UPDATE rollout_flag SET rollout_thousandths = 50000 WHERE name = '{KEY}'")


def recorded() -> int:
    with unit_of_work(service("verifier"), read_only=True):
        return AuditEvent.objects.filter(action=DISCREPANCY).count()


def told() -> list[str]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return sorted(RolloutMessage.objects.filter(kind="alert").values_list("group", flat=True))


def test_the_look_of_each_minute_finds_it_and_neither_the_next_one_nor_the_night_tells_it_again():
    assert reconcile_urgent() == []
    changed_by_sql()
    assert ["rollout_thousandths changed" in one.what for one in reconcile_urgent()] == [True]
    assert (recorded(), told()) == (1, ["oncall", "team"])
    assert [len(look()) for look in (reconcile_urgent, reconcile_lately, reconcile_urgent)] == [1, 1, 1]
    assert (recorded(), told()) == (1, ["oncall", "team"])


def test_what_was_put_right_and_comes_back_is_told_again():
    for count in (1, 2):
        changed_by_sql()
        assert len(reconcile_urgent()) == 1
        assert (recorded(), len(told())) == (count, 2 * count)
        flags.change_flag(key=KEY, changes={"rollout_thousandths": 10}, reason="put right", acting_user=COMMAND_LINE)
        assert reconcile_urgent() == []


def test_only_what_is_urgent_is_looked_at_each_minute(monkeypatch):
    assert [name for name, item in RECONCILIATIONS.items() if item.urgent] == ["flags"]
    seen = []
    for name, urgent in (("cheap", True), ("dear", False)):
        item = Reconciliation(
            name, frozenset(), lambda since, until, name=name: seen.append((name, since, until)) or [], str, urgent
        )
        monkeypatch.setitem(RECONCILIATIONS._entries, name, item)
    reconcile_urgent()
    assert {name for name, *_ in seen} == {"cheap"}


def test_looks_overlap_by_more_than_a_transaction_lasts(monkeypatch):
    """A row is as old as its id, and seen at its commit: the look after it must still reach so far back."""
    seen = []
    item = Reconciliation("cheap", frozenset(), lambda since, until: seen.append((since, until)) or [], str, True)
    monkeypatch.setitem(RECONCILIATIONS._entries, "cheap", item)
    monkeypatch.setattr("audit.services.reconcile.windows", lambda since, until: [(since, until)])
    reconcile_urgent()
    since, until = seen[0]
    assert until - since > MARGIN + timedelta(minutes=1)
    assert since < datetime.now(UTC) - MARGIN - timedelta(minutes=1)
    assert until > datetime.now(UTC) - timedelta(minutes=1)
