"""Who people are, for floors that may not import accounts (`common.admin.ACCESS`, `audit.policies.OWN_SUBJECTS`)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from accounts import directory
from accounts.holds import held_among
from accounts.matrix import relation_for
from accounts.models import Athlete


def matrix_grants(user: Any, verb: str) -> bool:
    """Return whether the user's role may do a verb at all."""
    return bool(user.is_active) and relation_for(user.role, verb) is not None


def subjects_of(user: Any) -> set[UUID]:
    """Return the athletes who the user is: one, or none."""
    return set(Athlete.objects.filter(user=user).values_list("pk", flat=True)) if user.is_active else set()


class AuditPeople:
    """Who people are, for the pages of the audit log (`audit.reading.People`)."""

    def users(self, user_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return names of people who log in by id."""
        return directory.user_names(user_ids)

    def athletes(self, athlete_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return names of athletes by id."""
        return directory.athlete_names(athlete_ids)

    def users_named(self, text: str) -> list[tuple[UUID, str]]:
        """Return people whose name or e-mail address contains a text."""
        return directory.users_named(text)

    def athletes_named(self, text: str) -> list[tuple[UUID, str]]:
        """Return athletes whose name contains a text."""
        return directory.athletes_named(text)

    def is_held(self, athlete_id: UUID) -> bool:
        """Return whether a legal hold keeps everything about an athlete."""
        return athlete_id in held_among([athlete_id])
