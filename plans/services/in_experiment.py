"""An experiment's arm in plan generation: asked for when a plan is made, stored on it, and told as an exposure (C6)."""

from __future__ import annotations

from experiments.services.exposing import Arm, arm_for, expose
from plans.generation import TEMPLATE
from plans.models import Plan, PlanGeneration
from plans.routing import by_arm
from plans.variants import ALGORITHM

SOURCE = "plan.generated"


def choose_by_arm(generation: PlanGeneration, *, only: str = "") -> Arm | None:
    """Let the athlete's arm choose among the model pipelines; runs inside the caller's unit of work.

    The template stays the template: whoever is outside the flag or does not want a model is in no experiment about
    models. Without consent there is no arm, and the request goes where it would have gone.

    Args:
        only: the one arm that may choose, by its name; empty for any.
    """
    if generation.routed_to == TEMPLATE:
        return None
    arm = arm_for(ALGORITHM, generation.athlete)
    if arm is None or (only and arm.name != only):
        return None
    chosen = by_arm(arm.value, generation.wish)
    generation.routed_to, generation.routing_reason = chosen.pipeline, chosen.reason
    generation.experiment_json = {**arm.as_json(), "preference": generation.wish}
    return arm


def mark(plan: Plan, generation: PlanGeneration, arm: Arm | None) -> None:
    """Keep the arm on a plan that was just made, and tell that it was used; nothing without one."""
    plan.experiment_arm = arm.name if arm else ""
    if arm is not None:
        expose(arm, generation.athlete, source=SOURCE, source_id=generation.pk, preference=generation.wish)
