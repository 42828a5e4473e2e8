"""Who people are, for floors that may not import accounts (`common.admin.ACCESS`, `audit.policies.OWN_SUBJECTS`)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.matrix import relation_for
from accounts.models import Athlete


def matrix_grants(user: Any, verb: str) -> bool:
    """Return whether the user's role may do a verb at all."""
    return bool(user.is_active) and relation_for(user.role, verb) is not None


def subjects_of(user: Any) -> set[UUID]:
    """Return the athletes who the user is: one, or none."""
    return set(Athlete.objects.filter(user=user).values_list("pk", flat=True)) if user.is_active else set()
