"""An experiment of a heuristic: drafted with what the preview says it can show; a person starts it."""

from __future__ import annotations

import logging
from typing import Any, Final

from accounts.scope import require
from common.context import unit_of_work
from common.errors import DomainError, NotVisible
from experiments.metrics import METRICS
from experiments.models import Experiment
from experiments.policies import MANAGE, Actor
from experiments.preview import Sensitivity
from experiments.services.previewing import preview_experiment
from experiments.services.running import create_experiment, edit_experiment
from modeling.models import HeuristicRow
from modeling.services.heuristics import link_experiment
from plans.heuristics import OFF, ON, PARAMETER

logger = logging.getLogger("mesocycle.experiments")

PLANNED: Final = 200
"""Until the preview says how many there are."""
PRIMARY: Final = "adherence"


def try_heuristic(*, name: str, reason: str, acting_user: Actor) -> Experiment:
    """Draft an experiment of a heuristic: half of the athletes get its adjustment beforehand, half do not.

    The text of the hypothesis says what the present roster can show, which is read once the draft is written; where
    that fails the draft stays without it.

    Raises:
        NotPermitted, InvalidInput: as `create_experiment`.
        NotVisible: there is no such heuristic.
        WrongState: it was retired, or another experiment tries it.
    """
    with unit_of_work(acting_user):
        experiment = draft_experiment(name=name, reason=reason, acting_user=acting_user)
    return told_power(experiment, acting_user=acting_user)


def draft_experiment(*, name: str, reason: str, acting_user: Actor) -> Experiment:
    """Write the draft and note it at its heuristic; runs inside the caller's unit of work.

    Raises:
        As `try_heuristic`.
    """
    require(acting_user, MANAGE)
    row = HeuristicRow.objects.filter(name=name).first()
    if row is None:
        raise NotVisible(f"There is no heuristic {name}.")
    key = key_of(name)
    link_experiment(name=name, experiment_key=key, reason=reason, acting_user=acting_user)
    return create_experiment(key=key, fields=fields_of(row), reason=reason, acting_user=acting_user)


def key_of(name: str) -> str:
    """Return the key of a heuristic's experiment."""
    return f"heuristic-{name}"[:60].rstrip("-")


def told_power(experiment: Experiment, *, acting_user: Actor) -> Experiment:
    """Write into a draft what the present roster can show; the draft as it is where somebody changed it meanwhile, or
    the preview refuses. A unit of work of its own, since the preview reads as a service."""
    try:
        return _tell_power(experiment, acting_user)
    except DomainError as error:
        logger.warning("the draft %s says nothing of its power: %s", experiment.key, error.detail)
        return experiment


def _tell_power(experiment: Experiment, acting_user: Actor) -> Experiment:
    found = preview_experiment(key=experiment.key, acting_user=acting_user)
    seen = found.sensitivity
    changes: dict[str, Any] = {"description": f"{experiment.description} {_power(seen)}"}
    if isinstance(seen, Sensitivity) and seen.subjects >= 2:
        changes["protocol"] = {**experiment.protocol, "planned_subjects": seen.subjects}
    return edit_experiment(
        key=experiment.key,
        changes=changes,
        reason="What the present roster can show.",
        expected=experiment.version,
        acting_user=acting_user,
    )


def fields_of(row: HeuristicRow) -> dict[str, Any]:
    """Return the draft of a heuristic's experiment."""
    return {
        "name": f"Heuristic: {row.name}"[:120],
        "description": (
            f"Do athletes complete more of their plans where the machine does beforehand what coaches do? "
            f"{row.document_json['reason']} Observed, not yet shown to cause anything."
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
