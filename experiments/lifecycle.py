"""What states an experiment has and how they follow (design: one table a machine). Pure.

A phase that ends is no state: its successor is another frozen configuration of the same experiment.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    DRAFT = "draft"  # may be edited; assigns nobody
    RUNNING = "running"
    PAUSED = "paused"  # nobody new; who has a variant keeps it
    COMPLETE = "complete"


class Command(StrEnum):
    START = "start"  # freezes the configuration
    PAUSE = "pause"
    RESUME = "resume"
    COMPLETE = "complete"


EDITABLE: Final = frozenset({State.DRAFT})

_S, _C = State, Command
TABLE: Final[dict[tuple[State, Command], State]] = {
    (_S.DRAFT, _C.START): _S.RUNNING,
    (_S.RUNNING, _C.PAUSE): _S.PAUSED,
    (_S.PAUSED, _C.RESUME): _S.RUNNING,
    **{(state, _C.COMPLETE): _S.COMPLETE for state in (_S.RUNNING, _S.PAUSED)},
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
