"""What a stage's arms have counted, added up by the database, and how long its gates still need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import FloatField, Max, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from rollout.gates.counting import PER_SUBJECT
from rollout.gates.detect import Traffic, days_to_conclusive
from rollout.gates.evidence import Arm, Outcome, Verdict
from rollout.models import OutcomeMinute, Rollout
from rollout.policy.model import Metric, Policy, Stage

DAY: Final = timedelta(days=1)
COUNTS: Final = ("answered", "subjects", "decided", "rated")


@dataclass(frozen=True, slots=True)
class Counted:
    """Counts of both arms by (arm, name), and the newest minute among them."""

    counts: dict[tuple[Arm, str], int]
    newest: datetime | None

    def of(self, arm: Arm, name: str) -> int:
        return self.counts.get((arm, name), 0)

    def both(self, name: str) -> int:
        return self.of(Arm.NEW, name) + self.of(Arm.CONTROL, name)

    @property
    def share(self) -> float | None:
        """The new arm's share of the subjects seen."""
        return self.of(Arm.NEW, "subjects") / self.both("subjects") if self.both("subjects") else None


def counted_since(run: Rollout, since: datetime) -> Counted:
    """Return what the run's present stage has counted since a moment; one query."""
    sums = {
        f"{arm.value}_{name}": Sum(Cast(KeyTextTransform(name, f"{arm.value}_json"), FloatField()))
        for arm in Arm
        for name in COUNTS
    }
    rows = OutcomeMinute.objects.filter(rollout=run, stage=run.stage, minute__gte=since)
    found = rows.aggregate(newest=Max("minute"), **sums)
    counts = {(arm, name): int(found[f"{arm.value}_{name}"] or 0) for arm in Arm for name in COUNTS}
    return Counted(counts, found["newest"])


def days_needed(
    policy: Policy, stage: Stage, verdicts: Sequence[Verdict], recent: Counted, over: timedelta
) -> dict[str, float | None]:
    """Return by gate that is inconclusive or has no data the days until it has its minimum n; None where that never
    comes at this traffic.

    recent: what was counted `over` the time before now.
    """
    days = max(over / DAY, 1 / 1440)
    gates = {gate.name: gate for gate in policy.gates_of(stage)}
    found: dict[str, float | None] = {}
    for verdict in verdicts:
        gate = gates.get(verdict.gate)
        if gate is None or gate.metric is None or verdict.outcome not in (Outcome.INCONCLUSIVE, Outcome.NO_DATA):
            continue
        name = _counted_by(gate.metric)
        traffic = Traffic(recent.both(name) / days, 0.0, None if not stage.groups else recent.share)
        found[gate.name] = days_to_conclusive(stage, gate, traffic, n=verdict.n, n_control=verdict.n_control)
    return found


def _counted_by(metric: Metric) -> str:
    if metric in PER_SUBJECT:
        return "subjects"
    return {Metric.ACCEPTED: "decided", Metric.RATING: "rated"}.get(metric, "answered")
