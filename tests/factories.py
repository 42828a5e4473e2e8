"""People and athletes for tests, made by the product's own services."""

from __future__ import annotations

import itertools
from typing import Any

from rest_framework.test import APIClient

from accounts.models import Athlete, Role, User
from accounts.services.people import add_athlete, add_user, link_coach
from accounts.services.tokens import log_in
from common.management.base import COMMAND_LINE

PASSWORD = "long-enough-7"
_numbers = itertools.count(1)


def make_user(role: str = Role.COACH, **fields: Any) -> User:
    """Return a user who can log in with PASSWORD."""
    email = fields.pop("email", f"{role}{next(_numbers)}@test.example")
    return add_user(email=email, name=fields.pop("name", role), role=role, password=PASSWORD, acting_user=COMMAND_LINE)


def make_athlete(*, coach: User | None = None, **fields: Any) -> Athlete:
    """Return an athlete, linked to a coach if one is given."""
    fields = {
        "name": f"Athlete {next(_numbers)}",
        "sport": "running",
        "level": "intermediate",
        "tier": "elite",
        **fields,
    }
    athlete = add_athlete(acting_user=COMMAND_LINE, **fields)
    if coach is not None:
        link_coach(coach_id=coach.pk, athlete_id=athlete.pk, acting_user=COMMAND_LINE)
    return athlete


def api_of(user: User) -> APIClient:
    """Return a client that sends the user's access token."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {log_in(email=user.email, password=PASSWORD).access}")
    return client
