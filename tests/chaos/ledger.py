"""What clients were told: every write with its key, and whether its success was acknowledged. Pure but for its file."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Outcome(StrEnum):
    """What the client knows of a write in the end."""

    ACKNOWLEDGED = "acknowledged"  # a 2xx, perhaps after repetitions with the same key
    REFUSED = "refused"  # a 4xx: the state, the version or the input
    WISHED = "wished"  # taken as a wish that somebody else has to agree to, which they may do later
    UNKNOWN = "unknown"  # neither, until the client gave up


@dataclass(frozen=True, slots=True)
class Write:
    """One write: `kind` says how to find it, `facts` what to find; `attempts` how often it was sent.

    status: the last answer's, 0 where there was none. replayed: the answer was the stored one of an earlier attempt.
    """

    kind: str
    key: str
    user_id: str
    outcome: Outcome
    status: int
    attempts: int
    seconds: float
    replayed: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    at: float = field(default_factory=time.time)


class Ledger:
    """Writes in the order of their answers, kept in a file line by line so that a run that is cut off leaves them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writes: list[Write] = []
        self._lock = threading.Lock()

    def add(self, write: Write) -> None:
        """Keep a write."""
        with self._lock:
            self.writes.append(write)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(write)) + "\n")


def read_ledger(path: Path) -> list[Write]:
    """Return what a ledger's file holds."""
    return [_write(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def of_kind(writes: Iterable[Write], *kinds: str) -> list[Write]:
    """Return the acknowledged writes of some kinds."""
    return [write for write in writes if write.kind in kinds and write.outcome is Outcome.ACKNOWLEDGED]


def counts(writes: Iterable[Write]) -> dict[str, dict[str, int]]:
    """Return how many writes of each kind came to which outcome, and how many were sent more than once or replayed."""
    found: dict[str, Counter[str]] = {}
    for write in writes:
        row = found.setdefault(write.kind, Counter())
        row[write.outcome.value] += 1
        row["repeated"] += write.attempts > 1
        row["replayed"] += write.replayed
    return {kind: dict(row) for kind, row in sorted(found.items())}


def _write(row: dict[str, Any]) -> Write:
    return Write(**{**row, "outcome": Outcome(row["outcome"])})
