"""Which processes have what the database holds: observed beside wanted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils.translation import gettext

from common.spans import span
from rollout.dashboard.words import moment
from rollout.models import FlagProcess
from rollout.selectors import SILENT_AFTER, version_token

SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Process:
    """A process that decides flags: whether it has the wanted snapshot, and when it last said so."""

    name: str
    is_current: bool
    is_silent: bool
    since: str
    seen: str


@dataclass(frozen=True, slots=True)
class Processes:
    """Observed beside wanted; only processes that still report count."""

    wanted: str
    shown: tuple[Process, ...]
    more: int
    current: int
    total: int


def processes_now(now: datetime) -> Processes:
    """Return which processes decide by which snapshot, counted as the engine counts them; two queries."""
    token = version_token()
    rows = list(FlagProcess.objects.filter(seen_at__gt=now - timedelta(hours=1)).order_by("-seen_at")[:200])
    alive = [row for row in rows if now - row.seen_at <= SILENT_AFTER]
    late_first = sorted(
        rows, key=lambda row: (row.snapshot_version == token, now - row.seen_at <= SILENT_AFTER, row.name)
    )
    shown = tuple(
        Process(
            name=row.name,
            is_current=row.snapshot_version == token,
            is_silent=now - row.seen_at > SILENT_AFTER,
            since=moment(row.snapshot_at),
            seen=gettext("%(time)s ago") % {"time": span(now - row.seen_at)},
        )
        for row in late_first[:SHOWN]
    )
    current = sum(row.snapshot_version == token for row in alive)
    return Processes(token[:8], shown, len(rows) - len(shown), current, len(alive))
