"""Synthetic people, athletes with histories and published plans, and a live rollout, made by the product's services.

`python -m tests.chaos.world SEED ATHLETES` in the environment of a migrated stack; prints a JSON document.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

PASSWORD = "chaos-only-7"
HISTORY_DAYS = 200
# So that some sessions are over and can be reported on.
PUBLISHED_DAYS_AGO = 14
ROLLOUT_KEY, ROLLOUT_POLICY = "plan.taper_of_chaos", "ten-step-canary"


@dataclass
class Person:
    """Who logs in: e-mail, id, and of an athlete the athlete's id and plan."""

    email: str
    user_id: str
    athlete_id: str = ""
    plan_id: str = ""


@dataclass
class World:
    """Everybody, and the run that operators look at."""

    coaches: list[Person] = field(default_factory=list)
    athletes: list[Person] = field(default_factory=list)
    operators: list[Person] = field(default_factory=list)
    rollout_id: str = ""


def read_world(text: str) -> World:
    """Return what this module printed."""
    raw = json.loads(text)
    people = {name: [Person(**row) for row in raw[name]] for name in ("coaches", "athletes", "operators")}
    return World(**people, rollout_id=raw["rollout_id"])


def make_world(seed: int, athletes: int) -> World:
    """Make everybody; two operators, one coach for five athletes."""
    from common.management.base import COMMAND_LINE
    from rollout.services.flags import seed_flags

    seed_flags(acting_user=COMMAND_LINE)
    world = World()
    operators = [_user(f"admin{number}", "admin") for number in (1, 2)]
    coaches = [_user(f"coach{number}", "coach") for number in range(1, 2 + (athletes - 1) // 5)]
    for number in range(athletes):
        world.athletes.append(_athlete(number, coaches[number % len(coaches)], seed))
    world.operators = [_person(user) for user in operators]
    world.coaches = [_person(user) for user in coaches]
    world.rollout_id = str(_rollout(*operators))
    return world


def _person(user: Any, athlete_id: str = "", plan_id: str = "") -> Person:
    return Person(user.email, str(user.pk), athlete_id, plan_id)


def _user(name: str, role: str) -> Any:
    from accounts.services.people import add_user
    from common.management.base import COMMAND_LINE

    return add_user(
        email=f"{name}@chaos.mesocycle.example", name=f"{name} (synthetic)", role=role, password=PASSWORD,
        acting_user=COMMAND_LINE,
    )  # fmt: skip


def _athlete(number: int, coach: Any, seed: int) -> Person:
    """Make an athlete with history, log-in and a plan that is under way."""
    from accounts.services.people import add_athlete, link_coach
    from common import clock
    from common.context import unit_of_work
    from common.management.base import COMMAND_LINE
    from modeling.services.import_history import add_activities
    from modeling.services.record_test import add_test, add_threshold
    from plans.demo.simulator import SyntheticAthlete, synthetic_history

    name, level = f"Synthetic runner {number + 1}", ("intermediate", "advanced")[number % 2]
    person = SyntheticAthlete(name, "running", level, "elite", "female", 1990, seed + number)
    history = synthetic_history(person, until=clock.today(), days=HISTORY_DAYS)
    user = _user(f"athlete{number + 1}", "athlete")
    with unit_of_work(COMMAND_LINE):
        athlete = add_athlete(
            name=name, sport="running", level=level, tier="elite", user=user, is_synthetic=True,
            acting_user=COMMAND_LINE,
        )  # fmt: skip
        since = min(activity.day for activity in history.activities)
        link_coach(coach_id=coach.pk, athlete_id=athlete.pk, active_from=since, acting_user=COMMAND_LINE)
        pace: dict[str, Any] = {"pace_s_per_km": history.threshold_pace, "threshold_hr": 172.0, "max_hr": 190.0}
        add_threshold(athlete_id=athlete.pk, sport="running", valid_from=since, acting_user=COMMAND_LINE, **pace)
        add_activities(athlete_id=athlete.pk, activities=history.activities, acting_user=COMMAND_LINE)
        for day, value in history.tests:
            add_test(
                athlete_id=athlete.pk, day=day, value=value, kind="race", note="synthetic", acting_user=COMMAND_LINE
            )
    return _person(user, str(athlete.pk), str(_plan(athlete, coach, user, number)))


def _plan(athlete: Any, coach: Any, user: Any, number: int) -> UUID:
    """Have a plan generated, submitted and accepted two weeks ago."""
    from common import clock
    from common.context import unit_of_work
    from plans.models import Plan, PlanGeneration
    from plans.services.decide import accept_plan, submit_plan
    from plans.services.generate_plan import generate_plan
    from plans.services.request_plan import PlanWish, request_plan
    from plans.services.versions import etag_of

    with clock.frozen(clock.now() - timedelta(days=PUBLISHED_DAYS_AGO)):
        ahead = clock.today() + timedelta(weeks=10 + number % 3)
        wish = PlanWish(race_date=ahead + timedelta(days=6 - ahead.weekday()), race_distance="10k")
        with unit_of_work(coach):
            generation = request_plan(athlete_id=athlete.pk, wish=wish, acting_user=coach, seed=1, limited=False)
        with unit_of_work(coach, read_only=True):
            made = PlanGeneration.objects.get(pk=generation.pk).plan_id
        plan_id = made or generate_plan(generation_id=generation.pk, acting_user=coach).pk
        with unit_of_work(coach, read_only=True):
            plan = Plan.objects.select_related("head_version").get(pk=plan_id)
        submit_plan(plan_id=plan_id, expected=frozenset({etag_of(plan)}), comment="synthetic", acting_user=coach)
        head = plan.head_version
        assert head is not None
        accept_plan(
            plan_id=plan_id, version_id=head.pk, content_sha256=head.content_sha256, comment="", acting_user=user
        )
    return UUID(str(plan_id))


def _rollout(asks: Any, agrees: Any) -> UUID:
    """Start a run of a flag that no plan depends on."""
    from common.context import service, unit_of_work
    from rollout.models import Flag, Rollout
    from rollout.services.approvals import approve
    from rollout.services.rollouts import request_rollout
    from rollout.services.tick import tick
    from rollout.services.writing import record_change

    with unit_of_work(service("demo")):
        flag = Flag(name=ROLLOUT_KEY, enabled=True, guarded=True, description="Only for the fault exercise (synthetic)")
        flag.save()
        record_change(flag, {"enabled": [None, True]}, "fault exercise")
    wish = request_rollout(
        key=ROLLOUT_KEY, policy_name=ROLLOUT_POLICY, reason="the fault exercise needs a run", acting_user=asks
    )
    approve(approval_id=wish.pk, acting_user=agrees)
    tick()
    with unit_of_work(asks, read_only=True):
        return UUID(str(Rollout.objects.get(flag__name=ROLLOUT_KEY).pk))


if __name__ == "__main__":
    import django

    django.setup()
    sys.stdout.write(json.dumps(asdict(make_world(int(sys.argv[1]), int(sys.argv[2])))) + "\n")
