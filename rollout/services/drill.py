"""A rehearsal of the automatic rollback: made-up bad answers for a run whose outcomes are made up anyway."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from audit.services import record
from common.context import unit_of_work
from common.errors import WrongState
from common.ids import uuid7
from rollout.attribution import Attribution
from rollout.gates.evidence import Arm
from rollout.lifecycle import EXPOSING, State
from rollout.models import Rollout
from rollout.policies import Actor
from rollout.policy.model import Gate, GateKind, Metric, Purpose
from rollout.runs import policy_of
from rollout.services.outcomes import record_answer
from rollout.services.rollouts import managed_run
from rollout.services.steps import ENGINE

# A run of failures may be cut by a good answer that comes between; the last of several runs trips all the same.
RUNS: Final = 3


class Fault(StrEnum):
    ERRORS = "errors"
    UNSAFE = "unsafe"


_OUTCOMES: Final[dict[Fault, tuple[Metric, dict[str, Any]]]] = {
    Fault.ERRORS: (Metric.ERROR, {"failed": True, "fallback": True}),
    Fault.UNSAFE: (Metric.UNSAFE, {"unsafe": True}),
}


def inject_fault(*, rollout_id: UUID, fault: Fault, reason: str, acting_user: Actor) -> tuple[Gate, int]:
    """Write bad answers of the new arm; return the breaker that they trip at the next tick, and how many they are.

    Raises:
        NotPermitted, NotVisible, InvalidInput: not the role's; no such run; no reason.
        WrongState: real people are in the run; it is at no stage; no breaker of its stage sees this fault.
    """
    metric, outcome = _OUTCOMES[fault]
    with unit_of_work(acting_user):
        run = managed_run(rollout_id, reason, acting_user)
        if not (run.synthetic or settings.DEBUG):
            raise WrongState("A drill would roll real people back: it needs a synthetic run (the demo's), or DEBUG.")
        if State(run.state) not in EXPOSING:
            raise WrongState(f"A rollout that is {run.state.replace('_', ' ')} has no answers to spoil.")
        gate = _breaker(run, metric)
        answers = RUNS * gate.in_a_row
        about = {"key": run.flag.name, "fault": fault.value, "answers": answers, "reason": reason}
        record("rollout.drill", target_id=run.pk, metadata=about)
        where = Attribution(str(run.pk), run.stage, Arm.NEW)
    with unit_of_work(ENGINE):  # the answers are of nobody: no person's scope holds them
        for _ in range(answers):
            record_answer(attribution=where, athlete_id=uuid7(), source_id=uuid7(), latency_ms=900.0, **outcome)
    return gate, answers


def _breaker(run: Rollout, metric: Metric) -> Gate:
    policy = policy_of(run)
    for gate in policy.gates_of(policy.stages[run.stage]):
        acts = gate.purpose in (Purpose.ROLLBACK, Purpose.KILL)
        if gate.kind is GateKind.BREAKER and gate.metric is metric and acts:
            return gate
    raise WrongState(f"No breaker of {policy.stages[run.stage].title} sees {metric}; another fault or stage may do.")
