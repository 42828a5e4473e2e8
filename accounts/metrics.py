"""Whose numbers of the warehouse a person sees (`telemetry.dashboards.reach.REACHES`)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from accounts.matrix import Relation, relation_for
from accounts.models import CoachLink, Role, User
from accounts.scope import require
from telemetry.dashboards.reach import VIEW, Reach
from telemetry.tokens import person_token


def reach_of(user: Any) -> Reach:
    """Return a user's reach: coaches see numbers of plans that were theirs; who sees no athletes, sees no names either.

    Raises:
        NotPermitted: the matrix does not grant metrics:view.
    """
    require(user, VIEW)
    if relation_for(user.role, VIEW) is Relation.COACHED:
        own = _tokens(user.pk)
        return Reach(frozenset(own), dict.fromkeys(own, str(user)))
    if relation_for(user.role, "athlete:view") is None:
        return Reach(None, is_pseudonymous=True)
    return Reach(None, _names())


def _names() -> dict[str, str]:
    """Return the names of all who coach or did, by each of their tokens: a token cannot be turned back."""
    coaches = User.objects.filter(Q(role=Role.COACH) | Q(pk__in=CoachLink.objects.values("coach")))
    rows = coaches.order_by().values_list("pk", "name", "email")
    return {token: name or email for pk, name, email in rows for token in _tokens(pk)}


def _tokens(user_id: UUID) -> list[str]:
    """Return a person's token under each key that there was."""
    return [person_token(user_id, version=version) for version in settings.TELEMETRY_TOKEN_KEYS]
