"""Signed heads outside the database: one line a head, a file a day, in `AUDIT_HEADS_DIR`.

Who can write to the database alone cannot cut off or rewrite what was published here. The folder should lie on another
machine, or be copied there.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Final

from django.conf import settings

from audit.heads import BadHead, TreeHead
from audit.models import AuditSeal
from common.context import register_service, unit_of_work

logger = logging.getLogger("mesocycle.audit")

_PUBLISHER = register_service("head-publisher")
_TAIL: Final = 4096  # longer than a head's line: this runs every second, and a day's file grows long


def publish_heads() -> int:
    """Append the heads that the folder lacks; return how many. A head that was missed (a crash) is made up for."""
    folder = Path(settings.AUDIT_HEADS_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        last = _last_published(folder)
        published = 0
        with unit_of_work(_PUBLISHER, read_only=True):
            for seal in AuditSeal.objects.filter(number__gt=last).order_by("number").iterator(chunk_size=1000):
                _append(folder, seal.head)
                published += 1
    return published


def published_heads(folder: Path) -> Iterator[TreeHead]:
    """Yield the heads in a folder, oldest file first; nothing is verified.

    Raises:
        BadHead: a line is no head.
    """
    for path in sorted(folder.glob("*.ndjson")):
        yield from heads_in(path)


def heads_in(path: Path) -> Iterator[TreeHead]:
    """Yield the heads of a file: one JSON object a line, or one JSON object in all.

    Raises:
        BadHead: something in it is no head.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        whole = json.loads(text)
        yield TreeHead.from_json(whole.get("head", whole) if isinstance(whole, dict) else whole)
        return
    except json.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines, start=1):
        try:
            yield TreeHead.from_json(json.loads(line))
        except json.JSONDecodeError:
            raise BadHead(f"line {number} of {path.name} is no tree head") from None


def _last_published(folder: Path) -> int:
    """Return the number of the newest head in the folder, 0 where there is none; half a line does not count."""
    for path in sorted(folder.glob("*.ndjson"), reverse=True):
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            tail = file.read()
        half = len(tail) - (tail.rfind(b"\n") + 1)
        if half:
            logger.warning("a half-written head was cut off", extra={"file": path.name})
            os.truncate(path, size - half)
        lines = tail[: len(tail) - half].splitlines()
        if lines:
            return TreeHead.from_json(json.loads(lines[-1])).number
    return 0


def _append(folder: Path, head: TreeHead) -> None:
    path = folder / f"{head.sealed_at.astimezone(UTC):%Y-%m-%d}.ndjson"
    with path.open("ab") as file:
        file.write(json.dumps(head.as_json(), sort_keys=True).encode("ascii") + b"\n")
        file.flush()
        os.fsync(file.fileno())
