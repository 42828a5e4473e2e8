"""Experiments' arms in plan generation: asked for when a plan is made, stored on it, told as exposures (C6, E5).

Three parameters may hold for one athlete at once, each by an experiment of its own: which pipeline answers, which model
version it plans with, and whether a heuristic adjusts the plan beforehand. Each arm is an exposure of its own, which is
what analyses read. A plan's `experiment_arm` has room for one, so it names the first of them that there is; the
request's `experiment_json`, and with it the provenance, holds all, the others under `also`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from experiments.services.exposing import Arm, arm_for, expose
from modeling.heuristics import heuristics_tried_by
from modeling.learned.algorithm import SHIPPED_ALGORITHM, LearnedAlgorithm
from modeling.learned.heuristics import HeuristicOverrides
from modeling.versions import candidate_of, champion
from plans.generation import TEMPLATE
from plans.heuristics import ON
from plans.heuristics import PARAMETER as HEURISTIC
from plans.models import Plan, PlanGeneration
from plans.routing import by_arm
from plans.variants import ALGORITHM, CANDIDATE, VERSION

SOURCE = "plan.generated"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What holds for a request: the arms that chose, the pipeline's first, and the model version that plans."""

    arms: tuple[Arm, ...] = ()
    algorithm: LearnedAlgorithm = SHIPPED_ALGORITHM


def choose_by_arm(generation: PlanGeneration, *, only: Collection[str] | None = None) -> Chosen:
    """Let the athlete's arms choose pipeline and model version; runs inside the caller's unit of work.

    The template stays the template: whoever is outside the flag or does not want a model is in no experiment about
    models. Without consent there is no arm, and the request goes where it would have gone, with the champion.

    Args:
        only: the arms that may choose, by their names; None for any.
    """
    if generation.routed_to == TEMPLATE:
        return Chosen()
    pipeline, version, heuristic = (_arm(name, generation, only) for name in (ALGORITHM, VERSION, HEURISTIC))
    if pipeline is not None:
        chosen = by_arm(pipeline.value, generation.wish)
        generation.routed_to, generation.routing_reason = chosen.pipeline, chosen.reason
    tries = version is not None and version.value == CANDIDATE
    algorithm = candidate_of(version.experiment.key) if tries and version is not None else champion()
    if heuristic is not None and heuristic.value == ON:
        algorithm = _with_heuristics(algorithm, heuristic)
    arms = tuple(arm for arm in (pipeline, version, heuristic) if arm is not None)
    generation.experiment_json = _told(arms, generation.wish, algorithm, version)
    return Chosen(arms, algorithm)


def arms_in(experiment_json: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of all arms that a request's record holds."""
    found = [experiment_json, *experiment_json.get("also", ())]
    return frozenset(f"{one['key']}:{one['variant']}" for one in found if one)


def mark(plan: Plan, generation: PlanGeneration, arms: tuple[Arm, ...]) -> None:
    """Keep the first arm on a plan that was just made, and tell that each was used; nothing without one."""
    plan.experiment_arm = arms[0].name if arms else ""
    for arm in arms:
        expose(arm, generation.athlete, source=SOURCE, source_id=generation.pk, preference=generation.wish)


def _arm(parameter: str, generation: PlanGeneration, only: Collection[str] | None) -> Arm | None:
    if only is not None and not only:
        return None
    arm = arm_for(parameter, generation.athlete)
    return None if arm is None or (only is not None and arm.name not in only) else arm


def _told(arms: tuple[Arm, ...], wish: str, algorithm: LearnedAlgorithm, version: Arm | None) -> dict[str, Any]:
    """Return what the record keeps of the arms; the version's says which version it was."""
    if not arms:
        return {}
    first, *others = [arm.as_json() | ({"version": algorithm.name} if arm is version else {}) for arm in arms]
    told = {**first, "preference": wish}
    return told | {"also": others} if others else told


def _with_heuristics(algorithm: LearnedAlgorithm, arm: Arm) -> LearnedAlgorithm:
    """Return the version with the heuristics that the arm's experiment tries; what they leave alone it may adjust."""
    found = heuristics_tried_by(arm.experiment.key)
    if not found:
        return algorithm
    overrides = HeuristicOverrides(found, algorithm.overrides)
    return replace(algorithm, overrides=overrides, applied=tuple(one.name for one in found))
