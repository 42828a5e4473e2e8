"""Who is in whose scope: the matrix's relations as conditions on athletes. Row-level security repeats them in SQL."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.db.models import Q

from accounts.matrix import Relation, relation_for
from accounts.models import Athlete, CoachLink, TeamMembership
from common import clock
from common.context import ServiceIdentity
from common.errors import NotPermitted, NotVisible

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.models import User

NOBODY = Q(pk__in=[])


def links_that_hold(on: date | None = None) -> Q:
    """Return the condition on coach links that hold on a day (today by default)."""
    day = on or clock.today()
    return Q(active_from__lte=day) & (Q(active_until=None) | Q(active_until__gt=day))


def athletes_in_scope(user: User | ServiceIdentity, verb: str) -> Q:
    """Return the condition on `Athlete` under which `user` may do `verb`."""
    if isinstance(user, ServiceIdentity):
        return Q()
    relation = relation_for(user.role, verb) if user.is_active else None
    match relation:
        case Relation.ALL:
            return Q()
        case Relation.COACHED:
            return Q(pk__in=CoachLink.objects.filter(links_that_hold(), coach=user).values("athlete"))
        case Relation.TEAM:
            return Q(team__in=TeamMembership.objects.filter(user=user).values("team"))
        case Relation.OWN:
            return Q(user=user)
    return NOBODY


def athlete_for(user: User | ServiceIdentity, verb: str, athlete_id: UUID, *, lock: bool = False) -> Athlete:
    """Fetch an athlete and authorise in one step.

    Raises:
        NotVisible: the athlete is outside everything the user may see (rendered 404).
        NotPermitted: visible, but the role may not do `verb` (403).
    """
    rows = Athlete.objects.select_for_update(of=("self",), no_key=True) if lock else Athlete.objects.all()
    athlete = rows.filter(athletes_in_scope(user, verb), pk=athlete_id).first()
    if athlete is not None:
        return athlete
    if Athlete.objects.filter(athletes_in_scope(user, "athlete:view"), pk=athlete_id).exists():
        raise NotPermitted(f"Your role may see this athlete but not do {verb}.")
    raise NotVisible("There is no such athlete, or you may not see them.")


def require(user: User | ServiceIdentity, verb: str) -> None:
    """Refuse a verb that has no athlete to it (adding one, managing users).

    Raises:
        NotPermitted: the matrix does not grant it to the user's role.
    """
    if isinstance(user, ServiceIdentity):
        return
    if not user.is_active or relation_for(user.role, verb) is None:
        raise NotPermitted(f"Your role may not do {verb}.")
