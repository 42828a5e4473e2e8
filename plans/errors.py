"""What this app refuses, each with its problem type."""

from __future__ import annotations

from typing import Any

from common.errors import DomainError, InvalidInput, WrongState
from plans.document import InvalidPatch
from plans.workflow import NotPossible


class ContentChanged(DomainError):
    """The version or content hash that you name is not what is under review any more; `changes` says what differs."""

    type_slug = "content-changed"
    title = "The plan changed since you read it"
    status = 409


class ReasonRequired(DomainError):
    """Edits break safety guards: say why (`reason`, one of the reason codes) to submit them; `guards` lists them."""

    type_slug = "reason-required"
    title = "A broken safety guard needs a reason"
    status = 409


def invalid_edit(error: InvalidPatch) -> InvalidInput:
    """Return a refused patch as a problem that points at each faulty operation."""
    errors: list[dict[str, Any]] = [{"pointer": pointer, "detail": detail} for pointer, detail in error.errors]
    return InvalidInput("The edit was refused; nothing was changed.", errors=errors)


def wrong_state(error: NotPossible) -> WrongState:
    return WrongState(str(error))
