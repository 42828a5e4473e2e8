"""A plan under review with its people, for tests."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from rest_framework.test import APIClient

from accounts.models import Athlete, User
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from modeling.services.record_test import add_threshold
from plans.models import Plan, PlanGeneration
from plans.services.generate_plan import generate_plan
from plans.services.request_plan import PlanWish, request_plan
from rollout.services.flags import seed_flags
from tests.factories import api_of, make_athlete, make_user


@dataclass
class Review:
    """Coach, athlete and admin with their clients, and a plan that the machine made."""

    coach: User
    user: User
    athlete: Athlete
    plan_id: UUID
    as_coach: APIClient
    as_athlete: APIClient

    @property
    def url(self) -> str:
        return f"/api/v1/plans/{self.plan_id}"

    def head(self) -> dict[str, Any]:
        return self.as_coach.get(self.url).json()

    def version(self, client: APIClient | None = None, **query: str) -> dict[str, Any]:
        answer = (client or self.as_coach).get(f"{self.url}/versions/{self.head()['head_version']['id']}", query)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def sessions(self) -> list[dict[str, Any]]:
        return [session for week in self.version()["weeks"] for session in week["sessions"]]

    def editable(self) -> list[dict[str, Any]]:
        """Sessions that a coach may change: neither the race nor past."""
        today = clock.today().isoformat()
        return [s for s in self.sessions() if s["kind"] not in ("race", "rest") and s["day"] > today]

    def patch(self, operations: list[dict[str, Any]], *, etag: str | None = None, version_id: str = "", **headers: str):
        head = self.head()
        return self.as_coach.patch(
            f"{self.url}/versions/{version_id or head['head_version']['id']}",
            operations,
            format="json",
            HTTP_IF_MATCH=etag or head["etag"],
            **headers,
        )

    def submit(self, **body: Any):
        return self.as_coach.post(f"{self.url}/submit", {"expected_etag": self.head()["etag"], **body})

    def decide(self, decision: str, client: APIClient | None = None, comment: str = "", **more: Any):
        head = self.head()["head_version"]
        body = {"version_id": head["id"], "content_sha256": head["content_sha256"], **more}
        return (client or self.as_athlete).post(
            f"{self.url}/approve", {"decision": decision, "comment": comment, **body}
        )


def make_review(*, race: str = "10k", weeks: int = 10, seed: int = 1, pace: float | None = None) -> Review:
    """Return a fresh plan of a fresh athlete with a log-in; `pace` is their threshold pace, seconds a km."""
    seed_flags(acting_user=COMMAND_LINE)
    coach, user = make_user("coach"), make_user("athlete")
    athlete = make_athlete(coach=coach, user=user)
    if pace is not None:
        since = clock.today() - timedelta(days=30)
        add_threshold(athlete_id=athlete.pk, sport="running", valid_from=since, pace_s_per_km=pace, acting_user=coach)
    plan_id = make_plan(coach, athlete, race=race, weeks=weeks, seed=seed)
    return Review(coach, user, athlete, plan_id, api_of(coach), api_of(user))


def make_plan(coach: User, athlete: Athlete, *, race: str = "10k", weeks: int = 10, seed: int = 1) -> UUID:
    """Generate a plan at once, as the worker does."""
    wish = PlanWish(race_date=sunday(weeks), race_distance=race)
    request_plan(athlete_id=athlete.pk, wish=wish, acting_user=coach, seed=seed, limited=False)
    with unit_of_work(coach, read_only=True):
        generation = PlanGeneration.objects.filter(athlete=athlete).order_by("-id")[0]
    return UUID(str(generate_plan(generation_id=generation.pk, acting_user=coach).pk))


def sunday(weeks: int) -> date:
    ahead = clock.today() + timedelta(weeks=weeks)
    return ahead + timedelta(days=6 - ahead.weekday())


def plan_row(review: Review) -> Plan:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return Plan.objects.select_related("head_version", "active_version").get(pk=review.plan_id)


def replace_op(session: dict[str, Any], field: str, value: Any, **more: str) -> dict[str, Any]:
    return {"op": "replace", "path": f"/sessions/{session['session_id']}/{field}", "value": value, **more}


def note_op(session: dict[str, Any], text: str) -> dict[str, Any]:
    return {"op": "add", "path": f"/sessions/{session['session_id']}/prescribed_work/notes", "value": text}


def added_session(day: str, rng: random.Random | None = None) -> tuple[str, dict[str, Any]]:
    """Return id and entry of a new easy run."""
    minutes = (rng or random.Random(1)).randrange(20, 60, 5)
    entry = {
        "day": day,
        "modality": "running",
        "kind": "easy",
        "title": f"Easy {minutes} min",
        "prescribed_work": {"steps": [], "duration_min": minutes, "summary": f"{minutes} min easy"},
        "load": 20.5,
        "key_session": False,
        "locked": False,
    }
    return str(uuid4()), entry
