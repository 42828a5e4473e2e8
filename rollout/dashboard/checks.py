"""What people recorded for the gates of a stage that no counter answers."""

from __future__ import annotations

from django.utils.translation import gettext

from accounts.directory import user_names
from rollout.dashboard.gates import Check
from rollout.dashboard.words import moment
from rollout.models import Rollout, RolloutCheck
from rollout.policy.model import GateKind, Policy, Stage


def checks_of(run: Rollout, policy: Policy, stage: Stage) -> dict[str, Check]:
    """Return by gate of the run's present stage what was recorded last; two queries, none where it has no check."""
    gates = [gate.name for gate in policy.gates_of(stage) if gate.kind is GateKind.CHECK]
    if not gates:
        return {}
    rows = RolloutCheck.objects.filter(rollout=run, stage=run.stage, gate__in=gates).order_by("id")
    newest = {row.gate: row for row in rows}
    names = user_names({row.recorded_by_id for row in newest.values()})
    found = {}
    for gate in gates:
        element, row = f"ro-check-{run.stage}-{gate}", newest.get(gate)
        if row is None:
            found[gate] = Check(element)
            continue
        said = gettext("passed, by %(who)s, %(when)s") if row.passed else gettext("failed, by %(who)s, %(when)s")
        who = names.get(row.recorded_by_id) or gettext("somebody")
        found[gate] = Check(element, said % {"who": who, "when": moment(row.created_at)}, row.evidence)
    return found
