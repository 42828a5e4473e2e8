"""What the record says of a rollout, as messages show it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from rollout.engine import RunView, time_left
from rollout.gates.evidence import Arm, Outcome, Tally, Verdict
from rollout.lifecycle import EXPOSING, State
from rollout.messages.figures import reach_text
from rollout.messages.view import IncidentView, Reports, Status, StepLine
from rollout.models import Flag, Incident, IncidentStatus, OutcomeMinute, Report, Rollout, RolloutStep
from rollout.policy.model import Policy
from rollout.runs import policy_of
from rollout.support import Severity


def status_of(rollout: Rollout, at: datetime) -> Status:
    """Return where a run stands; its evidence is what was counted at its present stage since it counts."""
    policy, flag = policy_of(rollout), rollout.flag
    stage = policy.stages[rollout.stage]
    state = State(rollout.state)
    return Status(
        flag=flag.name,
        policy=policy.title,
        at=at,
        state=state,
        stage=rollout.stage + 1,
        stages=len(policy.stages),
        stage_title=stage.title,
        thousandths=flag.rollout_thousandths,
        groups=_groups(flag),
        time_left=time_left(policy, _run(rollout), at) if state in EXPOSING and rollout.fresh_from else None,
        tallies=tallies_since(rollout),
        verdicts=verdicts_of(rollout.verdicts_json),
        gates={gate.name: gate for gate in policy.gates},
        waits_for=rollout.waits_for,
        killed=flag.killed_at is not None,
        synthetic=rollout.synthetic,
        contacts=policy.contacts,
    )


def tallies_since(rollout: Rollout) -> dict[Arm, Tally]:
    """Return what each arm did at the present stage since its evidence counts."""
    found = {arm: Tally() for arm in Arm}
    rows = OutcomeMinute.objects.filter(rollout=rollout, stage=rollout.stage)
    if rollout.fresh_from is not None:
        rows = rows.filter(minute__gte=rollout.fresh_from)
    for new, control in rows.order_by("minute").values_list("new_json", "control_json").iterator():
        for arm, seen in ((Arm.NEW, new), (Arm.CONTROL, control)):
            if seen:
                found[arm] += Tally.from_json(seen)
    return found


def verdicts_of(stored: Sequence[dict[str, Any]]) -> list[Verdict]:
    """Read verdicts as a run or a step keeps them: the fields of `Verdict` by name."""
    return [Verdict(**{**one, "outcome": Outcome(one["outcome"])}) for one in stored]


def step_line(step: RolloutStep, policy: Policy, *, flag: str = "") -> StepLine:
    """Return a step with its stages by title."""
    return StepLine(
        at=step.at,
        command=step.command,
        from_stage=policy.stages[step.from_stage].title,
        to_stage=policy.stages[step.to_stage].title,
        by=step.actor.removeprefix("service:"),
        why=step.why,
        flag=flag,
    )


def incident_view(incident: Incident) -> IncidentView:
    """Return an incident with its timeline; without a rollout there is no evidence of gates."""
    flag, run = incident.flag, incident.rollout
    policy = policy_of(run) if run is not None else None
    killed = flag.killed_at is not None
    return IncidentView(
        flag=flag.name,
        title=incident.title,
        opened=incident.created_at,
        automatic=incident.automatic,
        status=IncidentStatus(incident.status).label.lower(),
        reach="killed, off for everybody"
        if killed
        else f"on for {reach_text(flag.rollout_thousandths, _groups(flag))}",
        verdicts=verdicts_of(run.verdicts_json) if run is not None else (),
        gates={gate.name: gate for gate in policy.gates} if policy else {},
        entries=[(entry.at, entry.actor.removeprefix("service:"), entry.text) for entry in incident.entries.all()],
        cause=incident.cause,
        follow_up=incident.follow_up,
        contacts=policy.contacts if policy else {},
        synthetic=run is not None and run.synthetic,
    )


def reports_in(condition: Q) -> Reports:
    """Count support reports."""
    rows: QuerySet[Report] = Report.objects.filter(condition).order_by()
    by_level = dict(rows.values_list("level").annotate(count=Count("id")))
    return Reports(by_level, rows.filter(severity=Severity.CRITICAL.value).count())


def incidents_in(condition: Q) -> list[tuple[datetime, str, str]]:
    """Return moment, flag and title of incidents, oldest first."""
    rows = Incident.objects.filter(condition).order_by("id")
    return list(rows.values_list("created_at", "flag__name", "title"))


def _groups(flag: Flag) -> tuple[str, ...]:
    return tuple(flag.allow_groups.order_by("name").values_list("name", flat=True))


def _run(rollout: Rollout) -> RunView:
    assert rollout.fresh_from is not None
    return RunView(State(rollout.state), rollout.stage, rollout.fresh_from, rollout.extensions, rollout.last_tick)
