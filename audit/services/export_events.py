"""Events as a file for a spreadsheet; who took it away is recorded with what it held."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from audit.models import AuditEvent
from audit.policies import may_decrypt, require_log
from audit.selectors import readable
from audit.services.record import CIPHERTEXT, record
from common.cells import guarded
from common.context import Actor, unit_of_work

EXPORT: Final = "audit.export"
HIDDEN: Final = "[encrypted]"
COLUMNS: Final = (
    "id",
    "occurred_at",
    "action",
    "actor_id",
    "actor_role",
    "target_type",
    "target_id",
    "subject_id",
    "request_id",
    "linked_event_id",
    "origin_ip",
    "user_agent",
    "metadata",
)
_PAGE: Final = 1_000


@dataclass(frozen=True)
class Chosen:
    """Which events: bounds of `occurred_at` (until excluded), and exact values; None for all."""

    since: datetime | None = None
    until: datetime | None = None
    action: str | None = None
    actor_id: UUID | None = None
    subject_id: UUID | None = None
    target_id: UUID | None = None
    request_id: UUID | None = None


@dataclass(frozen=True)
class Exported:
    """Rows without the header, and the SHA-256 (hex) of the file."""

    rows: int
    sha256: str
    decrypted: bool


def export_events(path: Path, *, chosen: Chosen, acting_user: Actor) -> Exported:
    """Write events to a new CSV file (RFC 4180), oldest first, and record that. A page at a time, whatever the size.

    Personal payload is in clear for compliance alone; others get `HIDDEN` in its place. The file gets its name only
    once its event is committed, so that no export goes unrecorded.

    Raises:
        NotPermitted: the user does not read the audit log.
        FileExistsError: nothing is overwritten.
    """
    decrypted = may_decrypt(acting_user)
    half = path.with_name(f"{path.name}.half")
    try:
        with half.open("xb") as file:
            os.chmod(half, 0o600)
            with unit_of_work(acting_user, read_only=True):
                require_log(acting_user)
                rows, sha256 = write_events(file, events_of(chosen), COLUMNS, decrypted)
        with unit_of_work(acting_user):
            tell_export(rows, sha256, chosen, decrypted)
        os.link(half, path)
    finally:
        half.unlink(missing_ok=True)
    return Exported(rows, sha256, decrypted)


def tell_export(rows: int, sha256: str, chosen: Chosen, decrypted: bool) -> None:
    """Record what an export held, in a unit of work that is open."""
    metadata = {"rows": rows, "sha256": sha256, "what": _words(chosen), "decrypted": decrypted}
    record(EXPORT, target_id=None, subject_id=chosen.subject_id, metadata=metadata)


def events_of(chosen: Chosen) -> QuerySet[AuditEvent]:
    """Return the chosen events, oldest first."""
    events = AuditEvent.objects.order_by("id")
    if chosen.since:
        events = events.filter(occurred_at__gte=chosen.since)
    if chosen.until:
        events = events.filter(occurred_at__lt=chosen.until)
    names = ("action", "actor_id", "subject_id", "target_id", "request_id")
    exact = {name: getattr(chosen, name) for name in names}
    return events.filter(**{name: value for name, value in exact.items() if value is not None})


def write_events(file: Any, events: QuerySet[AuditEvent], columns: Sequence[str], decrypted: bool) -> tuple[int, str]:
    """Write columns of the events as CSV; return the rows without the header, and the SHA-256 (hex) of the bytes."""
    digest, rows = hashlib.sha256(), 0
    for lines in _pages(events, columns, decrypted):
        buffer = io.StringIO(newline="")
        csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([guarded(cell) for cell in line] for line in lines)
        data = buffer.getvalue().encode("utf-8")
        digest.update(data)
        file.write(data)
        rows += len(lines)
    return rows - 1, digest.hexdigest()


def _pages(events: QuerySet[AuditEvent], columns: Sequence[str], decrypted: bool) -> Iterator[list[list[str]]]:
    """Yield the header, then pages of rows."""
    yield [list(columns)]
    after: UUID | None = None
    while page := list((events.filter(pk__gt=after) if after else events)[:_PAGE]):
        cells = _decrypted(page) if decrypted else [_cells(event, _hidden(event), *_origin(event)) for event in page]
        yield [[row[name] for name in columns] for row in cells]
        after = page[-1].pk


def _decrypted(page: list[AuditEvent]) -> list[dict[str, str]]:
    return [_cells(one.event, one.metadata, one.origin_ip, one.user_agent) for one in readable(page)]


def _cells(event: AuditEvent, metadata: dict[str, Any], origin_ip: str, user_agent: str) -> dict[str, str]:
    known = {
        "occurred_at": event.occurred_at.isoformat(),
        "metadata": json.dumps(metadata, sort_keys=True, ensure_ascii=False),
        "origin_ip": origin_ip,
        "user_agent": user_agent,
    }
    return {name: known[name] if name in known else str(getattr(event, name) or "") for name in COLUMNS}


def _hidden(event: AuditEvent) -> dict[str, Any]:
    return {
        name: HIDDEN if isinstance(value, dict) and value.keys() == {CIPHERTEXT} else value
        for name, value in event.metadata_json.items()
    }


def _origin(event: AuditEvent) -> tuple[str, str]:
    return HIDDEN if event.origin_ip else "", HIDDEN if event.user_agent else ""


def _words(chosen: Chosen) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(chosen).items() if value is not None}
