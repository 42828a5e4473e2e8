"""Taking a step of a run: the state table, the flag that goes with it, the record of why. The only writer of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from audit.services import record
from common.actors import actor_id
from common.context import register_service
from common.errors import StaleVersion, WrongState
from common.plain import plain
from rollout.engine import RunView
from rollout.gates.evidence import Verdict
from rollout.lifecycle import Command, NotPossible, State
from rollout.models import Flag, Rollout, RolloutStep
from rollout.policies import Actor, word_for
from rollout.policy.load import PolicyError
from rollout.policy.model import Policy, Stage
from rollout.replay import act
from rollout.runs import policy_of, view_of
from rollout.services.incidents import in_any_case, open_incident
from rollout.services.updates import tell_step
from rollout.services.writing import fields_of, locked_flag, not_while_killed, write_flag
from rollout.widening import reaches_more

ENGINE: Final = register_service("rollout")

EXTEND, RESTART = "extend", "restart"
"""Steps that leave the state as it is: the end is put off; evidence from before counts no more."""

ENTERING: Final = frozenset({Command.START, Command.ADVANCE, Command.STEP_BACK})
NARROWING: Final = frozenset({Command.ROLLBACK, Command.CONFIRM, Command.DISCARD, Command.PAUSE, Command.HOLD})
UNREADABLE: Final = Policy(
    "unreadable", "Unreadable policy", "", "", (Stage("unknown", "an unknown stage", timedelta()),) * 100, (), ""
)
"""Stands in where a run's text no longer reads and somebody takes everybody out."""
ENDING: Final = frozenset({Command.ROLLBACK, Command.DISCARD, Command.COMPLETE})


@dataclass(frozen=True, slots=True)
class Taking:
    """A step to take: a command of the life cycle, or EXTEND or RESTART; `to_stage` where it moves."""

    command: str
    why: str
    at: datetime
    to_stage: int | None = None
    verdicts: Sequence[Verdict] = ()
    kill: bool = False


def check_version(run: Rollout, expected: int | None) -> None:
    """Refuse a change that was decided on another state than the present one; None is "whatever it is now".

    Raises:
        StaleVersion: somebody, or the engine, took a step since.
    """
    if expected is not None and expected != run.version:
        raise StaleVersion(f"The rollout is at step {run.version} now.", current_etag=f'"{run.version}"')


def take(run: Rollout, step: Taking, acting_user: Actor) -> RolloutStep:
    """Take a step of a run under lock, inside the caller's unit of work.

    Raises:
        WrongState: the life cycle has no such step now, or it would widen a killed flag.
    """
    policy, before = _policy(run, step), (run.state, run.stage)
    moved = _moved(policy, run, step)
    flag = run.flag = locked_flag(run.flag.name)
    _write(run, moved, step, policy, flag)
    taken = _recorded(run, step, before, acting_user)
    _apply(run, step, policy, flag, acting_user)
    if step.command not in (EXTEND, RESTART):
        in_any_case(lambda: tell_step(rollout=run, step=taken))
    return taken


def _policy(run: Rollout, step: Taking) -> Policy:
    """Return the run's policy, as approved; what only narrows is never held up by a text that no longer reads.

    Raises:
        WrongState: the text is not the one that was approved, and the step would reach more people.
    """
    try:
        policy = policy_of(run)
    except PolicyError:
        if step.command in NARROWING:
            return UNREADABLE
        raise
    if policy.sha256 != run.policy_sha256 and step.command not in NARROWING:
        raise WrongState("The policy's text is not the one that was approved.")
    return policy


def _moved(policy: Policy, run: Rollout, step: Taking) -> RunView:
    """Return where the run stands after the step, folded as every simulation folds it."""
    view = view_of(run)
    if step.command == EXTEND:
        return replace(view, extensions=view.extensions + 1)
    if step.command == RESTART:
        return replace(view, fresh_from=step.at, extensions=0)
    try:
        moved = act(policy, view, Command(step.command), step.at, to_stage=step.to_stage)
    except NotPossible as error:
        state, asked = (text.replace("_", " ") for text in (error.state, error.command))
        raise WrongState(f"A rollout that is {state} cannot {asked}.") from error
    return replace(moved, fresh_from=step.at) if step.command == Command.START else moved


