"""What rules watch of flags and rollouts: rollbacks that come too often, processes whose flags are old (I8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection

from audit.services.reconcile import reconcile_urgent
from common import clock
from common.context import unit_of_work
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from common.monitoring import METRICS
from plans.management.commands.run_scheduled import SCHEDULE
from rollout.conditions import SILENT_AFTER, STALE_AFTER, Report, service_down, stale_processes
from rollout.models import Flag, FlagProcess, Rollout, RolloutMessage, RolloutStep
from rollout.selectors import version_token
from rollout.services.flags import seed_flags
from telemetry.models import AlertIncident
from telemetry.services.alerts import evaluate_alerts

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)


def report(
    name: str = "web-1", version: str = "now", *, loaded: timedelta = timedelta(hours=5), seen: timedelta = SECOND
):
    return Report(name, version, NOW - loaded, NOW - seen)


@pytest.mark.pure
@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([], []),
        ([report()], []),
        ([report(seen=SILENT_AFTER + SECOND)], ["flag service down"]),
        ([report(seen=SILENT_AFTER)], []),
        ([report(), report("gone", "old", seen=SILENT_AFTER + SECOND)], []),
        ([report(version="old")], ["flag service down"]),
        ([report(version="old", loaded=STALE_AFTER - SECOND)], []),
        ([report(), report("web-2", "old")], ["flag snapshots stale"]),
        ([report("gone", seen=2 * SILENT_AFTER), report("web-2", "old")], ["flag service down"]),
    ],
)
def test_processes_with_old_flags_are_told_apart_from_new_ones_and_from_those_that_ended(reports, expected):
    found = {
        "flag service down": service_down(reports, "now", NOW),
        "flag snapshots stale": stale_processes(reports, "now", NOW),
    }
    assert [name for name, readings in found.items() if any(one.value for one in readings)] == expected
    assert bool(found["flag service down"]) is bool(reports), "where nobody ever reported nothing is known"


@pytest.mark.pure
def test_an_alert_names_some_of_the_processes_and_counts_the_others():
    [one] = stale_processes([report(), *(report(f"web-{n}", "old") for n in range(2, 9))], "now", NOW)
    assert "7 of 8 processes" in one.text
    assert "web-2, web-3, web-4, web-5, web-6 and 2 more" in one.text


def told() -> list[tuple[str, str]]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(RolloutMessage.objects.filter(kind="alert").order_by("id").values_list("group", "subject"))


def look(at: datetime) -> set[str]:
    """Judge all rules and return the names of those that fire."""
    with clock.frozen(at):
        assert evaluate_alerts().failed == ()
        return set(AlertIncident.objects.filter(ended_at=None).values_list("rule__name", flat=True))


DOWN = [("oncall", "Alert (critical): Flag service down"), ("team", "Alert (critical): Flag service down")]


def process(seen: datetime, version: str | None = None) -> None:
    values = {"snapshot_version": version or version_token(), "snapshot_at": seen, "seen_at": seen}
    FlagProcess.objects.update_or_create(name="web-1", defaults=values)


@pytest.mark.django_db
def test_a_service_that_is_down_is_told_once_at_the_second_look_and_again_when_it_was_up_between():
    process(NOW)
    down = NOW + 2 * MINUTE
    assert [look(NOW), look(down)] == [set(), set()]
    assert told() == []
    assert [look(down + n * MINUTE) for n in (1, 2, 29)] == [{"Flag service down"}] * 3
    assert sorted(told()) == DOWN

    back = down + 30 * MINUTE
    process(back)
    assert look(back) == set()
    again = back + 2 * MINUTE
    assert [look(again), look(again + MINUTE)] == [set(), {"Flag service down"}]
    assert sorted(told()) == sorted(DOWN * 2)


@pytest.mark.django_db
def test_a_restart_that_one_look_happens_to_see_is_told_to_nobody():
    process(NOW)
    look(NOW + 2 * MINUTE)
    for n in range(3, 6):
        process(NOW + n * MINUTE)
        assert look(NOW + n * MINUTE) == set()
    assert told() == []


@pytest.mark.django_db
def test_a_snapshot_that_a_change_has_just_overtaken_is_no_old_one():
    process(NOW)
    Flag.objects.create(name="ui.new")  # the token is another now
    assert look(NOW + SECOND) == set()
    process(NOW + SECOND, "some token before")
    FlagProcess.objects.update(snapshot_at=NOW - STALE_AFTER, seen_at=NOW + MINUTE)
    assert [look(NOW + MINUTE), look(NOW + 2 * MINUTE)] == [set(), {"Flag service down"}]


@pytest.fixture
def run(db):
    flag = Flag.objects.create(name="plan.tried")
    return Rollout.objects.create(
        flag=flag, policy_name="p", policy_text="", policy_sha256="", reason="r", requested_by_id=uuid7(), starts_at=NOW
    )


def stepped(run, number: int, at: datetime, command: str = "rollback") -> None:
    RolloutStep.objects.create(
        rollout=run, number=number, at=at, command=command, from_state="running", to_state="rolling_back",
        from_stage=1, to_stage=0, actor="service", why="w",
    )  # fmt: skip


ONE, ALL = "High rollback frequency", "High rollback frequency of all flags"


def test_frequent_rollbacks_are_told_once_while_they_last_and_again_when_they_come_back(run):
    stepped(run, 1, NOW - 3 * MINUTE)
    stepped(run, 2, NOW - 2 * MINUTE, "step_back")
    stepped(run, 3, NOW - MINUTE, "advance")
    assert look(NOW) == set()
    stepped(run, 4, NOW)
    assert [look(NOW + MINUTE), look(NOW + 2 * MINUTE)] == [{ONE}, {ONE}]
    assert AlertIncident.objects.get().label == "plan.tried"
    stepped(run, 5, NOW + 3 * MINUTE)  # the fourth today: of all flags as well; the flag's own is told already
    assert look(NOW + 3 * MINUTE) == {ONE, ALL}
    assert look(NOW + DAY + 3 * MINUTE) == {ONE}
    over = NOW + 7 * DAY + 4 * MINUTE
    assert look(over) == set(), "a flag that was not rolled back in the window is not rolled back too often"
    for number in (6, 7, 8):
        stepped(run, number, over)
    assert look(over + MINUTE) == {ONE}
    warning, critical = ("team", f"Alert (warning): {ONE}"), f"Alert (critical): {ALL}"
    still = ("team", f"Still (warning): {ONE}")  # a day later
    assert sorted(told()) == sorted([warning, warning, still, ("oncall", critical), ("team", critical)])


def test_what_is_made_up_for_a_demonstration_is_not_counted(run):
    Rollout.objects.update(synthetic=True)
    for number in range(1, 9):
        stepped(run, number, NOW - number * MINUTE)
    assert look(NOW) == set()


@pytest.mark.django_db
def test_a_percentage_that_somebody_changed_past_the_log_fires_and_is_told_with_what_changed():
    seed_flags(acting_user=COMMAND_LINE)
    assert "Unauthorised change of a flag" not in look(clock.now())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE rollout_flag SET rollout_thousandths = 50000 WHERE name LIKE 'plan.%%'", [])
    reconcile_urgent()
    assert "Unauthorised change of a flag" in look(clock.now() + MINUTE)
    [reading] = METRICS.get("flags.unexplained_changes").read(clock.now() - DAY, clock.now() + MINUTE)
    assert reading.value and "rollout_thousandths changed" in reading.text
    assert [group for group, subject in told() if "discrepancy" in subject] == ["oncall", "team"]


@pytest.mark.django_db
def test_messages_that_reach_nobody_are_counted_by_group_and_a_group_without_address_is_not():
    for group, error in (
        ("team", "slack: 500"),
        ("team", "slack: 500"),
        ("oncall", "NOTIFY_URLS_ONCALL names no address"),
    ):
        RolloutMessage.objects.create(
            kind="alert",
            group=group,
            dedupe_key=str(uuid7()),
            subject="s",
            text="t",
            state="given_up",
            last_error=error,
        )
    found = METRICS.get("messages.undelivered").read(clock.now() - DAY, clock.now() + MINUTE)
    assert [(one.label, one.value) for one in found] == [("team", 2.0)]


@pytest.mark.pure
def test_each_minute_somebody_looks_in_both_schedules():
    for name in ("judge the alert rules", "sample the worker", "reconcile what is urgent"):
        assert settings.CELERY_BEAT_SCHEDULE[name]["schedule"] == 60.0
        assert SCHEDULE[name][0] == MINUTE
    assert settings.CELERY_BEAT_SCHEDULE["sweep stale jobs"]["schedule"] == 30.0


@pytest.mark.pure
def test_both_schedules_do_the_same():
    assert set(settings.CELERY_BEAT_SCHEDULE) == set(SCHEDULE) - {"flush request roll-ups"}


@pytest.mark.pure
def test_beat_sends_only_tasks_that_exist_to_workers():
    from config.celery import app

    app.loader.import_default_modules()
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= set(app.tasks)
