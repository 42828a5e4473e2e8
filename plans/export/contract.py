"""What an export sees of a session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class ScheduledSession:
    """One session of a plan's version, as the plan's document holds it (`plans.document.faults` finds none).

    session_id: stays the same when a later version moves or changes the session; version_number: grows with versions;
    prescribed_work: see `plans.pipelines.steps`; load: TSS.
    """

    session_id: str
    day: date
    title: str
    kind: str
    modality: str
    prescribed_work: dict[str, Any]
    load: float
    version_number: int
