"""A roster in the database with a past: athletes, their word, coaches and the plans they asked for."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from accounts.models import Athlete, CoachLink, Consent, User
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from plans.models import Outcome, PlanGeneration

LEVELS = ("beginner", "intermediate", "advanced")
LINKED_SINCE = timedelta(days=400)


def fill_roster(
    size: int, *, coaches: int = 6, refused: int = 0, never_asked: int = 0, requests: int = 3
) -> list[Athlete]:
    """Add athletes of two sports and three levels with coaches, each with requests for plans in the last 8 weeks.

    The last ones said no, or were never asked.
    """
    random = np.random.default_rng(11)
    with unit_of_work(COMMAND_LINE):
        people = [
            Athlete(name=f"Somebody {n}", sport=("running", "cycling")[n % 2], level=LEVELS[n // 2 % 3], tier="basic")
            for n in range(size)
        ]
        Athlete.objects.bulk_create(people)
        asked = people[: size - never_asked]
        words = [(athlete, n < size - never_asked - refused) for n, athlete in enumerate(asked)]
        Consent.objects.bulk_create(
            Consent(athlete=athlete, purpose="experiments", text_version="1", granted=granted)
            for athlete, granted in words
        )
        team = [User(email=f"roster-{n}@test.example", name=f"Coach {n}", role="coach") for n in range(coaches)]
        for coach in team:
            coach.set_unusable_password()
        User.objects.bulk_create(team)
        since = clock.today() - LINKED_SINCE
        CoachLink.objects.bulk_create(
            CoachLink(coach=team[n % coaches], athlete=athlete, active_from=since) for n, athlete in enumerate(people)
        )
        manner = random.normal(0, 120, size)
        PlanGeneration.objects.bulk_create(
            _asked(athlete, team[n % coaches], slot, random.uniform(0.1, 55.9), 900 + manner[n] + random.normal(0, 200))
            for n, athlete in enumerate(people)
            for slot in range(requests)
        )
    return people


def _asked(athlete: Athlete, coach: User, slot: int, days_ago: float, latency: float) -> PlanGeneration:
    at = clock.now() - timedelta(days=days_ago)
    return PlanGeneration(
        athlete=athlete,
        requested_by_id=coach.pk,
        day=at.date(),
        slot=slot,
        goal_json={},
        routed_to="simplified",
        routing_reason="by the flag",
        seed=1,
        outcome=Outcome.OK,
        pipeline="simplified",
        latency_ms=latency,
        settled_at=at,
        created_at=at,
    )
