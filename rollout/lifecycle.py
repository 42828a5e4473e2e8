"""What states a rollout has and how they follow (design: one table a machine). Pure.

A kill is not a state: it lies over all of them, needs no version and always wins.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    HOLDING = "holding"  # the engine waits: a gate is inconclusive or has no data, or a criterion is not met
    PAUSED = "paused"  # a person waits
    COMPLETED = "completed"
    ROLLING_BACK = "rolling_back"  # the flag is at zero; not every process has been seen to know it
    ROLLED_BACK = "rolled_back"


class Command(StrEnum):
    APPROVE = "approve"  # by a second person: this very policy may run
    START = "start"  # the scheduled time has come
    ADVANCE = "advance"
    HOLD = "hold"  # by the engine
    RELEASE = "release"  # by the engine: what it waited for is there
    PAUSE = "pause"  # by a person
    RESUME = "resume"
    STEP_BACK = "step_back"  # partial rollback, to an earlier stage
    ROLLBACK = "rollback"
    CONFIRM = "confirm"  # every process has been seen with the flag at zero
    COMPLETE = "complete"
    DISCARD = "discard"  # of a draft or a schedule: nobody was exposed


LIVE: Final = frozenset({State.SCHEDULED, State.RUNNING, State.HOLDING, State.PAUSED, State.ROLLING_BACK})
EXPOSING: Final = frozenset({State.RUNNING, State.HOLDING, State.PAUSED})
ENDED: Final = frozenset({State.COMPLETED, State.ROLLED_BACK})

_S, _C = State, Command
TABLE: Final[dict[tuple[State, Command], State]] = {
    (_S.DRAFT, _C.APPROVE): _S.SCHEDULED,
    (_S.DRAFT, _C.DISCARD): _S.ROLLED_BACK,
    (_S.SCHEDULED, _C.START): _S.RUNNING,
    (_S.SCHEDULED, _C.DISCARD): _S.ROLLED_BACK,
    **{(state, _C.ADVANCE): _S.RUNNING for state in (_S.RUNNING, _S.HOLDING)},
    **{(state, _C.COMPLETE): _S.COMPLETED for state in (_S.RUNNING, _S.HOLDING)},
    (_S.RUNNING, _C.HOLD): _S.HOLDING,
    (_S.HOLDING, _C.RELEASE): _S.RUNNING,
    (_S.RUNNING, _C.PAUSE): _S.PAUSED,
    (_S.HOLDING, _C.PAUSE): _S.PAUSED,
    (_S.PAUSED, _C.RESUME): _S.RUNNING,
    **{(state, _C.STEP_BACK): _S.RUNNING for state in EXPOSING},
    **{(state, _C.ROLLBACK): _S.ROLLING_BACK for state in EXPOSING},
    (_S.ROLLING_BACK, _C.CONFIRM): _S.ROLLED_BACK,
}


class NotPossible(Exception):
    """The command does not exist in this state."""

    def __init__(self, state: State, command: Command) -> None:
        self.state, self.command = state, command
        super().__init__(f"{command} is not possible while {state}")


def next_state(state: State, command: Command) -> State:
    """Return the state that follows.

    Raises:
        NotPossible: the table has no such cell.
    """
    try:
        return TABLE[state, command]
    except KeyError:
        raise NotPossible(state, command) from None


def possible(state: State) -> frozenset[Command]:
    """Return what may be done in a state."""
    return frozenset(command for known, command in TABLE if known is state)
