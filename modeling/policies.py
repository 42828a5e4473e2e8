"""Who may see and change an athlete's numbers; `visible_…` stands beside `can_…` and both ask the matrix."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db.models import Q

from accounts.models import Athlete, User
from accounts.scope import athlete_for, athletes_in_scope
from common.context import ServiceIdentity

Actor = User | ServiceIdentity
MANAGE: Final = "model:manage"
"""Training runs and model versions: there is no athlete to them."""

VIEW_REPORT: Final = "coach_report:view"


def visible_history(user: Actor) -> Q:
    """Return the condition on rows with an `athlete` that `user` may see."""
    return Q(deleted_at=None, athlete__in=Athlete.objects.filter(athletes_in_scope(user, "history:view")))


def visible_fits(user: Actor) -> Q:
    """Return the condition on fits that `user` may see."""
    return Q(athlete__in=Athlete.objects.filter(athletes_in_scope(user, "model:view")))


def athlete_with_history(user: Actor, athlete_id: UUID) -> Athlete:
    """Fetch the athlete whose history `user` may see; raises NotVisible or NotPermitted."""
    return athlete_for(user, "history:view", athlete_id)


def athlete_to_import_for(user: Actor, athlete_id: UUID, *, lock: bool = False) -> Athlete:
    """Fetch the athlete whose history `user` may add to; raises NotVisible or NotPermitted."""
    return athlete_for(user, "history:import", athlete_id, lock=lock)


def athlete_to_correct_for(user: Actor, athlete_id: UUID) -> Athlete:
    """Fetch the athlete whose history `user` may correct; raises NotVisible or NotPermitted."""
    return athlete_for(user, "history:correct", athlete_id, lock=True)


def athlete_to_fit(user: Actor, athlete_id: UUID) -> Athlete:
    """Fetch the athlete whom `user` may fit; raises NotVisible or NotPermitted."""
    return athlete_for(user, "model:fit", athlete_id)


def athlete_with_model(user: Actor, athlete_id: UUID) -> Athlete:
    """Fetch the athlete whose model `user` may see; raises NotVisible or NotPermitted."""
    return athlete_for(user, "model:view", athlete_id)
