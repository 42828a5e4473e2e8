"""What the forms of the operators' pages do: one service call each, its refusal shown to the person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from accounts.models import User
from common.errors import InvalidInput, StaleVersion, WrongState
from rollout.models import Approval
from rollout.services import approvals, flags, incidents, rollouts

LEAST_REASON: Final = 20
"""Characters that say what was seen, in the reason of a rollback or a kill: others will read it years later."""


def command(form: Mapping[str, str], *, rollout_id: UUID, key: str, user: User) -> str:
    """Do what a form of a run's page asks for, and return what was done.

    A rollback to zero and a kill ask for no version: they are right whatever step was taken meanwhile.

    Raises:
        InvalidInput: an unknown command, no version, or too short a reason.
        DomainError: as the service.
    """
    name, reason = form.get("command", ""), form.get("reason", "").strip()
    on_run: dict[str, Any] = {"rollout_id": rollout_id, "reason": reason, "acting_user": user}
    match name:
        case "pause" | "resume" | "discard":
            getattr(rollouts, name)(expected=_expected(form), **on_run)
            return {"pause": "On hold.", "resume": "Running again.", "discard": "Discarded."}[name]
        case "check":
            return _check(form, rollout_id, user)
        case "advance":
            found = rollouts.advance(expected=_expected(form), **on_run)
            return (
                "A second person has to agree; the wish is in the inbox."
                if isinstance(found, Approval)
                else "Advanced."
            )
        case "rollback":
            return _rollback(form, on_run)
        case "kill":
            flags.kill_flag(key=key, reason=long_enough(reason), acting_user=user)
            return "Killed: off for everybody. The page shows which processes know it."
        case "unkill":
            approvals.ask_to_resume(key=key, reason=reason, acting_user=user)
            return "A second person has to agree; the wish is in the inbox."
    raise InvalidInput("There is no such command.")


def _rollback(form: Mapping[str, str], on_run: dict[str, Any]) -> str:
    kind, ticket = form.get("kind", "").strip(), form.get("ticket", "").strip()
    words = ": ".join(part for part in (kind, long_enough(on_run["reason"])) if part)
    on_run["reason"] = f"{words} ({ticket})" if ticket else words
    if stage := form.get("stage", ""):
        rollouts.step_back(expected=_expected(form), stage=stage, **on_run)
        return f"Back at {stage}."
    rollouts.rollback(expected=None, **on_run)
    return "Rolled back: the flag is at zero. The page shows which processes know it."


def _check(form: Mapping[str, str], rollout_id: UUID, user: User) -> str:
    if form.get("passed") not in ("yes", "no"):
        raise InvalidInput("Say whether it passed.", pointer="/passed")
    given = {name: form.get(name, "") for name in ("gate", "evidence", "stage")}
    try:
        rollouts.record_check(rollout_id=rollout_id, passed=form["passed"] == "yes", acting_user=user, **given)
    except StaleVersion as error:
        raise WrongState(error.detail) from error  # steps are told by their number, and this form has none
    return "Recorded. The gate is judged again within a minute."


def long_enough(reason: str) -> str:
    """Return the reason of an emergency.

    Raises:
        InvalidInput: it does not say what was seen.
    """
    if len(reason) < LEAST_REASON:
        raise InvalidInput(f"Say what you saw, in at least {LEAST_REASON} characters.", pointer="/reason")
    return reason


def _expected(form: Mapping[str, str]) -> int:
    try:
        return int(form.get("expected", ""))
    except ValueError:
        raise InvalidInput("The form does not say which step it saw.", pointer="/expected") from None


def start(form: Mapping[str, str], *, user: User) -> str:
    """Ask for a new run; raises as `request_rollout`, and InvalidInput of a time that is none."""
    raw = form.get("starts_at", "")
    try:
        starts_at = datetime.fromisoformat(raw).replace(tzinfo=UTC) if raw else None
    except ValueError:
        raise InvalidInput("The start is no time.", pointer="/starts_at") from None
    rollouts.request_rollout(
        key=form.get("key", ""),
        policy_name=form.get("policy", ""),
        reason=form.get("reason", ""),
        starts_at=starts_at,
        acting_user=user,
    )
    return "Asked for. It starts when a second person has agreed."


def on_incident(form: Mapping[str, str], *, incident_id: UUID, user: User) -> str:
    """Acknowledge or close an incident, or add to its timeline; raises as the services."""
    given: dict[str, Any] = {"incident_id": incident_id, "acting_user": user}
    match form.get("do", ""):
        case "acknowledge":
            incidents.acknowledge_incident(cause=form.get("cause", ""), **given)
            return "Acknowledged."
        case "close":
            incidents.close_incident(cause=form.get("cause", ""), follow_up=form.get("follow_up", ""), **given)
            return "Closed."
        case "entry":
            incidents.add_entry(text=form.get("text", ""), **given)
            return "Added to the timeline."
    raise InvalidInput("There is no such command.")


def decide(form: Mapping[str, str], *, approval_id: UUID, user: User) -> str:
    """Approve or refuse a wish; raises as the services."""
    given: dict[str, Any] = {"approval_id": approval_id, "comment": form.get("comment", ""), "acting_user": user}
    if form.get("do") == "approve":
        approvals.approve(**given)
        return "Approved, and done."
    approvals.refuse(**given)
    return "Refused."
