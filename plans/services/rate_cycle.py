"""What an athlete says about a cycle when it is over, and the race result that ends it."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.preferences import today_of
from accounts.scope import athlete_for
from audit.services import record
from common.context import unit_of_work
from common.errors import InvalidInput, WrongState
from common.keys import encrypt_for
from modeling.core.performance import RACES, plausible_goal, vdot
from modeling.models import Test
from modeling.services.record_test import add_test
from plans.locks import lock_plan
from plans.models import CycleFeedback, Plan
from plans.policies import Actor
from plans.racing import NOTE
from plans.services.announce import announce, telemetry_data
from plans.services.tell_outcome import tell_rating
from plans.services.versions import move_head
from plans.workflow import Action, State, next_state
from telemetry.services import emit


def rate_cycle(*, plan_id: UUID, score: int, comment: str = "", acting_user: Actor) -> CycleFeedback:
    """Store the athlete's satisfaction with a cycle, 1 to 5, once.

    Raises:
        NotVisible, NotPermitted: outside the user's scope; not theirs to rate.
        InvalidInput: a score outside 1 to 5.
        WrongState: the cycle was rated already, or never began.
    """
    if not 1 <= score <= 5:
        raise InvalidInput("The score is a number from 1 to 5.", pointer="/score")
    with unit_of_work(acting_user):
        plan = lock_plan(acting_user, Action.COMPLETE, plan_id)
        if plan.state not in (State.PUBLISHED, State.COMPLETED):
            raise WrongState("A cycle is rated once it has been published.")
        athlete_id: UUID = plan.athlete_id
        sealed = encrypt_for(athlete_id, comment) if comment else None
        try:
            with transaction.atomic():
                feedback = CycleFeedback.objects.create(plan=plan, athlete_id=athlete_id, score=score, comment=sealed)
        except IntegrityError as error:
            raise WrongState("This cycle was rated already.") from error
        tell_rating(plan, feedback.pk, score)
        record("plan.feedback", target_id=plan.pk, subject_id=athlete_id, metadata={"score": score})
        assert plan.head_version is not None
        emit("cycle.rated", aggregate_id=plan.pk, data={**telemetry_data(plan, plan.head_version), "score": score})
        return feedback


def record_result(*, athlete_id: UUID, race: str, day: date, seconds: float, acting_user: Actor) -> Test:
    """Store a running race's result as a test; the plan towards that race is completed by it.

    Raises:
        NotVisible, NotPermitted: as `athlete_for`.
        InvalidInput: an unknown race, a day to come, or a time that is not humanly possible.
    """
    with unit_of_work(acting_user):
        athlete = athlete_for(acting_user, "history:import", athlete_id, lock=True)
        if race not in RACES or RACES[race].sport != athlete.sport:
            known = ", ".join(name for name, found in RACES.items() if found.sport == athlete.sport)
            raise InvalidInput(f"race must be one of {known}.", pointer="/race")
        if athlete.sport != "running":
            raise InvalidInput("A ride's time says little without its power; record a power test.", pointer="/race")
        if day > today_of(athlete):
            raise InvalidInput("This race is still to come.", pointer="/day")
        try:
            plausible_goal(RACES[race], seconds, athlete.sex)
        except ValueError as error:
            raise InvalidInput(str(error), pointer="/time") from error
        value = round(vdot(RACES[race].distance_m, seconds), 2)
        note = NOTE.format(race=race)
        test = add_test(athlete_id=athlete_id, day=day, value=value, kind="race", note=note, acting_user=acting_user)
        _complete_plans(athlete_id, race, day, acting_user)
        return test


def _complete_plans(athlete_id: UUID, race: str, day: date, acting_user: Actor) -> None:
    published = Plan.objects.filter(athlete=athlete_id, race=race, race_date=day, status=State.PUBLISHED.value)
    for plan_id in published.values_list("pk", flat=True):
        plan = lock_plan(acting_user, Action.COMPLETE, plan_id)
        version = plan.head_version
        assert version is not None
        move_head(plan, version, next_state(plan.state, Action.COMPLETE, has_active=True))
        announce(plan, version, Action.COMPLETE)
