"""The pipeline `advanced`: the best plan under the athlete's own fit, averaged over its posterior."""

from __future__ import annotations

from dataclasses import replace

from plans.pipelines.contract import AthleteSnapshot, ProposedPlan, RaceGoal
from plans.pipelines.engine import assemble
from plans.pipelines.response import individual_response
from plans.pipelines.simplified import simplified

MIN_TESTS = 5


def advanced(athlete: AthleteSnapshot, goal: RaceGoal, *, seed: int) -> ProposedPlan:
    """Return the individual plan; without a fit or with fewer than five tests the labelled population plan.

    That is better for the athlete than a template, and the plan says which pipeline made it.
    """
    response = individual_response(athlete, goal) if len(athlete.tests) >= MIN_TESTS else None
    if response is None:
        plan = simplified(athlete, goal, seed=seed)
        found = len(athlete.tests)
        note = f"An individual plan needs a fit over at least {MIN_TESTS} performance tests; there are {found}."
        return replace(plan, warnings=(note, *plan.warnings), provenance=plan.provenance | {"requested": "advanced"})
    notes = []
    if athlete.grade == "population":
        notes.append("The fit has shown no skill on this athlete's tests: treat its prediction as the population's.")
    return assemble("advanced", athlete, goal, response, seed=seed, warnings=notes)
