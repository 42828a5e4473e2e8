"""From a candidate to a draft experiment against the champion (E5): written by the machine, started by a person.

One open question about versions at a time is enough: while a draft, a running or a paused experiment asks about them no
other is written. An older draft stays until a person starts or completes it; the newest candidate comes after that.
"""

from __future__ import annotations

from typing import Any, Final

from common.context import unit_of_work
from experiments.lifecycle import State
from experiments.models import Experiment
from experiments.policies import Actor
from experiments.preview import Sensitivity, Unknown
from experiments.services.previewing import preview_fields
from experiments.services.running import create_experiment
from modeling.learned.algorithm import SHIPPED
from modeling.models import AlgorithmVersion, VersionStatus
from modeling.services.versions import give_experiment
from modeling.versions import champion_name
from plans.variants import CANDIDATE, CHAMPION, VERSION

OPEN: Final = (State.DRAFT.value, State.RUNNING.value, State.PAUSED.value)
TARGET: Final = 0.03
"""The difference of adherence that matters: three in a hundred sessions."""
SLOWER: Final = 1000.0
"""Milliseconds that a plan may take longer: a version that adjusts sessions works more, and nobody minds a second."""
GUESSED_SUBJECTS: Final = 240
"""Planned where the roster's past tells nothing."""
LEAST_SUBJECTS: Final = 4


def propose_newest(*, acting_user: Actor) -> Experiment | None:
    """Write the draft of the newest version, once; None where there is nothing to ask, or a question is open.

    Only a candidate that was compared with today's champion is proposed: another one's figures are about another
    question.

    Raises:
        NotPermitted: not the role's.
    """
    with unit_of_work(acting_user, read_only=True):
        version = AlgorithmVersion.objects.select_related("parent", "run").order_by("-id").first()
        open_ones = Experiment.objects.filter(status__in=OPEN, protocol__parameter=VERSION)
        if version is None or not _is_to_be_proposed(version) or open_ones.exists():
            return None
    key = f"model-{version.name.replace('.', '-')}"
    fields = _fields(version)
    seen = preview_fields(key=key, fields=fields, acting_user=acting_user).sensitivity
    fields["description"] = f"{fields['description']} {_power(seen)}"
    fields["protocol"] = fields["protocol"] | {"planned_subjects": _subjects(seen)}
    with unit_of_work(acting_user):
        reason = f"{version.name} passed the gate."
        experiment = create_experiment(key=key, fields=fields, reason=reason, acting_user=acting_user)
        give_experiment(version_id=version.pk, key=key, acting_user=acting_user)
        return experiment


def _is_to_be_proposed(version: AlgorithmVersion) -> bool:
    parent = version.parent.name if version.parent else SHIPPED
    is_new = version.status == VersionStatus.CANDIDATE and not version.experiment_key
    return is_new and parent == champion_name()


def _fields(version: AlgorithmVersion) -> dict[str, Any]:
    parent = version.parent.name if version.parent else f"{SHIPPED} (the shipped one)"
    return {
        "name": f"Model {version.name} against the champion",
        "description": (
            f"Do athletes complete more of plans that model version {version.name} made than of those by the champion, "
            f"{parent}? Learned from what was known on {version.run.as_of:%-d %B %Y}; it passed the gate."
        ),
        "variant_weights": {CHAMPION: 50, CANDIDATE: 50},
        "stratification_keys": ["sport", "level"],
        "protocol": {
            "control": CHAMPION,
            "primary_metric": "adherence",
            "goal_metrics": ["satisfaction", "acceptance"],
            "guardrails": [
                {"metric": "errors", "margin": 0.02, "relative": False},
                {"metric": "calculation_speed", "margin": SLOWER, "relative": False},
                {"metric": "adherence", "margin": 0.05, "relative": False},
            ],
            "planned_subjects": GUESSED_SUBJECTS,
            "target": TARGET,
            "parameter": VERSION,
            "values": {CHAMPION: CHAMPION, CANDIDATE: CANDIDATE},
        },
    }


def _subjects(seen: Sensitivity | Unknown) -> int:
    """Return for how many subjects the intervals shall be narrowest: as many as needed, or as many as will come."""
    if isinstance(seen, Unknown):
        return GUESSED_SUBJECTS
    reachable = seen.needed is not None and seen.needed <= seen.arrivals.of
    return max(LEAST_SUBJECTS, seen.needed if reachable and seen.needed else seen.subjects)


def _power(seen: Sensitivity | Unknown) -> str:
    """Say what the experiment could show on today's roster."""
    if isinstance(seen, Unknown):
        return f"Power is not known: {seen.why}."
    weeks = seen.days // 7
    detectable = seen.worst.detectable
    smallest = "nothing can be seen" if detectable is None else f"{100 * detectable:.1f} percentage points can be seen"
    needed = "" if seen.needed is None else f" {seen.needed:,} athletes would be needed for {100 * TARGET:.0f} points."
    return f"On today's roster {seen.subjects:,} athletes count after {weeks} weeks, so that {smallest}.{needed}"
