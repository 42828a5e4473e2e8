"""What a simulated run decided, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from rollout.lifecycle import State

Ending = Literal["completed", "rolled_back", "holding"]

_ENDINGS: Final[dict[State, Ending]] = {State.COMPLETED: "completed", State.ROLLED_BACK: "rolled_back"}


@dataclass(frozen=True, slots=True)
class Decision:
    """One tick that did something, or one act of a person; `stage` and `state` are those after it.

    `command` is a command of the life cycle, `extend` or `restart`, or empty where only alerts changed.
    """

    at: datetime
    stage: str
    state: State
    command: str
    why: str
    gates: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    kill: bool = False
    by_person: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "stage": self.stage,
            "state": self.state.value,
            "command": self.command,
            "why": self.why,
            "gates": list(self.gates),
            "alerts": list(self.alerts),
            "kill": self.kill,
            "by": "person" if self.by_person else "engine",
        }


@dataclass(slots=True)
class Trace:
    """Every decision of a run in order, and where it stood at the end."""

    policy: str
    sha256: str
    scenario: str
    seed: int | None
    started: datetime
    ended: datetime
    state: State = State.RUNNING
    stage: str = ""
    decisions: list[Decision] = field(default_factory=list)

    @property
    def outcome(self) -> Ending:
        """`holding` is whatever has not ended: it waits for evidence or for a person."""
        return _ENDINGS.get(self.state, "holding")

    @property
    def killed(self) -> bool:
        return any(decision.kill for decision in self.decisions)

    @property
    def tripped(self) -> tuple[str, ...]:
        """Return the gates that rolled the run back."""
        return next((decision.gates for decision in self.decisions if decision.command == "rollback"), ())

    def as_json(self) -> dict[str, Any]:
        """Return the trace as a document whose last key is `outcome`."""
        return {
            "policy": self.policy,
            "sha256": self.sha256,
            "scenario": self.scenario,
            "seed": self.seed,
            "started": self.started.isoformat(),
            "ended": self.ended.isoformat(),
            "decisions": [decision.as_json() for decision in self.decisions],
            "stage": self.stage,
            "killed": self.killed,
            "outcome": self.outcome,
        }
