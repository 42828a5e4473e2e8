"""Everything that is looked at once the dust has settled.

`python -m tests.chaos.check LEDGER` in the environment of a stack; prints a JSON document.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MOST_NAMED = 20


def check(ledger: Path) -> dict[str, Any]:
    """Return violations by invariant (the first few in words), and the figures of the report."""
    from common.context import unit_of_work
    from common.management.base import COMMAND_LINE
    from tests.chaos.invariants import INVARIANTS
    from tests.chaos.ledger import counts, read_ledger

    writes = read_ledger(ledger)
    violations: dict[str, list[str]] = {}
    with unit_of_work(COMMAND_LINE, read_only=True):
        for invariant in INVARIANTS:
            violations[invariant.__name__] = invariant(writes)
        figures: dict[str, Any] = {"writes": counts(writes), **_numbers()}
    log, figures["audit"] = _audit()
    events, figures["events"] = _events()
    violations |= {"audit_verifies": log, "events_are_complete": events}
    return {
        "violations": {name: len(found) for name, found in violations.items()},
        "named": {name: found[:MOST_NAMED] for name, found in violations.items() if found},
        "figures": figures,
    }


def _numbers() -> dict[str, Any]:
    from common.jobs import Job
    from plans.models import Plan, PlanVersion
    from rollout.models import Rollout

    jobs = Counter(f"{kind}: {state}" for kind, state in Job.objects.values_list("kind", "state"))
    runs = [f"{run.state}, stage {run.stage}, step {run.version}" for run in Rollout.objects.all()]
    attempts = Counter(Job.objects.values_list("attempts", flat=True))
    return {
        "plans": Plan.objects.count(),
        "versions": PlanVersion.objects.count(),
        "jobs": dict(sorted(jobs.items())),
        "attempts": {str(times): count for times, count in sorted(attempts.items())},
        "rollouts": runs,
    }


def _audit() -> tuple[list[str], dict[str, Any]]:
    """The log verifies with its archive, nothing waits to be sealed, and each table has its events."""
    from django.conf import settings

    from audit.models import AuditEvent
    from audit.services.publish_heads import published_heads
    from audit.services.reconcile import DISCREPANCY, reconcile
    from audit.services.verify import Scope, verify_log
    from common.context import unit_of_work
    from common.management.base import COMMAND_LINE

    report = verify_log(Scope(archive=True))
    found = [f"{one.kind}: {one.detail}" for one in report.findings]
    if report.waiting:
        found.append(f"{report.waiting} events wait to be sealed")
    heads = sum(1 for _ in published_heads(Path(settings.AUDIT_HEADS_DIR)))
    if heads != report.seals:
        found.append(f"{heads} heads were published of {report.seals}")
    found += [f"{one.reconciliation} ({one.side}): {one.what}" for one in reconcile()]
    with unit_of_work(COMMAND_LINE, read_only=True):
        told = AuditEvent.objects.filter(action=DISCREPANCY).count()
    figures = {"events": report.events, "seals": report.seals, "heads": heads, "archived": report.archived}
    return found, {**figures, "discrepancies": told}


def _events() -> tuple[list[str], dict[str, Any]]:
    """What was published is in the files and the reverse; nothing was put aside."""
    import pyarrow.dataset as ds
    from django.conf import settings

    from common.context import unit_of_work
    from common.management.base import COMMAND_LINE
    from telemetry.models import DeadLetter, OutboxEvent

    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = list(OutboxEvent.objects.exclude(published_at=None).values_list("aggregate_id", "published_at", "pk"))
        dead = [f"{row.type} {row.pk} was put aside: {row.reason}" for row in DeadLetter.objects.all()]
    published = {str(pk) for *_, pk in rows}
    landed = ds.dataset(settings.TELEMETRY_DIR, format="parquet").to_table(columns=["id"])["id"].to_pylist()
    ids = set(landed)
    found = dead + [f"{one} was published and is in no file" for one in sorted(published - ids)]
    found += [f"{one} is in a file and not published" for one in sorted(ids - published)]
    figures = {
        "published": len(published),
        "landed": len(ids),
        "repeated": len(landed) - len(ids),
        "dead letters": len(dead),
        "files": sum(1 for _ in Path(settings.TELEMETRY_DIR).rglob("*.parquet")),
        "overtaken": overtakings(rows),
    }
    return found, figures


def overtakings(published: Iterable[tuple[Any, Any, Any]]) -> int:
    """Return how many of (aggregate, moment of publication, id) were published after a later one of their aggregate.

    Ids hold the clock of the process that wrote the event, so a clock that jumps makes some.
    """
    newest: dict[Any, Any] = {}
    found = 0
    for aggregate, _, event_id in sorted(published, key=lambda row: (row[1], row[2])):
        found += aggregate in newest and event_id < newest[aggregate]
        newest[aggregate] = max(event_id, newest.get(aggregate, event_id))
    return found


if __name__ == "__main__":
    import django

    django.setup()
    sys.stdout.write(json.dumps(check(Path(sys.argv[1]))) + "\n")
