"""The second person: asks that wait, and what an agreement sets in motion at once, in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from accounts.models import User
from accounts.scope import require
from common import clock
from common.actors import actor_id
from common.context import unit_of_work
from common.database_time import database_now
from common.errors import InvalidInput, NotPermitted, NotVisible, StaleVersion, WrongState
from common.plain import plain
from rollout.engine import next_step
from rollout.lifecycle import Command, State
from rollout.models import Approval, ApprovalKind, Flag, FlagGroup, Rollout
from rollout.policies import Actor
from rollout.runs import policy_of, seen_of, view_of
from rollout.services.flags import check_changes, write_group, write_override
from rollout.services.incidents import nothing_in_the_way
from rollout.services.steps import Taking, check_version, take
from rollout.services.wishes import ask, close
from rollout.services.writing import locked_flag, managed_flag, not_while_killed, write_flag


def ask_for_change(*, key: str, changes: Mapping[str, Any], reason: str, acting_user: Actor) -> Approval:
    """Ask for a change of a guarded flag that reaches more people (also `admin_override`).

    Raises:
        NotPermitted, NotVisible, InvalidInput, WrongState: as `change_flag`.
    """
    check_changes({name: value for name, value in changes.items() if name != "admin_override"})
    with unit_of_work(acting_user):
        flag = managed_flag(key, reason, acting_user)
        not_while_killed(flag)
        _not_beside_a_run(flag)
        return ask(ApprovalKind.CHANGE, flag, {"changes": dict(changes)}, reason, acting_user)


def ask_for_group(*, key: str, name: str, subject_ids: set[UUID], reason: str, acting_user: Actor) -> Approval:
    """Ask to make exactly these subjects a group that lets people in to a guarded flag; raises as `change_flag`."""
    with unit_of_work(acting_user):
        flag = managed_flag(key, reason, acting_user)
        wish = {"group": name, "members": sorted(str(subject) for subject in subject_ids)}
        return ask(ApprovalKind.CHANGE, flag, wish, reason, acting_user)


def ask_for_override(*, key: str, subject_id: UUID, reason: str, expires_at: datetime, acting_user: Actor) -> Approval:
    """Ask to switch a guarded flag on for one subject; raises as `set_user_override`."""
    with unit_of_work(acting_user):
        flag = managed_flag(key, reason, acting_user)
        not_while_killed(flag)
        if expires_at <= clock.now():
            raise InvalidInput("An override ends in the future.", pointer="/expires_at")
        wish = {"subject_id": str(subject_id), "expires_at": expires_at.isoformat()}
        return ask(ApprovalKind.OVERRIDE, flag, wish, reason, acting_user)


def ask_to_resume(*, key: str, reason: str, acting_user: Actor) -> Approval:
    """Ask to take a kill back.

    Raises:
        WrongState: the flag is not killed.
        NotPermitted, NotVisible, InvalidInput: as `change_flag`.
    """
    with unit_of_work(acting_user):
        flag = managed_flag(key, reason, acting_user)
        if flag.killed_at is None:
            raise WrongState(f"{key} is not killed.")
        return ask(ApprovalKind.RESUME, flag, {"killed_at": flag.killed_at}, reason, acting_user)


def approve(*, approval_id: UUID, comment: str = "", acting_user: Actor) -> Approval:
    """Agree as the second person; what was wished happens in the same transaction, or nothing does.

    Raises:
        NotPermitted: not the role's; one's own wish; not a person.
        NotVisible: there is no such wish.
        WrongState: decided already, out of date, or not possible any more.
        StaleVersion: the run took a step since the wish.
    """
    with unit_of_work(acting_user):
        approval = _open(approval_id, acting_user)
        if approval.requested_by_id == actor_id(acting_user):
            raise NotPermitted("Your own wish needs another person.")
        now = database_now()
        if approval.expires_at <= now:
            raise WrongState("Nobody answered in time; ask again with what is true now.")
        _EXECUTE[ApprovalKind(approval.kind)](approval, acting_user, now)
        close(approval, now=now, approved=True, comment=comment, decided_by=actor_id(acting_user))
        return approval


def refuse(*, approval_id: UUID, comment: str, acting_user: Actor) -> Approval:
    """Refuse a wish, or withdraw one's own; a draft goes with it.

    Raises:
        NotPermitted, NotVisible, WrongState: as `approve`.
        InvalidInput: nothing says why.
    """
    with unit_of_work(acting_user):
        approval = _open(approval_id, acting_user)
        if not comment.strip():
            raise InvalidInput("Say why.", pointer="/comment")
        now = database_now()
        run = _run(approval)
        if approval.kind == ApprovalKind.START and run is not None and run.state == State.DRAFT:
            take(run, Taking(Command.DISCARD, f"not approved: {comment.strip()}", now), acting_user)
        close(approval, now=now, approved=False, comment=comment, decided_by=actor_id(acting_user))
        return approval


def _open(approval_id: UUID, acting_user: Actor) -> Approval:
    """Authorise and return an open wish under lock; the order is run, flag, wish, everywhere."""
    own = Approval.objects.filter(pk=approval_id, requested_by_id=actor_id(acting_user)).exists()
    require(acting_user, "rollout:manage" if own else "rollout:approve")
    if not isinstance(acting_user, User):
        raise NotPermitted("Only a person can decide; name one with --as.")
    seen = Approval.objects.select_related("flag").filter(pk=approval_id).first()
    if seen is None:
        raise NotVisible("There is no such wish.")
    _run(seen)
    locked_flag(seen.flag.name)
    approval = Approval.objects.select_for_update(of=("self",)).get(pk=approval_id)
    if approval.decided_at is not None:
        raise WrongState("This was decided already.")
    return approval


def _not_beside_a_run(flag: Flag) -> None:
    """Refuse a change that would make a run's stage something else than its policy says."""
    if flag.rollout_id is not None:
        raise WrongState(f"A rollout moves {flag.name} now; advance that, or end it first.")


