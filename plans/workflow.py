"""The states of a plan and how they follow each other: one table, read cell by cell. Pure.

Versions are immutable; the head moves. A published plan that is edited gets a new head version under review while the
athlete goes on training by the active one, so `has_active` decides where a withdrawal leads.
"""

from __future__ import annotations

import enum
from typing import Final


class State(enum.StrEnum):
    """States of a plan's head."""

    GENERATED = "generated"
    DRAFT = "draft"
    COACH_REVIEWED = "coach_reviewed"
    APPROVED = "approved"
    PUBLISHED = "published"
    COMPLETED = "completed"
    NEEDS_REVISION = "needs_revision"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()


class Action(enum.StrEnum):
    """What people and services do to a plan's head."""

    SAVE = "save"
    REGENERATE = "regenerate"
    SUBMIT = "submit"
    REQUEST_CHANGES = "request_changes"
    ACCEPT = "accept"
    PUBLISH = "publish"
    MOVE_SESSION = "move_session"
    WITHDRAW = "withdraw"
    COMPLETE = "complete"
    SUPERSEDE = "supersede"


PENDING: Final = frozenset({State.GENERATED, State.DRAFT, State.NEEDS_REVISION})
"""What awaits the coach."""

ENDED: Final = frozenset({State.COMPLETED, State.SUPERSEDED, State.WITHDRAWN})

VERB: Final[dict[Action, str]] = {
    Action.SAVE: "plan:edit",
    Action.REGENERATE: "plan:edit",
    Action.SUBMIT: "plan:edit",
    Action.WITHDRAW: "plan:edit",
    Action.REQUEST_CHANGES: "plan:approve",
    Action.ACCEPT: "plan:approve",
    Action.PUBLISH: "plan:approve",
    Action.MOVE_SESSION: "plan:approve",
    Action.COMPLETE: "plan:approve",
    Action.SUPERSEDE: "plan:approve",
}
"""Which verb of the permission matrix an action needs; acceptance carries publication and what it supersedes."""

_UNDER_REVIEW: Final = (State.GENERATED, State.DRAFT, State.NEEDS_REVISION, State.COACH_REVIEWED)

TABLE: Final[dict[tuple[State, Action], State]] = {
    **{(state, Action.SAVE): State.DRAFT for state in (*_UNDER_REVIEW, State.PUBLISHED)},
    **{(state, Action.REGENERATE): State.DRAFT for state in (*_UNDER_REVIEW, State.PUBLISHED)},
    **{(state, Action.SUBMIT): State.COACH_REVIEWED for state in PENDING},
    (State.COACH_REVIEWED, Action.REQUEST_CHANGES): State.NEEDS_REVISION,
    (State.COACH_REVIEWED, Action.ACCEPT): State.APPROVED,
    (State.APPROVED, Action.PUBLISH): State.PUBLISHED,
    (State.PUBLISHED, Action.MOVE_SESSION): State.PUBLISHED,
    (State.PUBLISHED, Action.COMPLETE): State.COMPLETED,
    **{(state, Action.WITHDRAW): State.WITHDRAWN for state in (*_UNDER_REVIEW, State.PUBLISHED)},
    **{(state, Action.SUPERSEDE): State.SUPERSEDED for state in (*_UNDER_REVIEW, State.PUBLISHED)},
}


class NotPossible(ValueError):
    """The table has no such cell."""


def next_state(state: State, action: Action, *, has_active: bool) -> State:
    """Return the state that an action leads to.

    `has_active`: the athlete trains by an earlier version; withdrawing a revision then restores `published`.

    Raises:
        NotPossible: the action is not possible in this state.
    """
    if action is Action.WITHDRAW and has_active and state in _UNDER_REVIEW:
        return State.PUBLISHED
    try:
        return TABLE[state, action]
    except KeyError:
        raise NotPossible(f"A plan that is {state.label.lower()} cannot be {_PAST[action]}.") from None


_PAST: Final = {
    Action.SAVE: "edited",
    Action.REGENERATE: "generated again",
    Action.SUBMIT: "submitted",
    Action.REQUEST_CHANGES: "sent back",
    Action.ACCEPT: "accepted",
    Action.PUBLISH: "published",
    Action.MOVE_SESSION: "changed by its athlete",
    Action.WITHDRAW: "withdrawn",
    Action.COMPLETE: "completed",
    Action.SUPERSEDE: "superseded",
}