def _write(run: Rollout, moved: RunView, step: Taking, policy: Policy, flag: Flag) -> None:
    """Write the run's own row."""
    if step.command == Command.START:
        run.before_json = plain(fields_of(flag))
    if step.command in ENTERING:
        run.stage_entered_at = step.at
    if step.command in ENDING:
        run.ended_at = step.at
    if step.command == Command.ROLLBACK:
        run.cool_down_until = step.at + policy.cool_down
    run.state, run.stage = moved.state.value, moved.stage
    run.extensions = moved.extensions
    run.fresh_from = moved.fresh_from if run.stage_entered_at else None
    run.version += 1
    run.waits_for = step.why if run.state in (State.HOLDING, State.PAUSED) else ""
    run.save()


def _apply(run: Rollout, step: Taking, policy: Policy, flag: Flag, acting_user: Actor) -> None:
    """Bring the flag in line with the step, and open an incident where it went wrong."""
    reason = f"{run.policy_name}, step {run.version}: {step.why}"
    match step.command:
        case command if command in ENTERING:
            wanted = stage_fields(policy.stages[run.stage])
            if step.command == Command.STEP_BACK:
                wanted = _no_wider(run, flag, wanted)
            else:
                not_while_killed(flag)
            write_flag(flag, wanted | {"rollout_id": run.pk, "rollout_stage": run.stage}, reason)
        case Command.ROLLBACK:
            evidence = _evidence(run, step, policy, flag)
            zero: dict[str, Any] = {"rollout_thousandths": 0, "groups": [], "rollout_id": None, "rollout_stage": 0}
            zero = _no_wider(run, flag, zero) | ({"killed_at": step.at} if step.kill else {})
            write_flag(flag, zero | ({"admin_override": None} if flag.admin_override else {}), reason)
            title = f"{flag.name} was {'killed' if step.kill else 'rolled back'} at {policy.stages[run.stage].title}"
            open_incident(flag, title=title, evidence=evidence, acting_user=acting_user, rollout=run)
        case Command.COMPLETE | Command.DISCARD:
            if step.command == Command.COMPLETE:
                not_while_killed(flag)
            write_flag(flag, {"rollout_id": None, "rollout_stage": 0}, reason)


def _no_wider(run: Rollout, flag: Flag, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return what of the wanted fields reaches nobody more, with the tier as it was before the run where that is so."""
    before = {"requires_tier": run.before_json["requires_tier"]} if run.before_json else {}
    present, all_of_it = fields_of(flag), before | wanted
    return {name: all_of_it[name] for name in all_of_it.keys() - set(reaches_more(present, all_of_it))}


def stage_fields(stage: Stage) -> dict[str, Any]:
    """Return what the flag is in a stage; a stage that names no tier leaves the flag's."""
    wanted: dict[str, Any] = {
        "enabled": True,
        "guarded": True,
        "rollout_thousandths": stage.thousandths,
        "groups": sorted(stage.groups),
    }
    return wanted if stage.tier is None else wanted | {"requires_tier": stage.tier}


def _evidence(run: Rollout, step: Taking, policy: Policy, flag: Flag) -> dict[str, Any]:
    return plain(
        {
            "why": step.why,
            "policy": policy.name,
            "stage": policy.stages[run.stage].name,
            "flag_before": fields_of(flag),
            "verdicts": [asdict(verdict) for verdict in step.verdicts],
        }
    )


def _recorded(run: Rollout, step: Taking, before: tuple[str, int], acting_user: Actor) -> RolloutStep:
    who = word_for(acting_user)
    taken = RolloutStep.objects.create(
        rollout=run,
        number=run.version,
        at=step.at,
        command=step.command,
        from_state=before[0],
        to_state=run.state,
        from_stage=before[1],
        to_stage=run.stage,
        actor_id=actor_id(acting_user),
        actor=who,
        why=step.why,
        verdicts_json=[asdict(verdict) for verdict in step.verdicts],
    )
    about = {"key": run.flag.name, "command": step.command, "why": step.why}
    action = record("rollout.step", target_id=run.pk, metadata=about)
    state = {"state": run.state, "stage": run.stage, "version": run.version, "key": run.flag.name}
    record("rollout.state", target_id=run.pk, metadata=state, linked_to=action)
    return taken
