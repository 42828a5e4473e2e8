"""Who is in whose scope: the matrix's relations as conditions on athletes. Row-level security repeats them in SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.db.models import DateField, Exists, OuterRef, Q, QuerySet, UUIDField

from accounts.matrix import GRANTED, Relation, relation_for
from accounts.models import Athlete, AthleteGrant, CoachLink, TeamMembership
from common import clock
from common.context import ServiceIdentity
from common.errors import KeyDestroyed, NotPermitted, NotVisible
from common.models import SubjectKey
from common.prepared import Given, Prepared
from common.registries import Registry

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.models import User

NOBODY = Q(pk__in=[])
GRANTEES = ("coach", "support")
"""Roles whose reach a grant can widen: the others reach everybody, themselves, or nobody at all."""

# Filled by apps above: athletes whom grants on their own objects let a user see (`Q()` for none).
REACH: Registry[Callable[[Any, str], Q]] = Registry("further reach")


def links_that_hold(on: date | Given | None = None) -> Q:
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
    reach = reach_of(user, verb)
    related = _related(reach, user.pk, clock.today())
    return either(related, *_granted(user, verb)) if reach in (Relation.COACHED, Relation.TEAM) else related


def reach_of(user: User | ServiceIdentity, verb: str) -> Relation | None:
    """Return how far `verb` reaches for `user`, grants aside."""
    if isinstance(user, ServiceIdentity):
        return Relation.ALL
    return relation_for(user.role, verb) if user.is_active else None


def athletes_reached(reach: Relation | None) -> Q:
    """Return `athletes_in_scope` for prepared queries; whose reach it is, is given when they are asked (`asked_by`).

    Not for verbs that grants reach (`GRANTED`).
    """
    return _related(reach, Given("user", UUIDField()), Given("day", DateField()))


def asked_by(user: User | ServiceIdentity) -> dict[str, Any]:
    """Return what a query with `athletes_reached` is to be given."""
    return {} if isinstance(user, ServiceIdentity) else {"user": user.pk, "day": clock.today()}


def _related(reach: Relation | None, user_id: Any, day: Any) -> Q:
    match reach:
        case Relation.ALL:
            return Q()
        case Relation.COACHED:
            return Q(pk__in=CoachLink.objects.filter(links_that_hold(day), coach=user_id).values("athlete"))
        case Relation.TEAM:
            teams = TeamMembership.objects.filter(user=user_id).values("team")
            return Q(pk__in=Athlete.objects.order_by().filter(team__in=teams).values("pk"))
        case Relation.OWN:
            return Q(user=user_id)
    return NOBODY


def grants_that_hold() -> Q:
    """Return the condition on grants that have not ended by themselves."""
    return Q(expires_at__gt=clock.now())


def either(*conditions: Q) -> Q:
    """Return the condition that one of several holds; empty ones are left out.

    Where each says `pk__in` of a query it becomes one `pk__in` of their union: rows are then found by their keys, where
    OR makes PostgreSQL read the whole table.
    """
    some = [one for one in conditions if one]
    queries = [query for one in some if (query := _by_key(one)) is not None]
    if len(some) > 1 and len(queries) == len(some):
        return Q(pk__in=queries[0].union(*queries[1:]))
    return reduce(or_, some, Q())


def _by_key(condition: Q) -> QuerySet[Any] | None:
    """Return the query of a condition that is one `pk__in`, None for any other."""
    if condition.negated or len(condition.children) != 1:
        return None
    child: Any = condition.children[0]
    is_by_key = isinstance(child, tuple) and child[0] == "pk__in" and isinstance(child[1], QuerySet)
    return child[1] if is_by_key else None


def _granted(user: User, verb: str) -> list[Q]:
    """Return the athletes whom grants add to a role's reach."""
    if verb not in GRANTED:
        return []
    own = Q(pk__in=AthleteGrant.objects.filter(grants_that_hold(), user=user).values("content_object"))
    return [own, *(further(user, verb) for _, further in REACH.items())]


def athlete_for(user: User | ServiceIdentity, verb: str, athlete_id: UUID, *, lock: bool = False) -> Athlete:
    """Fetch an athlete and authorise in one step; `lock` is for whoever will write about them.

    Raises:
        NotVisible: the athlete is outside everything the user may see (rendered 404).
        NotPermitted: visible, but the role may not do `verb` (403).
        KeyDestroyed: visible, but erased: nothing new is written about them (410).
    """
    if verb in GRANTED:
        found = list(_athletes(lock).filter(athletes_in_scope(user, verb), pk=athlete_id))
    else:
        found = _REACHED.ask(reach_of(user, verb), lock, athlete=athlete_id, **asked_by(user))
    for athlete in found:
        if lock and athlete.is_erased and not verb.startswith("erasure:"):  # type: ignore[attr-defined]  # annotated
            raise KeyDestroyed("This athlete was erased.")
        return athlete
    if Athlete.objects.filter(athletes_in_scope(user, "athlete:view"), pk=athlete_id).exists():
        raise NotPermitted(f"Your role may see this athlete but not do {verb}.")
    raise NotVisible("There is no such athlete, or you may not see them.")


def _athletes(lock: bool) -> QuerySet[Athlete]:
    if not lock:
        return Athlete.objects.order_by()
    erased = SubjectKey.objects.filter(subject_id=OuterRef("pk"), destroyed_at__isnull=False)
    rows = Athlete.objects.select_for_update(of=("self",), no_key=True).order_by()
    return rows.annotate(is_erased=Exists(erased))


def _reached(reach: Relation | None, lock: bool) -> QuerySet[Athlete]:
    return _athletes(lock).filter(athletes_reached(reach), pk=Given("athlete", UUIDField()))


_REACHED: Prepared[Athlete] = Prepared(_reached)


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
