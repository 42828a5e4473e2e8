"""What is due, in one loop, where there is no Celery beat."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import structlog
from django.core.management.base import CommandParser

from accounts.services.grants import end_expired
from accounts.services.note_erasures import note_erasures
from accounts.services.notify import send_waiting_mail
from audit.services.archive import archive
from audit.services.reconcile import reconcile_lately, reconcile_urgent
from audit.services.seal import seal
from common import clock, idempotency, jobs, retention, rollup, sampling, throttle
from common.management.base import MesocycleCommand
from common.partitioning.ahead import make_ahead
from experiments.services.looking import look_at_all
from modeling.services.recompute_fits import recompute_due
from plans.jobs import start_nightly
from plans.services.tell_reports import tell_reports
from rollout.demo_feed import feed
from rollout.services.messages import deliver_due
from rollout.services.tick import tick
from rollout.services.updates import tell_daily, tell_weekly
from telemetry.services.alerts import evaluate_alerts
from telemetry.services.compact import compact_due
from telemetry.services.forget import forget_due
from telemetry.services.observe import tell_due
from telemetry.services.relay import relay_due
from telemetry.warehousing.daily import build_daily

logger = structlog.get_logger("mesocycle.schedule")

# name → (every, what); beat's names in production, but for the roll-ups, which each process flushes itself.
SCHEDULE: Final[dict[str, tuple[timedelta, Callable[[], Any]]]] = {
    "sweep stale jobs": (timedelta(seconds=30), jobs.sweep_stale),
    "send waiting mail": (timedelta(minutes=1), send_waiting_mail),
    "end expired grants": (timedelta(minutes=1), end_expired),
    "note erasures": (timedelta(minutes=5), note_erasures),
    "flush request roll-ups": (timedelta(minutes=1), rollup.flush),
    "purge idempotency keys": (timedelta(hours=1), idempotency.purge),
    "seal audit events": (timedelta(seconds=1), seal),
    "relay telemetry events": (timedelta(seconds=5), relay_due),
    "recompute a sample of fits": (timedelta(days=1), recompute_due),
    "build the warehouse": (timedelta(days=1), build_daily),
    "tell how the service does": (timedelta(minutes=5), tell_due),
    "forget in telemetry": (timedelta(minutes=5), forget_due),
    "compact telemetry files": (timedelta(days=1), compact_due),
    "reconcile the audit log": (timedelta(days=1), reconcile_lately),
    "reconcile what is urgent": (timedelta(minutes=1), reconcile_urgent),
    "archive the audit log": (timedelta(days=1), archive),
    "purge throttle counters": (timedelta(hours=1), throttle.purge),
    "make coming months": (timedelta(hours=1), make_ahead),
    "apply retention": (timedelta(days=1), lambda: retention.apply_retention(dry_run=False)),
    "feed synthetic rollouts": (timedelta(minutes=1), lambda: feed(clock.now())),
    "look at the rollouts": (timedelta(minutes=1), tick),
    "look at the experiments": (timedelta(hours=1), look_at_all),
    "retrain": (timedelta(days=1), start_nightly),
    "judge the alert rules": (timedelta(minutes=1), evaluate_alerts),
    "sample the worker": (timedelta(minutes=1), sampling.sample_worker),
    "deliver messages": (timedelta(minutes=1), lambda: deliver_due(clock.now())),
    "tell the daily status": (timedelta(days=1), lambda: tell_daily(clock.now())),
    "tell coaches what was learned": (timedelta(days=1), tell_reports),
    "tell the weekly report": (timedelta(days=7), lambda: tell_weekly(clock.now())),
}


class Command(MesocycleCommand):
    """Run each scheduled piece of work when it is due; one that fails is logged and tried again at its next turn."""

    help = "Run scheduled work in one loop (what Celery beat does where there is a broker)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add how long."""
        super().add_arguments(parser)
        parser.add_argument("--once", action="store_true", help="run everything once and end")

    def run(self, **options: Any) -> int | None:
        """Loop."""
        due = {name: clock.now() for name in SCHEDULE}
        ran: list[dict[str, Any]] = []
        while True:
            for name, (every, work) in SCHEDULE.items():
                if clock.now() >= due[name]:
                    ran.append({"work": name, "ok": _run(name, work)})
                    due[name] = clock.now() + every
            if options["once"]:
                break
            ran.clear()
            time.sleep(1)
        if self.as_json:
            self.emit({"ran": ran})
        else:
            self.table(ran)
        return None if all(row["ok"] for row in ran) else 1


def _run(name: str, work: Callable[[], Any]) -> bool:
    try:
        work()
    except Exception:
        logger.exception("scheduled work failed", work=name)
        return False
    return True
