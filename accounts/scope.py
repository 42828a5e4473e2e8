"""Who is in whose scope: the matrix's relations as conditions on athletes. Row-level security repeats them in SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, Q

from accounts.matrix import GRANTED, Relation, relation_for
from accounts.models import Athlete, AthleteGrant, CoachLink, TeamMembership
from common import clock
from common.context import ServiceIdentity
from common.errors import KeyDestroyed, NotPermitted, NotVisible
from common.models import SubjectKey
from common.registries import Registry

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.models import User

NOBODY = Q(pk__in=[])
GRANTEES = ("coach", "support")
"""Roles whose reach a grant can widen: the others reach everybody, themselves, or nobody at all."""

# Filled by apps above: athletes whom grants on their own objects let a user see (`Q()` for none).
REACH: Registry[Callable[[Any, str], Q]] = Registry("further reach")


def links_that_hold(on: date | None = None) -> Q:
    """Return the condition on coach links that hold on a day (today by default)."""
    day = on or clock.today()
    return Q(active_from__lte=day) & (Q(active_until=None) | Q(active_until__gt=day))


def coach_of(athlete_id: UUID) -> UUID | None:
    """Return an athlete's coach today, the one of longest standing where there are several; None where nobody is."""
    links = CoachLink.objects.filter(links_that_hold(), athlete=athlete_id).order_by("active_from", "pk")
    found: UUID | None = links.values_list("coach_id", flat=True).first()
    return found


def athletes_in_scope(user: User | ServiceIdentity, verb: str) -> Q:
    """Return the condition on `Athlete` under which `user` may do `verb`."""
    if isinstance(user, ServiceIdentity):
        return Q()
    relation = relation_for(user.role, verb) if user.is_active else None
    match relation:
        case Relation.ALL:
            return Q()
        case Relation.COACHED:
            linked = Q(pk__in=CoachLink.objects.filter(links_that_hold(), coach=user).values("athlete"))
            return linked | _granted(user, verb)
        case Relation.TEAM:
            in_team = Q(team__in=TeamMembership.objects.filter(user=user).values("team"))
            return in_team | _granted(user, verb)
        case Relation.OWN:
            return Q(user=user)
    return NOBODY


def grants_that_hold() -> Q:
    """Return the condition on grants that have not ended by themselves."""
    return Q(expires_at__gt=clock.now())


def _granted(user: User, verb: str) -> Q:
    """Return the athletes whom grants add to a role's reach."""
    found = Q()
    if verb in GRANTED:
        found |= Q(pk__in=AthleteGrant.objects.filter(grants_that_hold(), user=user).values("content_object"))
    for _, further in REACH.items():
        found |= further(user, verb)
    return found


def athlete_for(user: User | ServiceIdentity, verb: str, athlete_id: UUID, *, lock: bool = False) -> Athlete:
    """Fetch an athlete and authorise in one step; `lock` is for whoever will write about them.

    Raises:
        NotVisible: the athlete is outside everything the user may see (rendered 404).
        NotPermitted: visible, but the role may not do `verb` (403).
        KeyDestroyed: visible, but erased: nothing new is written about them (410).
    """
    rows = Athlete.objects.select_for_update(of=("self",), no_key=True) if lock else Athlete.objects.all()
    if lock:
        erased = SubjectKey.objects.filter(subject_id=OuterRef("pk"), destroyed_at__isnull=False)
        rows = rows.annotate(is_erased=Exists(erased))
    athlete = rows.filter(athletes_in_scope(user, verb), pk=athlete_id).first()
    if athlete is not None:
        if lock and athlete.is_erased and not verb.startswith("erasure:"):  # type: ignore[attr-defined]  # annotated
            raise KeyDestroyed("This athlete was erased.")
        return athlete
    if Athlete.objects.filter(athletes_in_scope(user, "athlete:view"), pk=athlete_id).exists():
        raise NotPermitted(f"Your role may see this athlete but not do {verb}.")
    raise NotVisible("There is no such athlete, or you may not see them.")


def verbs_on(user: User | ServiceIdentity, athlete_id: UUID, verbs: Sequence[str]) -> frozenset[str]:
    """Return which of some verbs the user may do for an athlete; one query, for pages that show what may be done."""
    asked = {f"may_{n}": athletes_in_scope(user, verb) for n, verb in enumerate(verbs)}
    found = {name: Exists(Athlete.objects.filter(condition, pk=OuterRef("pk"))) for name, condition in asked.items()}
    row = Athlete.objects.filter(pk=athlete_id).values(**found).first() or {}
    return frozenset(verb for name, verb in zip(asked, verbs, strict=True) if row.get(name))


def require(user: User | ServiceIdentity, verb: str) -> None:
    """Refuse a verb that has no athlete to it (adding one, managing users).

    Raises:
        NotPermitted: the matrix does not grant it to the user's role.
    """
    if isinstance(user, ServiceIdentity):
        return
    if not user.is_active or relation_for(user.role, verb) is None:
        raise NotPermitted(f"Your role may not do {verb}.")
