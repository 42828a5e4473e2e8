"""What people do to a rollout. Whatever reaches more people than was approved waits for a second person."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.scope import require
from audit.services import record
from common.actors import actor_id
from common.context import unit_of_work
from common.database_time import database_now
from common.errors import InvalidInput, NotVisible, StaleVersion, WrongState
from rollout.engine import next_step
from rollout.errors import PolicyUnknown
from rollout.lifecycle import EXPOSING, Command, State
from rollout.models import Approval, ApprovalKind, Rollout, RolloutCheck, RolloutStep
from rollout.policies import Actor
from rollout.policy.load import PolicyError
from rollout.policy.model import GateKind, Policy
from rollout.runs import known_policies, policy_of, seen_of, view_of
from rollout.services.incidents import nothing_in_the_way
from rollout.services.steps import Taking, check_version, take
from rollout.services.wishes import ask, close
from rollout.services.writing import managed_flag, not_while_killed, said


def request_rollout(
    *, key: str, policy_name: str, reason: str, acting_user: Actor, starts_at: datetime | None = None
) -> Approval:
    """Draft a run of a policy and ask a second person to approve it: all stages of exactly that policy.

    Raises:
        NotPermitted, NotVisible, InvalidInput: not the role's; no such flag; no reason.
        PolicyUnknown: no such policy, or it cannot be read.
        WrongState: a run of this flag is live, or the flag is killed.
        IncidentOpen: the last run's incident was not acknowledged, or its cool-down is not over.
    """
    with unit_of_work(acting_user):
        flag = managed_flag(key, reason, acting_user)
        not_while_killed(flag)
        policy, text = _policy(policy_name)
        if flag.metadata.get("retired_at"):
            raise WrongState(f"{flag.name} was retired; the code asks for it no more.")
        nothing_in_the_way(flag)
        now = database_now()
        run = Rollout(
            flag=flag,
            policy_name=policy.name,
            policy_text=text,
            policy_sha256=policy.sha256,
            reason=reason.strip(),
            requested_by_id=actor_id(acting_user),
            starts_at=max(starts_at or now, now),
        )
        try:
            with transaction.atomic():
                run.save()
        except IntegrityError as error:
            raise WrongState(f"A rollout of {key} is drafted or live already.") from error
        wish = {"policy": policy.name, "policy_sha256": policy.sha256, "starts_at": run.starts_at}
        return ask(ApprovalKind.START, flag, wish, reason, acting_user, rollout=run)


def advance(*, rollout_id: UUID, expected: int | None, reason: str, acting_user: Actor) -> RolloutStep | Approval:
    """Move to the next stage where the policy allows it now; otherwise ask a second person, with the evidence.

    Raises:
        NotPermitted, NotVisible, InvalidInput: not the role's; no such run; no reason.
        StaleVersion: a step was taken since.
        WrongState: the run is not at a stage, the flag is killed, or a gate that rolls back has failed.
    """
    with unit_of_work(acting_user):
        run = managed_run(rollout_id, reason, acting_user)
        check_version(run, expected)
        policy, now = policy_of(run), database_now()
        if State(run.state) not in EXPOSING or run.state == State.PAUSED:
            raise WrongState(f"A rollout that is {run.state.replace('_', ' ')} cannot advance.")
        not_while_killed(run.flag)
        seen = seen_of(run, policy, now)
        step = next_step(policy, view_of(run), seen, now)
        last = run.stage + 1 == len(policy.stages)
        command = Command.COMPLETE if last else Command.ADVANCE
        if step.command is Command.ROLLBACK:
            raise WrongState(f"This stage is about to be rolled back: {step.why}")
        if step.command in (Command.ADVANCE, Command.COMPLETE) or step.only_by_hand:
            return take(run, Taking(command, f"{reason} ({step.why})", now, verdicts=seen.verdicts), acting_user)
        wish = {
            "version": run.version,
            "from": policy.stages[run.stage].name,
            "to": None if last else policy.stages[run.stage + 1].name,
            "open": step.why,
            "verdicts": [asdict(verdict) for verdict in seen.verdicts],
        }
        return ask(ApprovalKind.ADVANCE, run.flag, wish, reason, acting_user, rollout=run)


def pause(*, rollout_id: UUID, expected: int | None, reason: str, acting_user: Actor) -> RolloutStep:
    """Stay at this stage until somebody resumes; gates go on watching. Raises as `advance`."""
    return _simple(Command.PAUSE, rollout_id, expected, reason, acting_user)


def resume(*, rollout_id: UUID, expected: int | None, reason: str, acting_user: Actor) -> RolloutStep:
    """Let the stage's time begin anew; nobody more is reached by it. Raises as `advance`."""
    return _simple(Command.RESUME, rollout_id, expected, reason, acting_user)


