"""What is told while it lasts: rollbacks that come too often, processes whose flags are old (I8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from common.alerts import Severity
from common.context import unit_of_work
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from plans.management.commands.run_scheduled import SCHEDULE
from rollout.conditions import (
    ALL_WINDOW,
    FLAG_WINDOW,
    LASTING,
    ROLLBACKS_IN_ALL,
    ROLLBACKS_OF_A_FLAG,
    SILENT_AFTER,
    STALE_AFTER,
    Report,
    Rollback,
    flag_service,
    frequent_rollbacks,
)
from rollout.models import Flag, FlagProcess, Rollout, RolloutMessage, RolloutStep, StandingAlert
from rollout.selectors import version_token
from rollout.services.watching import watch

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def rollbacks(*hours: float, flag: str = "plan.a"):
    return [Rollback(flag, NOW - timedelta(hours=ago)) for ago in hours]


@pytest.mark.pure
@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([], []),
        (rollbacks(1, 50), []),
        (rollbacks(1, 50, 100), ["rollbacks of plan.a"]),
        (rollbacks(1, 50, 7 * 24), []),
        (rollbacks(1, 50, -1), []),
        (rollbacks(1, 2) + rollbacks(3, 4, flag="plan.b"), ["rollbacks"]),
        (rollbacks(1, 2) + rollbacks(3, 24, flag="plan.b"), []),
        (rollbacks(1, 2, 3) + rollbacks(4, flag="plan.b"), ["rollbacks of plan.a", "rollbacks"]),
    ],
)
def test_rollbacks_are_counted_by_flag_in_a_week_and_of_all_flags_in_a_day(told, expected):
    assert (ROLLBACKS_OF_A_FLAG, ROLLBACKS_IN_ALL) == (3, 4)
    found = frequent_rollbacks(told, NOW)
    assert [one.key for one in found] == expected
    assert {one.name for one in found} <= {"high rollback frequency"}


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
    found = flag_service(reports, "now", NOW)
    assert [one.name for one in found] == expected
    assert {one.severity for one in found} <= {Severity.CRITICAL}


@pytest.mark.pure
def test_an_alert_names_some_of_the_processes_and_counts_the_others():
    [one] = flag_service([report(), *(report(f"web-{n}", "old") for n in range(2, 9))], "now", NOW)
    assert "7 of 8 processes" in one.text
    assert "web-2, web-3, web-4, web-5, web-6 and 2 more" in one.text


def told() -> list[tuple[str, str]]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(RolloutMessage.objects.filter(kind="alert").order_by("id").values_list("group", "subject"))


DOWN = [("oncall", "Alert (critical): flag service down"), ("team", "Alert (critical): flag service down")]


def process(seen: datetime, version: str | None = None) -> None:
    values = {"snapshot_version": version or version_token(), "snapshot_at": seen, "seen_at": seen}
    FlagProcess.objects.update_or_create(name="web-1", defaults=values)


@pytest.mark.django_db
def test_a_service_that_is_down_is_told_once_at_the_second_look_and_again_when_it_was_up_between():
    process(NOW)
    down = NOW + 2 * MINUTE
    assert [watch(at=NOW), watch(at=down), watch(at=down + LASTING / 2)] == [[], [], []]
    assert told() == []
    assert [watch(at=down + n * MINUTE) for n in range(1, 30)] == [["flag service"], *[[]] * 28]
    assert sorted(told()) == DOWN

    back = down + 30 * MINUTE
    process(back)
    assert watch(at=back) == []
    assert not StandingAlert.objects.exists()
    again = back + 2 * MINUTE
    assert [watch(at=again), watch(at=again + MINUTE)] == [[], ["flag service"]]
    assert sorted(told()) == sorted(DOWN * 2)


@pytest.mark.django_db
def test_a_restart_that_one_look_happens_to_see_is_told_to_nobody():
    process(NOW)
    watch(at=NOW + 2 * MINUTE)
    process(NOW + 3 * MINUTE)
    for n in range(3, 6):
        process(NOW + n * MINUTE)
        assert watch(at=NOW + n * MINUTE) == []
    assert told() == []


@pytest.mark.django_db
def test_a_snapshot_that_a_change_has_just_overtaken_is_no_old_one():
    process(NOW)
    Flag.objects.create(name="ui.new")  # the token is another now
    assert watch(at=NOW + SECOND) == []
    process(NOW + SECOND, "some token before")
    FlagProcess.objects.update(snapshot_at=NOW - STALE_AFTER, seen_at=NOW + MINUTE)
    assert [watch(at=NOW + MINUTE), watch(at=NOW + 2 * MINUTE)] == [[], ["flag service"]]


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


def test_frequent_rollbacks_are_told_once_while_they_last_and_again_when_they_come_back(run):
    stepped(run, 1, NOW - 3 * MINUTE)
    stepped(run, 2, NOW - 2 * MINUTE, "step_back")
    stepped(run, 3, NOW - MINUTE, "advance")
    assert watch(at=NOW) == []
    stepped(run, 4, NOW)
    assert [watch(at=NOW), watch(at=NOW + MINUTE)] == [["rollbacks of plan.tried"], []]
    stepped(run, 5, NOW + MINUTE)  # the fourth today: of all flags as well; the flag's own is told already
    assert [watch(at=NOW + 2 * MINUTE), watch(at=NOW + 3 * MINUTE)] == [["rollbacks"], []]
    assert watch(at=NOW + ALL_WINDOW + MINUTE) == []
    over = NOW + FLAG_WINDOW + MINUTE
    assert watch(at=over) == []
    for number in (6, 7, 8):
        stepped(run, number, over)
    assert [watch(at=over), watch(at=over + MINUTE)] == [["rollbacks of plan.tried"], []]
    name = "high rollback frequency"
    warning, critical = ("team", f"Alert (warning): {name}"), f"Alert (critical): {name}"
    assert sorted(told()) == sorted([warning, warning, ("oncall", critical), ("team", critical)])


def test_what_is_made_up_for_a_demonstration_is_not_counted(run):
    Rollout.objects.update(synthetic=True)
    for number in range(1, 9):
        stepped(run, number, NOW - number * MINUTE)
    assert watch(at=NOW) == []


@pytest.mark.pure
def test_each_minute_somebody_looks_in_both_schedules():
    for name in ("watch the flags", "reconcile what is urgent"):
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
