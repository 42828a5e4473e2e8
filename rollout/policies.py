"""For whom somebody may ask a flag: athletes in their scope for `plan.*`, themselves for `ui.*`. Who sees reports."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from accounts.matrix import relation_for
from accounts.models import Athlete, User
from accounts.scope import athletes_in_scope
from common.context import ServiceIdentity
from common.errors import NotVisible
from rollout.evaluation import OF_ATHLETES, Subject

Actor = User | ServiceIdentity


def word_for(actor: Actor) -> str:
    """Return the word that the record keeps beside the id of who acted: a service's name, a person's role."""
    return str(actor) if isinstance(actor, ServiceIdentity) else actor.role


def subject_for(user: User, key: UUID) -> tuple[Subject, str]:
    """Return the subject with this id and the prefix of the flags that are about such; the tier is the server's word.

    Raises:
        NotVisible: neither the user nor an athlete in their scope.
    """
    if key == user.pk:
        own = Athlete.objects.filter(user=user).values_list("tier", flat=True).first()
        return Subject(str(user.pk), own or ""), "ui."
    tier = Athlete.objects.filter(athletes_in_scope(user, "athlete:view"), pk=key).values_list("tier", flat=True)
    found = tier.first()
    if found is None:
        raise NotVisible("There is no such subject, or you may not ask about them.")
    return Subject(str(key), found), OF_ATHLETES


def visible_reports(user: User | ServiceIdentity) -> Q:
    """Return the condition on reports that a user sees: those they filed, and for whoever works them the queue.

    The queue holds what is about athletes in the user's scope, and what is about nobody in particular.
    """
    if isinstance(user, ServiceIdentity):
        return Q()
    mine = Q(reporter_id=user.pk)
    if not user.is_active or relation_for(user.role, "report:work") is None:
        return mine
    return mine | Q(athlete=None) | Q(athlete__in=Athlete.objects.filter(athletes_in_scope(user, "report:work")))
