"""Names of people for those who read the audit log, whether or not the people are in their scope.

Row-level security hides athletes from compliance; on PostgreSQL two functions of the owner's give ids and names, and
nothing else, to administrators, compliance and services (migration 0006).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Q

from accounts.models import Athlete, User

MOST: Final = 12
"""How many people a search shows; who looks for one of more types more of the name."""


def athlete_names(athlete_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return names by id, in one query."""
    if not athlete_ids:
        return {}
    if connection.vendor == "postgresql":
        return _called("SELECT id, name FROM app_athlete_names(%s)", [list(athlete_ids)])
    return dict(Athlete.objects.filter(pk__in=athlete_ids).order_by().values_list("pk", "name"))


def athletes_named(text: str) -> list[tuple[UUID, str]]:
    """Return up to `MOST` athletes whose name contains a text, by name."""
    if connection.vendor == "postgresql":
        return list(_called("SELECT id, name FROM app_athletes_named(%s, %s)", [text, MOST]).items())
    rows = Athlete.objects.filter(name__icontains=text).order_by("name", "pk")
    return list(rows.values_list("pk", "name")[:MOST])


def user_names(user_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return names (e-mail addresses where there is none) by id, in one query."""
    rows = User.objects.filter(pk__in=user_ids).values_list("pk", "name", "email") if user_ids else ()
    return {pk: name or email for pk, name, email in rows}


def users_named(text: str) -> list[tuple[UUID, str]]:
    """Return up to `MOST` users whose name or e-mail address contains a text, each with role."""
    rows = User.objects.filter(Q(name__icontains=text) | Q(email__icontains=text)).order_by("name", "email")[:MOST]
    return [(user.pk, f"{user}, {user.get_role_display().lower()}") for user in rows]


def _called(sql: str, params: list[Any]) -> dict[UUID, str]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return dict(cursor.fetchall())
