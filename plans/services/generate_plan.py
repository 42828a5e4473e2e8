"""Doing what a queued request asked for."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.conf import settings

from common import clock
from common.context import unit_of_work
from common.errors import NotVisible, WrongState
from plans.generation import TEMPLATE, generate_within_budget, snapshot_of
from plans.models import Outcome, Plan, PlanGeneration
from plans.pipelines.contract import RaceGoal
from plans.policies import Actor, athlete_to_plan_for
from plans.services.in_experiment import choose_by_arm
from plans.services.request_plan import flag_json
from plans.services.store_plan import store_plan
from plans.services.tell_generation import tell_settled
from rollout.attribution import Attribution
from rollout.evaluation import Subject
from rollout.selectors import MODEL_DRIVEN_GENERATION, evaluate
from rollout.services.outcomes import record_answer


def generate_plan(*, generation_id: UUID, acting_user: Actor) -> Plan:
    """Generate and store the plan of a request; a second delivery of the same job finds it done.

    Raises:
        NotVisible, NotPermitted: the right was lost since the request.
        WrongState: the request counts as failed, as where its job was given up while a slow worker still had it.
    """
    with unit_of_work(acting_user):
        generation = PlanGeneration.objects.select_related("athlete", "plan").filter(pk=generation_id).first()
        if generation is None:  # also where row-level security shows it to this person no more
            raise NotVisible("There is no such request, or you may not see it.")
        athlete = athlete_to_plan_for(acting_user, generation.athlete_id, lock=True)
        generation.refresh_from_db(fields=["plan", "outcome"])
        if generation.plan is not None:
            return generation.plan
        _check_not_failed(generation.outcome)
        goal = goal_from(generation.goal_json)
        _still_on(generation)
        chosen = choose_by_arm(generation)
        generated = generate_within_budget(
            generation.routed_to,
            snapshot_of(athlete, generation.day, chosen.algorithm),
            goal,
            seed=generation.seed,
            budget_seconds=settings.GENERATION_TIME_BUDGET_SECONDS,
        )
        # Asked again under a lock that was not held meanwhile: a request has one outcome, and whoever gives up a job
        # waits for no worker.
        rows = PlanGeneration.objects.select_for_update(of=("self",)).values_list("outcome", flat=True)
        _check_not_failed(rows.get(pk=generation.pk))
        return store_plan(generation, generated, goal, chosen.arms)


def _check_not_failed(outcome: str) -> None:
    if outcome == Outcome.FAILED:
        raise WrongState("This request failed; ask for another plan.")


def _still_on(generation: PlanGeneration) -> None:
    """Give the template where the flag was killed or rolled back while the request waited."""
    if generation.routed_to == TEMPLATE:
        return
    athlete = generation.athlete
    decision = evaluate(MODEL_DRIVEN_GENERATION, Subject(id=str(athlete.pk), tier=athlete.tier))
    if not decision.value:
        generation.routed_to, generation.routing_reason = TEMPLATE, f"flag_{decision.reason}"
        generation.flag_json = flag_json(decision, chosen=True)


def tell_failure(*, generation_id: UUID, why: str, acting_user: Actor) -> None:
    """Keep that a request failed altogether, the template too; its arm answers for it, once.

    What has an outcome keeps it: a worker that was only slow may have made the plan since.
    """
    with unit_of_work(acting_user):
        generation = PlanGeneration.objects.select_for_update(of=("self",)).get(pk=generation_id)
        if generation.outcome != Outcome.PENDING:
            return
        generation.outcome, generation.failure = Outcome.FAILED, why[:300]
        generation.settled_at = clock.now()
        generation.save(update_fields=["outcome", "failure", "settled_at"])
        record_answer(
            attribution=Attribution.from_json(generation.flag_json.get("rollout", {})),
            athlete_id=generation.athlete_id,
            source_id=generation.pk,
            latency_ms=None,
            failed=True,
        )
        tell_settled(generation, {})


def goal_from(stored: dict[str, Any]) -> RaceGoal:
    """Return the goal of a request's record."""
    return RaceGoal(
        race_date=date.fromisoformat(stored["race_date"]),
        race=stored["race_distance"],
        goal_seconds=stored["goal_seconds"],
        available_days=frozenset(stored["available_days"]),
    )
