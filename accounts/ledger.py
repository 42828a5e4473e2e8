"""Who was erased, outside the database: a line each, so that a backup from before does not bring anybody back.

A line has ids and a moment, no name. The file belongs on another machine, or is copied there, as the signed heads are.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from common.errors import InvalidInput

FORMAT: Final = "mesocycle-erasure/1"


@dataclass(frozen=True)
class Erasure:
    """One person: the request that was carried out, the athlete, when."""

    request_id: UUID
    athlete_id: UUID
    erased_at: datetime

    @property
    def line(self) -> str:
        """Return the line of the file, with its end."""
        at = self.erased_at.astimezone(UTC).isoformat()
        ids = {"request_id": str(self.request_id), "athlete_id": str(self.athlete_id)}
        return json.dumps({"format": FORMAT, **ids, "erased_at": at}) + "\n"


def read_ledger(path: Path) -> list[Erasure]:
    """Return what a ledger says.

    Raises:
        InvalidInput: it cannot be read, or a line is none of ours.
    """
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read the list of erasures {path}: {error}", pointer="/erasures") from error
    return [_parsed(line, f"line {number} of {path}") for number, line in enumerate(text.splitlines(), start=1)]


def append_to_ledger(path: Path, erasures: Iterable[Erasure]) -> int:
    """Append those that the file lacks, and keep them over a power cut; return how many. Half a line is cut off.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        whole = file.read()
        end = whole.rfind(b"\n") + 1
        known = {json.loads(line)["request_id"] for line in whole[:end].splitlines()}
        fresh = [erasure for erasure in erasures if str(erasure.request_id) not in known]
        if end < len(whole):
            file.truncate(end)
        if fresh:
            file.seek(end)
            file.writelines(erasure.line.encode("ascii") for erasure in fresh)
            file.flush()
            os.fsync(file.fileno())
    return len(fresh)


def _parsed(line: str, where: str) -> Erasure:
    try:
        said = json.loads(line)
        if said["format"] != FORMAT:
            raise ValueError(said["format"])
        at = datetime.fromisoformat(said["erased_at"])
        return Erasure(UUID(said["request_id"]), UUID(said["athlete_id"]), at)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{where} is no line of a list of erasures", pointer="/erasures") from error