def _run(approval: Approval) -> Rollout | None:
    if approval.rollout_id is None:
        return None
    return Rollout.objects.select_for_update(of=("self",), no_key=True).get(pk=approval.rollout_id)


def _start(approval: Approval, acting_user: Actor, now: datetime) -> None:
    run = _run(approval)
    assert run is not None
    if run.policy_sha256 != approval.wish_json["policy_sha256"]:
        raise WrongState("The policy is not the one that was asked for.")
    flag = locked_flag(run.flag.name)
    not_while_killed(flag)
    nothing_in_the_way(flag)
    take(run, Taking(Command.APPROVE, approval.reason, now), acting_user)


def _advance(approval: Approval, acting_user: Actor, now: datetime) -> None:
    run = _run(approval)
    assert run is not None
    check_version(run, approval.wish_json["version"])
    policy = policy_of(run)
    seen = seen_of(run, policy, now)
    step = next_step(policy, view_of(run), seen, now)
    if step.command is Command.ROLLBACK:
        raise StaleVersion(f"Since the wish a gate has failed: {step.why}")
    command = Command.COMPLETE if run.stage + 1 == len(policy.stages) else Command.ADVANCE
    take(run, Taking(command, f"{approval.reason} (approved; {step.why})", now, verdicts=seen.verdicts), acting_user)


def _resume(approval: Approval, acting_user: Actor, now: datetime) -> None:
    flag = locked_flag(approval.flag.name)
    if plain(flag.killed_at) != approval.wish_json["killed_at"]:
        raise StaleVersion("It was killed again since the wish.")
    write_flag(flag, {"killed_at": None}, approval.reason)


def _change(approval: Approval, acting_user: Actor, now: datetime) -> None:
    wish = approval.wish_json
    flag = locked_flag(approval.flag.name)
    not_while_killed(flag)
    if "group" in wish:
        group, _ = FlagGroup.objects.get_or_create(name=wish["group"])
        write_group(group, {UUID(member) for member in wish["members"]})
    else:
        _not_beside_a_run(flag)
        write_flag(flag, wish["changes"], approval.reason)


def _override(approval: Approval, acting_user: Actor, now: datetime) -> None:
    wish = approval.wish_json
    write_override(
        locked_flag(approval.flag.name),
        UUID(wish["subject_id"]),
        True,
        approval.reason,
        datetime.fromisoformat(wish["expires_at"]),
        set_by_id=approval.requested_by_id,
    )


_EXECUTE: Final[Mapping[ApprovalKind, Callable[[Approval, Actor, datetime], None]]] = {
    ApprovalKind.START: _start,
    ApprovalKind.ADVANCE: _advance,
    ApprovalKind.RESUME: _resume,
    ApprovalKind.CHANGE: _change,
    ApprovalKind.OVERRIDE: _override,
}
