"""What alert rules and `/metrics` may watch of flags, rollouts and messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db.models import Count, Q

from audit.models import AuditEvent
from audit.services.reconcile import DISCREPANCY
from common.context import unit_of_work
from common.monitoring import METRICS, SERIES, Kind, Metric, Reading, Sample, Series, Unit
from common.sampling import CACHES
from rollout.conditions import Report, rollbacks_by_flag, rollbacks_in_all, service_down, stale_processes
from rollout.lifecycle import Command
from rollout.models import FlagProcess, MessageState, RolloutMessage, RolloutStep
from rollout.selectors import LIVE, version_token
from telemetry.services.alerts import ALERTS

ROLLBACKS: Final = (Command.ROLLBACK.value, Command.STEP_BACK.value)
NO_ADDRESS: Final = "NOTIFY_URLS_"
MOST_NAMED: Final = 5


def _reports() -> tuple[list[Report], str]:
    with unit_of_work(ALERTS, read_only=True):
        rows = FlagProcess.objects.values_list("name", "snapshot_version", "snapshot_at", "seen_at")
        return [Report(*row) for row in rows], version_token()


def _down(since: datetime, until: datetime) -> list[Reading]:
    return service_down(*_reports(), until)


def _stale(since: datetime, until: datetime) -> list[Reading]:
    return stale_processes(*_reports(), until)


def _rolled_back(since: datetime, until: datetime) -> list[str]:
    """Return the flag of each rollback in part or whole; what is made up for a demonstration is no news to anybody."""
    with unit_of_work(ALERTS, read_only=True):
        steps = RolloutStep.objects.filter(command__in=ROLLBACKS, at__gt=since, at__lte=until)
        return list(steps.filter(rollout__synthetic=False).values_list("rollout__flag__name", flat=True))


def _unexplained(since: datetime, until: datetime) -> list[Reading]:
    """Return how often a flag, its overrides or its groups were found changed without an event that says so."""
    with unit_of_work(ALERTS, read_only=True):
        found = AuditEvent.objects.filter(action=DISCREPANCY, occurred_at__gt=since, occurred_at__lte=until)
        told = [event.metadata_json for event in found.order_by("id")]
    whats = [one.get("what", "") for one in told if one.get("reconciliation") == "flags"]
    return [Reading("", float(len(whats)), len(whats), "; ".join(whats[-MOST_NAMED:]))]


def _undelivered(since: datetime, until: datetime) -> list[Reading]:
    """Return by group how many messages failed or were given up; a group without an address is told nothing."""
    failed = Q(state__in=(MessageState.FAILED, MessageState.GIVEN_UP)) & ~Q(last_error__startswith=NO_ADDRESS)
    with unit_of_work(ALERTS, read_only=True):
        rows = RolloutMessage.objects.filter(failed, created_at__gte=since, created_at__lt=until).order_by()
        counts = rows.values_list("group").annotate(Count("pk"))
        return [Reading(group, float(count), count) for group, count in counts]


def _waiting() -> Iterable[Sample]:
    with unit_of_work(ALERTS, read_only=True):
        rows = RolloutMessage.objects.order_by().values_list("state").annotate(Count("pk"))
        return [Sample(count, {"state": state}) for state, count in rows]


def _age() -> Iterable[Sample]:
    return [Sample(LIVE.age)] if LIVE.current().version else []


def register() -> None:
    """Register our metrics, series and caches."""
    yes, number = Unit.YES_NO, Unit.NUMBER
    for name, title, describes, unit, read in (
        ("flags.service_down", "Flag service down", "no process decides by what the database holds", yes, _down),
        (
            "flags.stale_processes",
            "Old flags",
            "processes that decide by old flags while others do not",
            number,
            _stale,
        ),
        (
            "flags.unexplained_changes",
            "Changes of flags past the log",
            "changes of flags, percentages, overrides and groups that no audit event explains",
            number,
            _unexplained,
        ),
        (
            "flags.rollbacks_in_all",
            "Rollbacks of all flags",
            "rollbacks in part or whole, of any flag",
            number,
            lambda since, until: rollbacks_in_all(_rolled_back(since, until)),
        ),
    ):
        METRICS.register(name, Metric(title, describes, unit, read))
    by_flag = Metric(
        "Rollbacks of a flag",
        "rollbacks in part or whole, by flag",
        number,
        lambda since, until: rollbacks_by_flag(_rolled_back(since, until)),
        absent=0.0,
    )
    METRICS.register("flags.rollbacks", by_flag)
    undelivered = Metric("Messages not delivered", "messages that failed, by group", number, _undelivered, absent=0.0)
    METRICS.register("messages.undelivered", undelivered)
    waiting = Series(Kind.GAUGE, "Messages to stakeholders by state, as long as they are kept.", _waiting)
    SERIES.register("mesocycle_messages", waiting)
    age = Series(Kind.GAUGE, "Since when the database last confirmed this process's flags.", _age)
    SERIES.register("mesocycle_flag_snapshot_age_seconds", age)
    CACHES.register("flags", LIVE.asked)
