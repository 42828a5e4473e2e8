"""An experiment of a heuristic: drafted with what the preview says it can show; a person starts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from accounts.scope import require
from common.context import unit_of_work
from common.errors import NotVisible
from experiments.metrics import METRICS
from experiments.models import Experiment
from experiments.policies import MANAGE, Actor
from experiments.preview import Sensitivity
from experiments.services.previewing import preview_fields
from experiments.services.running import create_experiment
from modeling.models import HeuristicRow
from modeling.services.heuristics import link_experiment
from plans.heuristics import OFF, ON, PARAMETER

PLANNED: Final = 200
"""Until the preview says how many there are."""
PRIMARY: Final = "adherence"


def try_heuristic(*, name: str, reason: str, acting_user: Actor) -> Experiment:
    """Draft an experiment of a heuristic: half of the athletes get its adjustment beforehand, half do not.

    The text of the hypothesis says what the present roster can show.

    Raises:
        NotPermitted, InvalidInput: as `create_experiment`.
        NotVisible: there is no such heuristic.
        WrongState: it was retired, or another experiment tries it.
    """
    with unit_of_work(acting_user, read_only=True):
        require(acting_user, MANAGE)
        document = _row(name).document_json
    fields = fields_with_power(document, acting_user=acting_user)
    with unit_of_work(acting_user):
        return draft_experiment(name=name, fields=fields, reason=reason, acting_user=acting_user)


def draft_experiment(*, name: str, fields: Mapping[str, Any], reason: str, acting_user: Actor) -> Experiment:
    """Write the draft and note it at its heuristic; runs inside the caller's unit of work.

    Args:
        fields: of `fields_with_power`.

    Raises:
        As `try_heuristic`.
    """
    require(acting_user, MANAGE)
    key = key_of(_row(name).name)
    link_experiment(name=name, experiment_key=key, reason=reason, acting_user=acting_user)
    return create_experiment(key=key, fields=fields, reason=reason, acting_user=acting_user)


def key_of(name: str) -> str:
    """Return the key of a heuristic's experiment."""
    return f"heuristic-{name}"[:60].rstrip("-")


def fields_with_power(document: Mapping[str, Any], *, acting_user: Actor) -> dict[str, Any]:
    """Return the draft of a heuristic's experiment, with what the present roster can show.

    Before the unit of work that writes, since the preview reads as a service.
    """
    fields = fields_of(document)
    seen = preview_fields(key=key_of(document["name"]), fields=fields, acting_user=acting_user).sensitivity
    fields["description"] = f"{fields['description']} {_power(seen)}"
    if isinstance(seen, Sensitivity) and seen.subjects >= 2:
        fields["protocol"] = {**fields["protocol"], "planned_subjects": seen.subjects}
    return fields


def fields_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the draft of a heuristic's experiment, without what it can show."""
    return {
        "name": f"Heuristic: {document['name']}"[:120],
        "description": (
            f"Do athletes complete more of their plans where the machine does beforehand what coaches do? "
            f"{document['reason']} Observed, not yet shown to cause anything."
        ),
        "variant_weights": {OFF: 50, ON: 50},
        "stratification_keys": ["sport", "level"],
        "protocol": {
            "control": OFF,
            "primary_metric": PRIMARY,
            "goal_metrics": ["satisfaction"],
            "guardrails": [{"metric": "errors", "margin": 0.02, "relative": False}],
            "planned_subjects": PLANNED,
            "parameter": PARAMETER,
            "values": {OFF: OFF, ON: ON},
        },
    }


def _row(name: str) -> HeuristicRow:
    row = HeuristicRow.objects.filter(name=name).first()
    if row is None:
        raise NotVisible(f"There is no heuristic {name}.")
    return row


def _power(seen: Any) -> str:
    """Return what can be shown, in words."""
    if not isinstance(seen, Sensitivity):
        return f"What it can show is not known yet: {seen.why}."
    detectable = seen.worst.detectable
    title = METRICS.get(PRIMARY).title.lower()
    if detectable is None:
        return f"In {seen.days} days {seen.subjects} athletes would count: too few to show anything about {title}."
    return (
        f"In {seen.days} days {seen.subjects} athletes would count, and differences in {title} from {detectable:.3g} "
        "on show with a power of 80 %."
    )