def rollback(*, rollout_id: UUID, expected: int | None, reason: str, acting_user: Actor) -> RolloutStep:
    """Take everybody out at once; `expected` None holds whatever step the run is at. Raises as `advance`."""
    return _simple(Command.ROLLBACK, rollout_id, expected, reason, acting_user)


def discard(*, rollout_id: UUID, expected: int | None, reason: str, acting_user: Actor) -> RolloutStep:
    """Drop a draft or a schedule, and the wish for it: nobody was exposed. Raises as `advance`."""
    with unit_of_work(acting_user):
        step = _simple(Command.DISCARD, rollout_id, expected, reason, acting_user)
        for wish in Approval.objects.select_for_update(of=("self",)).filter(rollout=rollout_id, decided_at=None):
            close(wish, now=step.at, approved=False, comment=reason, decided_by=actor_id(acting_user))
        return step


def step_back(*, rollout_id: UUID, expected: int | None, stage: str, reason: str, acting_user: Actor) -> RolloutStep:
    """Go back to an earlier stage (J5); its time begins anew.

    Raises:
        InvalidInput: no such stage, or not an earlier one.
        NotPermitted, NotVisible, StaleVersion, WrongState: as `advance`.
    """
    with unit_of_work(acting_user):
        run = managed_run(rollout_id, reason, acting_user)
        check_version(run, expected)
        policy = policy_of(run)
        earlier = [before.name for before in policy.stages[: run.stage]]
        if stage not in earlier:
            known = ", ".join(earlier) or "none: this is the first"
            raise InvalidInput(f"stage must be one of {known}.", pointer="/stage")
        step = Taking(Command.STEP_BACK, reason, database_now(), to_stage=policy.index_of(stage))
        return take(run, step, acting_user)


def record_check(
    *, rollout_id: UUID, gate: str, passed: bool, evidence: str, acting_user: Actor, stage: str | None = None
) -> RolloutCheck:
    """Keep the evidence for a gate that no counter answers, for the stage the run is at.

    Args:
        stage: the stage that was looked at, where the evidence must not count for another.

    Raises:
        StaleVersion: the run has left that stage.
        NotPermitted, NotVisible: not the role's; no such run.
        WrongState: the run is at no stage.
        InvalidInput: this stage has no such check, or nothing says what was looked at.
    """
    with unit_of_work(acting_user):
        run = managed_run(rollout_id, evidence, acting_user, needs="/evidence")
        policy = policy_of(run)
        if State(run.state) not in EXPOSING:
            raise WrongState("Evidence belongs to a stage that runs.")
        if stage not in (None, policy.stages[run.stage].name):
            raise StaleVersion(f"The run has gone on to {policy.stages[run.stage].title}.")
        checks = [g.name for g in policy.gates_of(policy.stages[run.stage]) if g.kind is GateKind.CHECK]
        if gate not in checks:
            raise InvalidInput(f"gate must be one of {', '.join(checks) or 'none at this stage'}.", pointer="/gate")
        fields = {"stage": run.stage, "gate": gate, "passed": passed}
        check = RolloutCheck.objects.create(
            rollout=run, evidence=evidence.strip(), recorded_by_id=actor_id(acting_user), **fields
        )
        record("rollout.check", target_id=run.pk, metadata={**fields, "text": evidence})
        return check


def managed_run(rollout_id: UUID, reason: str, acting_user: Actor, *, needs: str = "/reason") -> Rollout:
    """Authorise and return a run under lock. The order is run, flag, wish, everywhere.

    Raises:
        NotPermitted, NotVisible, InvalidInput: not the role's; no such run; nothing says why.
    """
    require(acting_user, "rollout:manage")
    said(reason, pointer=needs)
    run = Rollout.objects.select_for_update(of=("self",), no_key=True).filter(pk=rollout_id).first()
    if run is None:
        raise NotVisible("There is no such rollout.")
    return run


def _simple(command: Command, rollout_id: UUID, expected: int | None, reason: str, acting_user: Actor) -> RolloutStep:
    with unit_of_work(acting_user):
        run = managed_run(rollout_id, reason, acting_user)
        check_version(run, expected)
        return take(run, Taking(command, reason.strip(), database_now()), acting_user)


def _policy(name: str) -> tuple[Policy, str]:
    try:
        found = known_policies().get(name)
    except PolicyError as error:
        raise PolicyUnknown(str(error), pointer="/policy") from error
    if found is None:
        raise PolicyUnknown(f"policy must be one of {', '.join(sorted(known_policies()))}.", pointer="/policy")
    return found, found.text
