"""Filling an empty installation with demo people and synthetic athletes; every step goes through the product's
services."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from accounts.models import Athlete, Purpose, Team, User
from accounts.services.consent import record_consent
from accounts.services.people import add_athlete, add_user, link_coach
from accounts.services.teams import add_team, set_staff
from common import clock
from common.context import service, unit_of_work
from common.jobs import wait_for
from experiments.demo import make_experiment_demo
from modeling.services.fit_athlete import fit_athlete
from modeling.services.import_history import add_activities
from modeling.services.record_test import add_test, add_threshold
from plans.demo.people import ACCOUNTS, ATHLETES, CYCLIST_RACES, DOMAIN, PASSWORD, RUNNER_RACES
from plans.demo.simulator import SyntheticAthlete, SyntheticHistory, synthetic_history
from plans.models import Plan, PlanGeneration
from plans.services.request_plan import PlanWish, request_plan
from rollout.demo import make_rollout_demo
from rollout.services.flags import seed_flags
from telemetry.demo import make_telemetry_demo

WAIT_SECONDS = 60.0
Progress = Callable[[str], None]


@dataclass
class Demo:
    """What is there: people with their passwords, athletes, plans."""

    accounts: list[dict[str, str]] = field(default_factory=list)
    athletes: list[dict[str, Any]] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)


def make_demo(*, progress: Progress = lambda _: None) -> Demo:
    """Make what is missing of the demo and return all of it; a second run changes nothing."""
    demo = service("demo")
    with unit_of_work(demo):
        seed_flags(acting_user=demo)
        users = {local: _user(local, name, role) for local, name, role in ACCOUNTS}
        team = _team(users["support"], users["coach"])
    for position, person in enumerate(ATHLETES):
        progress(person.name)
        with unit_of_work(demo, read_only=True):
            athlete = Athlete.objects.filter(name=person.name, is_synthetic=True).first()
        if athlete is None:
            athlete = _make_athlete(position, person, users, team)
        _plan(athlete, position)
    _await_plans()
    progress("a rollout")
    make_rollout_demo(asked_by=users["admin"], approved_by=users["admin2"])
    progress("experiments")
    make_experiment_demo(asked_by=users["admin"])
    progress("half a year of telemetry")
    make_telemetry_demo(coach_ids=[users["coach"].pk, users["coach2"].pk])
    return _what_is_there()


def _user(local: str, name: str, role: str) -> User:
    email = f"{local}@{DOMAIN}"
    known = User.objects.filter(email=email).first()
    return known or add_user(email=email, name=name, role=role, password=PASSWORD, acting_user=service("demo"))


def _team(*staff: User) -> Team:
    demo = service("demo")
    with unit_of_work(demo):
        team = Team.objects.filter(name="Demo team").first() or add_team(name="Demo team", acting_user=demo)
        known = team.staff.values_list("pk", flat=True)
        set_staff(team_id=team.pk, user_ids={*known, *(user.pk for user in staff)}, acting_user=demo)
    return team


def _make_athlete(position: int, person: SyntheticAthlete, users: dict[str, User], team: Team) -> Athlete:
    """Add one athlete with history, tests and model."""
    demo = service("demo")
    history = synthetic_history(person, until=clock.today())
    log_in = {0: users["athlete"], 1: users["athlete2"]}.get(position)
    with unit_of_work(demo):
        athlete = add_athlete(
            name=person.name,
            sport=person.sport,
            level=person.level,
            tier=person.tier,
            sex=person.sex,
            birth_year=person.birth_year,
            resting_heart_rate=50,
            user=log_in,
            team=team,
            is_synthetic=True,
            acting_user=demo,
        )
        coach = users["coach"] if position % 3 else users["coach2"]
        coach = users["coach"] if position == 0 else coach
        link_coach(coach_id=coach.pk, athlete_id=athlete.pk, acting_user=demo)
        for purpose in Purpose.values:
            granted = position % 5 != 4
            record_consent(
                athlete_id=athlete.pk, purpose=purpose, granted=granted, text_version="2026-01", acting_user=demo
            )
        _record(athlete, history)
        fit_athlete(athlete_id=athlete.pk, acting_user=demo)
    return athlete


def _record(athlete: Athlete, history: SyntheticHistory) -> None:
    demo = service("demo")
    first = min(activity.day for activity in history.activities)
    add_threshold(
        athlete_id=athlete.pk,
        sport=athlete.sport,
        valid_from=first,
        threshold_hr=172.0,
        max_hr=190.0,
        pace_s_per_km=history.threshold_pace,
        ftp_w=history.ftp,
        acting_user=demo,
    )
    add_activities(athlete_id=athlete.pk, activities=history.activities, acting_user=demo)
    for day, value in history.tests:
        add_test(athlete_id=athlete.pk, day=day, value=value, kind="race", note="synthetic", acting_user=demo)


def _plan(athlete: Athlete, position: int) -> None:
    """Ask for a plan towards a Sunday, once for each athlete."""
    with unit_of_work(service("demo"), read_only=True):
        if PlanGeneration.objects.filter(athlete=athlete).exists():
            return
    races = RUNNER_RACES if athlete.sport == "running" else CYCLIST_RACES
    race, weeks = races[position % len(races)]
    ahead = clock.today() + timedelta(weeks=weeks)
    sunday = ahead + timedelta(days=6 - ahead.weekday())
    wish = PlanWish(race_date=sunday, race_distance=race)
    request_plan(athlete_id=athlete.pk, wish=wish, acting_user=service("demo"), seed=1, limited=False)


def _await_plans() -> None:
    """Give a worker, where there is one, the time to make the plans; a demo without them shows nothing."""
    deadline = time.monotonic() + WAIT_SECONDS
    with unit_of_work(service("demo"), read_only=True):
        asked = PlanGeneration.objects.filter(athlete__is_synthetic=True, plan=None).values_list("job_id", flat=True)
        waiting = [job_id for job_id in asked if job_id]
    for job_id in waiting:
        wait_for(job_id, seconds=max(0.0, deadline - time.monotonic()))


def _what_is_there() -> Demo:
    demo = Demo()
    with unit_of_work(service("demo"), read_only=True):
        demo.accounts = [
            {"email": f"{local}@{DOMAIN}", "password": PASSWORD, "role": role} for local, _, role in ACCOUNTS
        ]
        rows = Athlete.objects.filter(is_synthetic=True).order_by("name")
        demo.athletes = [{"id": str(a.pk), "name": str(a), "sport": a.sport, "level": a.level} for a in rows]
        plans = Plan.objects.filter(athlete__is_synthetic=True).order_by("id")
        demo.plans = [str(pk) for pk in plans.values_list("pk", flat=True)]
    return demo
