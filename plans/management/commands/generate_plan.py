"""Generate a plan for an athlete."""

from __future__ import annotations

import argparse
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from common import clock
from common.context import unit_of_work
from common.errors import DomainError
from common.jobs import wait_for
from common.management.base import AsOfMixin
from modeling.commands import AthleteCommand, day
from plans.models import Plan, PlanVersion
from plans.policies import plan_for
from plans.presentation import DAYS, plan_document, plan_text, seconds_from
from plans.routing import CHOICES
from plans.services.request_plan import PlanWish, request_plan


class Command(AsOfMixin, AthleteCommand):
    """Generate, store and print a plan."""

    help = "Generate a plan towards a race, store it as version 1 and print its weeks and sessions."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the race and how to plan for it."""
        super().add_arguments(parser)
        parser.add_argument("--race-date", type=day, required=True)
        parser.add_argument(
            "--distance", required=True, help="5k, 10k, half_marathon, marathon; 40km_tt, gran_fondo for cyclists"
        )
        parser.add_argument("--goal", type=_clock, help="goal time, h:mm:ss or mm:ss")
        parser.add_argument("--pipeline", default="", choices=["", *CHOICES], help="default: what flag and tier give")
        parser.add_argument("--days", type=_days, default=frozenset(range(7)), help="such as mon,wed,fri,sun")
        parser.add_argument("--seed", type=int, help="the same seed gives the same sessions")
        parser.add_argument(
            "--wait", type=float, default=60, help="seconds to wait for a worker (default: %(default)s)"
        )

    def run(self, **options: Any) -> int | None:
        """Ask for the plan as anybody would, wait for it and print it."""
        athlete, acting_user = self.athlete(**options), options["acting_user"]
        wish = PlanWish(
            race_date=options["race_date"],
            race_distance=options["distance"],
            goal_seconds=options["goal"],
            available_days=options["days"],
            model_choice=options["pipeline"],
        )
        generation = request_plan(
            athlete_id=athlete.pk,
            wish=wish,
            acting_user=acting_user,
            seed=options["seed"],
            limited=bool(options["as_user"]),
        )
        job = wait_for(UUID(str(generation.job_id)), seconds=options["wait"])
        if not job.is_finished:
            raise DomainError(f"the plan is not ready after {options['wait']:g} s; its request is {job.pk}")
        if job.problem:
            raise DomainError(job.problem.get("detail", "the plan could not be generated"))
        with unit_of_work(acting_user, read_only=True):
            plan = plan_for(acting_user, UUID((job.result or {})["plan_id"]))
            version = plan.head_version
            assert version is not None
            self._show(plan, version)
        return None

    def _show(self, plan: Plan, version: PlanVersion) -> None:
        if self.as_json:
            self.emit(plan_document(plan, version))
        else:
            self.stdout.write(plan_text(plan, version, today=clock.today()))


def _clock(value: str) -> float:
    try:
        return seconds_from(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _days(value: str) -> frozenset[int]:
    names = [name.strip().lower()[:3] for name in value.split(",") if name.strip()]
    unknown = [name for name in names if name not in DAYS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is no day; days are {', '.join(DAYS)}")
    return frozenset(DAYS.index(name) for name in names)
