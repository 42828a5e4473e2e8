"""A plan's changelog as a file for a spreadsheet; who took it away is recorded with what it held (A10)."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from audit.services import record
from common.cells import guarded
from common.context import unit_of_work
from common.errors import InvalidInput
from plans.changelog import Entry, Filter, changelog
from plans.document import canonical_json
from plans.policies import Actor, plan_for

COLUMNS: Final = (
    "at",
    "user",
    "user_id",
    "type",
    "version",
    "session_id",
    "path",
    "change",
    "old",
    "new",
    "decision",
    "override",
    "content_sha256",
    "reason",
    "visibility",
    "text",
)
CONTENT_TYPE: Final = "text/csv; charset=utf-8"
MOST_BYTES: Final = 10_000_000
_PAGE: Final = 500
_EVERYTHING: Final = Filter()
_BOM: Final = "\ufeff"
"""Without it Excel reads UTF-8 as the machine's old code page."""


@dataclass(frozen=True)
class Export:
    """A file as it is handed out: `sha256` is of `content`, byte order mark included; `rows` counts without header."""

    content: bytes
    rows: int
    sha256: str
    filename: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Disposition": f'attachment; filename="{self.filename}"', "Cache-Control": "no-store"}


def export_changelog(*, plan_id: UUID, chosen: Filter = _EVERYTHING, acting_user: Actor) -> Export:
    """Return what the user may read of a plan's changelog, newest first, as CSV (RFC 4180).

    It is built in memory, a page of entries at a time, and refused beyond `MOST_BYTES`: the audit event names the hash
    of what was handed out and is written in the same transaction, and a streamed answer has no hash before it is gone.

    Raises:
        NotVisible: there is no such plan, or it is outside the user's scope.
        InvalidInput: more than `MOST_BYTES`; a shorter period fits.
    """
    with unit_of_work(acting_user):
        plan = plan_for(acting_user, plan_id)
        buffer = io.StringIO(newline="")
        buffer.write(_BOM)
        # Quoting every cell keeps one cell one cell where the spreadsheet separates by semicolons.
        writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
        writer.writerow(COLUMNS)
        rows = 0
        for page in _pages(acting_user, plan, chosen):
            writer.writerows([guarded(str(cell)) for cell in _cells(entry)] for entry in page)
            rows += len(page)
            if buffer.tell() > MOST_BYTES:
                raise _too_much()
        content = buffer.getvalue().encode("utf-8")
        if len(content) > MOST_BYTES:
            raise _too_much()
        export = Export(content, rows, hashlib.sha256(content).hexdigest(), f"changelog-{plan.pk}.csv")
        metadata = {"rows": export.rows, "sha256": export.sha256, "what": "changelog"}
        record("plan.export", target_id=plan.pk, subject_id=plan.athlete_id, metadata=metadata)
        return export


def _pages(user: Actor, plan: Any, chosen: Filter) -> Iterator[list[Entry]]:
    """Yield the entries that the user may read, page by page; what is written meanwhile is newer and stays out."""
    while page := changelog(user, plan, chosen, limit=_PAGE):
        yield page
        if len(page) < _PAGE:
            return
        chosen = replace(chosen, before=page[-1].id)


def _cells(entry: Entry) -> tuple[Any, ...]:
    """Return the columns of an entry: named one by one, so that what a detail gains later does not leak into files."""
    detail = entry.detail
    return (
        entry.at.isoformat(timespec="seconds"),
        entry.user_name,
        entry.user_id,
        entry.type,
        entry.version_number,
        detail.get("session_id") or detail.get("anchor_id") or "",
        detail.get("path", ""),
        detail.get("change", ""),
        _value(detail.get("old")),
        _value(detail.get("new")),
        detail.get("decision", ""),
        "yes" if detail.get("is_override") else "",
        detail.get("content_sha256", ""),
        detail.get("reason", ""),
        detail.get("visibility", ""),
        detail.get("note") or detail.get("comment") or detail.get("message") or "",
    )


def _value(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else canonical_json(value)


def _too_much() -> InvalidInput:
    return InvalidInput(
        f"This changelog is larger than {MOST_BYTES // 1_000_000} MB; choose a period with from and until.",
        pointer="/from",
    )
