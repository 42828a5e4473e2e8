"""The pipelines by name, and the one way in: `generate`. Every plan comes out with its broken guards reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from plans.pipelines.advanced import advanced
from plans.pipelines.checks import check_plan
from plans.pipelines.contract import AthleteBasics, AthleteSnapshot, ProposedPlan, RaceGoal
from plans.pipelines.goal import validate_goal
from plans.pipelines.simplified import simplified
from plans.pipelines.static import guarded_template

__all__ = ["PIPELINES", "check_plan", "generate"]

GRADES_FOR_ADVANCED: Final = frozenset({"calibrated", "provisional"})
"""`auto` trusts a fit that has shown skill, also with few tests: its intervals already carry what is not known."""


def auto(athlete: AthleteSnapshot, goal: RaceGoal, *, seed: int) -> ProposedPlan:
    """Plan by the athlete's own fit if its grade allows, else by the population's."""
    own = athlete.fit is not None and athlete.grade in GRADES_FOR_ADVANCED
    plan = (advanced if own else simplified)(athlete, goal, seed=seed)
    return replace(plan, provenance=plan.provenance | {"requested": "auto"})


PIPELINES: Final[dict[str, Callable[..., ProposedPlan]]] = {
    "template": guarded_template,
    "simplified": simplified,
    "advanced": advanced,
    "auto": auto,
}


def generate(pipeline: str, athlete: AthleteSnapshot, goal: RaceGoal, *, seed: int) -> ProposedPlan:
    """Return a pipeline's plan; the same inputs and seed give the same plan, session ids included.

    Raises:
        InvalidGoal: the goal cannot be planned for (its `field` says what is wrong).
        KeyError: no such pipeline.
    """
    validate_goal(goal, today=athlete.today, athlete=AthleteBasics(athlete.sport, athlete.level, athlete.sex))
    return PIPELINES[pipeline](athlete, goal, seed=seed)
