"""What a message is rendered from: frozen data, read from the record by `rollout.status`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rollout.gates.evidence import Arm, Tally, Verdict
from rollout.lifecycle import State
from rollout.policy.model import Gate


@dataclass(frozen=True, slots=True)
class Text:
    """A message as people read it: plain text, no markup that one channel shows and another does not."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Status:
    """Where a rollout stands at a moment (UTC); `stage` counts from 1, `tallies` since the stage's evidence counts.

    `gates` are the policy's by name. `time_left` is the least that the stage still lasts, None where no time runs.
    """

    flag: str
    policy: str
    at: datetime
    state: State
    stage: int
    stages: int
    stage_title: str
    thousandths: int
    groups: tuple[str, ...] = ()
    time_left: timedelta | None = None
    tallies: Mapping[Arm, Tally] = field(default_factory=dict)
    verdicts: Sequence[Verdict] = ()
    gates: Mapping[str, Gate] = field(default_factory=dict)
    waits_for: str = ""
    killed: bool = False
    synthetic: bool = False
    contacts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of a run; stages by their titles. `flag` is said where steps of several runs stand together."""

    at: datetime
    command: str  # of the life cycle, or extend or restart
    from_stage: str
    to_stage: str
    by: str
    why: str
    flag: str = ""


@dataclass(frozen=True, slots=True)
class IncidentView:
    """An incident and its timeline (moment, who, what), oldest first; `reach` is what holds now, in words."""

    flag: str
    title: str
    opened: datetime
    automatic: bool
    status: str
    reach: str
    verdicts: Sequence[Verdict] = ()
    gates: Mapping[str, Gate] = field(default_factory=dict)
    entries: Sequence[tuple[datetime, str, str]] = ()
    cause: str = ""
    follow_up: str = ""
    contacts: Mapping[str, str] = field(default_factory=dict)
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Reports:
    """How many support reports there were, by level, and how many of all were critical."""

    by_level: Mapping[int, int] = field(default_factory=dict)
    critical: int = 0


@dataclass(frozen=True, slots=True)
class Week:
    """What happened in a week: `name` as ISO 8601 has it (2026-W47)."""

    name: str
    live: Sequence[Status] = ()
    steps: Sequence[StepLine] = ()
    incidents: Sequence[tuple[datetime, str, str]] = ()  # moment, flag, title
    reports: Reports = field(default_factory=Reports)


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that ended, from its first step to its last."""

    status: Status
    started: datetime | None
    steps: Sequence[StepLine] = ()
    incidents: Sequence[tuple[datetime, str, str]] = ()
    reports: Reports = field(default_factory=Reports)
