"""`python -m bench.pending N`: milliseconds of a coach's pending list among 500 and among N plans."""

from __future__ import annotations

import os
import statistics
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
PLANS_EACH = 50


def main() -> None:
    django.setup()
    from common.context import unit_of_work
    from common.management.base import COMMAND_LINE
    from plans.pending import pending_plans
    from tests.factories import make_athlete, make_user

    coach = make_user("coach")
    template = make_athlete()

    def fill(batches: int, *, of: object = None) -> None:
        """Add athletes with a plan each, 50 a batch; rows as the services write them, in bulk."""
        for _ in range(batches):
            with unit_of_work(COMMAND_LINE):
                _bulk(template, of)

    def measure() -> float:
        times = []
        for _ in range(30):
            started = time.perf_counter()
            with unit_of_work(coach, read_only=True):
                assert len(pending_plans(coach)) == PLANS_EACH
            times.append((time.perf_counter() - started) * 1e3)
        return statistics.median(times)

    fill(1, of=coach)
    fill(9)
    few = measure()
    fill(int(sys.argv[1]) // PLANS_EACH - 10)
    sys.stdout.write(f"{few} {measure()}\n")


def _bulk(template: object, coach: object) -> None:
    from accounts.models import Athlete, CoachLink
    from common import clock
    from common.ids import uuid7
    from plans.models import Plan, PlanVersion

    fields = {f.attname: getattr(template, f.attname) for f in Athlete._meta.concrete_fields if f.attname != "id"}
    athletes = [Athlete(id=uuid7(), **{**fields, "user_id": None}) for _ in range(PLANS_EACH)]
    Athlete.objects.bulk_create(athletes)
    if coach is not None:
        CoachLink.objects.bulk_create(
            [CoachLink(coach=coach, athlete=athlete, active_from=clock.today()) for athlete in athletes]  # type: ignore[misc]
        )
    plans = [
        Plan(
            athlete=athlete,
            created_by_id=uuid7(),
            race="10k",
            race_date=clock.today(),
            pipeline="template",
        )
        for athlete in athletes
    ]
    Plan.objects.bulk_create(plans)
    versions = [
        PlanVersion(
            plan=plan,
            athlete_id=plan.athlete_id,
            version_number=1,
            status="generated",
            author_id=uuid7(),
            content_sha256="0" * 64,
        )
        for plan in plans
    ]
    PlanVersion.objects.bulk_create(versions)
    for plan, version in zip(plans, versions, strict=True):
        plan.head_version = version
    Plan.objects.bulk_update(plans, ["head_version"])


if __name__ == "__main__":
    main()
