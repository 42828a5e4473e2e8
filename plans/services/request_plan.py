"""Asking for a plan: authorise, validate, route, count against the daily limit, queue."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import Athlete
from accounts.preferences import today_of
from common import clock
from common.actors import actor_id
from common.context import unit_of_work
from common.errors import InvalidInput, LimitReached, NotPermitted, NotVisible
from common.jobs import Job, enqueue
from plans.models import PlanGeneration
from plans.pipelines import AthleteBasics, InvalidGoal, RaceGoal, validate_goal
from plans.policies import Actor, athlete_to_plan_for
from plans.routing import CHOICES, Route, TierExcluded, route
from rollout.attribution import attributed
from rollout.evaluation import Decision, Subject, tier_satisfies
from rollout.selectors import MODEL_DRIVEN_GENERATION, evaluate, flag_state

JOB_KIND = "plans.generate"


@dataclass(frozen=True)
class PlanWish:
    """What a person asks for; the words of the API, not yet validated."""

    race_date: date
    race_distance: str
    goal_seconds: float | None = None
    available_days: frozenset[int] = frozenset(range(7))
    model_choice: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "race_date": self.race_date.isoformat(),
            "race_distance": self.race_distance,
            "goal_seconds": self.goal_seconds,
            "available_days": sorted(self.available_days),
        }

    def goal(self) -> RaceGoal:
        return RaceGoal(
            race_date=self.race_date,
            race=self.race_distance,
            goal_seconds=self.goal_seconds,
            available_days=self.available_days,
        )


def request_plan(
    *, athlete_id: UUID, wish: PlanWish, acting_user: Actor, seed: int | None = None, limited: bool = True
) -> PlanGeneration:
    """Queue the generation of a plan and return its record; its `job_id` is the status resource.

    Raises:
        NotVisible, NotPermitted: outside the user's scope; not the role's; a tier without model-driven plans (403).
        InvalidInput: race date, distance, goal or days (G8), each with its pointer.
        LimitReached: five requests a day for a user and an athlete (G7).
    """
    with unit_of_work(acting_user):
        athlete = athlete_to_plan_for(acting_user, athlete_id, lock=True)
        _validate(athlete, wish)
        routed, decision = routed_for(athlete, wish.model_choice)
        generation = PlanGeneration(
            athlete=athlete,
            requested_by_id=actor_id(acting_user),
            day=today_of(athlete),
            goal_json=wish.as_json(),
            wish=wish.model_choice,
            routed_to=routed.pipeline,
            routing_reason=routed.reason,
            flag_json=flag_json(decision, chosen=bool(wish.model_choice) or athlete.personalised_plans is False),
            seed=secrets.randbelow(2**31) if seed is None else seed,
        )
        take_slot(generation, limited=limited)
        payload = {"generation_id": str(generation.pk)}
        job: Job = enqueue(JOB_KIND, payload, requested_by=actor_id(acting_user), subject_id=athlete.pk)
        generation.job_id = job.pk
        generation.save(update_fields=["job_id"])
        return generation


def job_of(generation: PlanGeneration) -> Job:
    """Return the job of a request, as it stands."""
    return Job.objects.get(pk=str(generation.job_id))


def request_for(user: Actor, job_id: UUID) -> Job:
    """Return the job of a request for a plan that this user made.

    Raises:
        NotVisible: there is none.
    """
    job = Job.objects.filter(pk=job_id, kind=JOB_KIND, requested_by_id=actor_id(user)).first()
    if job is None:
        raise NotVisible("There is no such request of yours.")
    return job


def _validate(athlete: Athlete, wish: PlanWish) -> None:
    if wish.model_choice and wish.model_choice not in CHOICES:
        raise InvalidInput(f"model_choice must be one of {', '.join(CHOICES)}.", pointer="/model_choice")
    basics = AthleteBasics(sport=athlete.sport, level=athlete.level, sex=athlete.sex)
    try:
        validate_goal(wish.goal(), today=today_of(athlete), athlete=basics)
    except InvalidGoal as error:
        raise InvalidInput(error.detail, pointer=f"/{error.field}") from error


def routed_for(athlete: Athlete, model_choice: str) -> tuple[Route, Decision]:
    """Return which pipeline answers for an athlete, and the flag decision behind it.

    Raises:
        NotPermitted: an explicit wish for a model that the athlete's tier does not include.
    """
    decision = evaluate(MODEL_DRIVEN_GENERATION, Subject(id=str(athlete.pk), tier=athlete.tier))
    state = flag_state(MODEL_DRIVEN_GENERATION)
    try:
        routed = route(
            wish=model_choice,
            tier_allowed=tier_satisfies(athlete.tier, state.requires_tier if state else "elite"),
            flag_on=decision.value,
            flag_reason=decision.reason,
            setting=athlete.personalised_plans,
        )
    except TierExcluded as error:
        raise NotPermitted(f"The {athlete.tier} tier does not include model-driven plans.") from error
    return routed, decision


def flag_json(decision: Decision, *, chosen: bool) -> dict[str, Any]:
    """Return the flag's decision as a request keeps it, with the arm it counts for.

    Where the caller or the athlete chose (`chosen`) the flag did not, whatever it would have said, and neither arm
    answers for it: else the arms would not be alike.
    """
    told = {"key": decision.flag_key, "value": decision.value, "reason": decision.reason}
    arm = None if chosen else attributed(decision)
    return told if arm is None else told | {"rollout": arm.as_json()}


def take_slot(generation: PlanGeneration, *, limited: bool) -> None:
    """Insert the record in the day's next free slot; the unique constraint decides between racing requests."""
    same_day = PlanGeneration.objects.filter(
        requested_by_id=generation.requested_by_id, athlete=generation.athlete, day=generation.day
    )
    taken = same_day.count()
    if limited and taken >= settings.GENERATION_LIMIT_PER_DAY:
        midnight = datetime.combine(
            generation.day + timedelta(days=1), time.min, tzinfo=ZoneInfo(generation.athlete.time_zone)
        )
        raise LimitReached(
            f"{settings.GENERATION_LIMIT_PER_DAY} plans a day are the limit for one athlete.",
            retry_after=max(1, int((midnight - clock.now()).total_seconds())),
        )
    generation.slot = taken + 1
    try:
        with transaction.atomic():
            generation.save(force_insert=True)
    except IntegrityError as error:
        raise LimitReached("Several requests arrived at once; try again in a moment.", retry_after=1) from error
