"""Doing what a queued request asked for."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.conf import settings

from common.context import unit_of_work
from plans.generation import generate_within_budget, snapshot_of
from plans.models import Plan, PlanGeneration
from plans.pipelines.contract import RaceGoal
from plans.policies import Actor, athlete_to_plan_for
from plans.services.store_plan import store_plan


def generate_plan(*, generation_id: UUID, acting_user: Actor) -> Plan:
    """Generate and store the plan of a request; a second delivery of the same job finds it done.

    Raises:
        NotVisible, NotPermitted: the right was lost since the request.
    """
    with unit_of_work(acting_user):
        generation = PlanGeneration.objects.select_related("athlete", "plan").get(pk=generation_id)
        athlete = athlete_to_plan_for(acting_user, generation.athlete_id, lock=True)
        generation.refresh_from_db(fields=["plan"])
        if generation.plan is not None:
            return generation.plan
        goal = goal_from(generation.goal_json)
        generated = generate_within_budget(
            generation.routed_to,
            snapshot_of(athlete, generation.day),
            goal,
            seed=generation.seed,
            budget_seconds=settings.GENERATION_TIME_BUDGET_SECONDS,
        )
        return store_plan(generation, generated, goal)


def goal_from(stored: dict[str, Any]) -> RaceGoal:
    """Return the goal of a request's record."""
    return RaceGoal(
        race_date=date.fromisoformat(stored["race_date"]),
        race=stored["race_distance"],
        goal_seconds=stored["goal_seconds"],
        available_days=frozenset(stored["available_days"]),
    )
