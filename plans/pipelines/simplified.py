"""The pipeline `simplified`: the best plan under the population's constants, 42 and 7 days."""

from __future__ import annotations

from plans.pipelines.contract import AthleteSnapshot, ProposedPlan, RaceGoal
from plans.pipelines.engine import assemble
from plans.pipelines.response import population_response


def simplified(athlete: AthleteSnapshot, goal: RaceGoal, *, seed: int) -> ProposedPlan:
    """Return the plan for everybody of this history and level."""
    response = population_response(athlete, goal)
    notes = ["Population plan: time constants of 42 and 7 days, not fitted to this athlete."]
    if response.prediction is None:
        notes.append(
            f"No performance test: the prediction is what is usual at the level {athlete.level}, with a wide interval."
        )
    return assemble("simplified", athlete, goal, response, seed=seed, warnings=notes)
