"""Giving access as an exception, and ending it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import models

from accounts.models import AthleteGrant, Grant, User
from accounts.scope import GRANTEES, athlete_for
from audit.services import record
from common import clock
from common.actors import actor_id
from common.context import ServiceIdentity, register_service, unit_of_work
from common.errors import InvalidInput, NotVisible
from common.keys import encrypt_for
from common.registries import Registry

Actor = User | ServiceIdentity
AnyGrant = TypeVar("AnyGrant", bound=Grant)

SWEEP = register_service("grant-sweep")
LONGEST = timedelta(days=366)
# Every kind of grant, so that one sweep ends them all: model by name.
GRANTS: Registry[type[Grant]] = Registry("kinds of grants", required=("athlete",))
GRANTS.register("athlete", AthleteGrant)


def grant_athlete(
    *, athlete_id: UUID, user_id: UUID, expires_at: datetime, reason: str, acting_user: Actor
) -> AthleteGrant:
    """Let a coach or a member of support look at an athlete until a moment.

    Raises:
        NotVisible, NotPermitted: as `athlete_for` with `athlete:grant`.
        InvalidInput: no such person, a role that cannot be granted anything, no reason, an end that is past or far.
    """
    with unit_of_work(acting_user):
        athlete = athlete_for(acting_user, "athlete:grant", athlete_id, lock=True)
        given = give(
            AthleteGrant, athlete, athlete.pk, user_id=user_id, expires_at=expires_at, reason=reason, by=acting_user
        )
        tell("grant.open", given)
        return given


def end_athlete_grant(*, athlete_id: UUID, grant_id: UUID, acting_user: Actor) -> None:
    """End access before its time.

    Raises:
        NotVisible, NotPermitted: no such grant, or not theirs to end.
    """
    with unit_of_work(acting_user):
        athlete = athlete_for(acting_user, "athlete:grant", athlete_id, lock=True)
        given = AthleteGrant.objects.filter(pk=grant_id, content_object=athlete).first()
        if given is None:
            raise NotVisible("There is no such grant.")
        tell("grant.close", given)
        given.delete()


def end_expired() -> int:
    """Remove grants whose time is over (they stopped working on the minute); return how many."""
    ended = 0
    with unit_of_work(SWEEP):
        for _, model in GRANTS.items():
            for given in model.objects.filter(expires_at__lte=clock.now()).order_by("pk"):  # type: ignore[attr-defined]
                tell("grant.expire", given)
                given.delete()
                ended += 1
    return ended


def give(
    model: type[AnyGrant],
    thing: models.Model,
    subject_id: UUID,
    *,
    user_id: UUID,
    expires_at: datetime,
    reason: str,
    by: Actor,
    **more: Any,
) -> AnyGrant:
    """Insert or renew the grant of the right to see `thing`, which is about an athlete; the caller has authorised.

    Raises:
        InvalidInput: see `grant_athlete`.
    """
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or user.role not in GRANTEES:
        raise InvalidInput("Access can be given to an active coach or member of support.", pointer="/user_id")
    if not clock.now() < expires_at <= clock.now() + LONGEST:
        raise InvalidInput(f"The end lies ahead, within {LONGEST.days} days.", pointer="/expires_at")
    if not reason.strip() or len(reason) > 500:
        raise InvalidInput("Say why, in up to 500 characters.", pointer="/reason")
    fields = {
        "expires_at": expires_at,
        "granted_by_id": actor_id(by),
        "reason": encrypt_for(subject_id, reason.strip()),
        **more,
    }
    given, _ = model.objects.update_or_create(  # type: ignore[attr-defined]
        user=user, permission=_right_to_see(type(thing)), content_object=thing, defaults=fields
    )
    return given  # type: ignore[no-any-return]


def tell(action: str, given: Grant) -> None:
    """Record what happened to a grant."""
    metadata = {
        "user_id": str(given.user_id),
        "object": f"{given._meta.model_name}:{given.content_object_id}",  # type: ignore[attr-defined]
        "expires_at": given.expires_at.isoformat(),
    }
    record(action, target_id=given.pk, subject_id=given.subject_id, metadata=metadata)


def _right_to_see(model: type[models.Model]) -> Permission:
    """Return Django's `view_…` permission of a model, made where a fresh database has none yet."""
    content_type = ContentType.objects.get_for_model(model)
    codename = f"view_{model._meta.model_name}"
    name = f"Can view {model._meta.verbose_name}"
    found, _ = Permission.objects.get_or_create(content_type=content_type, codename=codename, defaults={"name": name})
    return found
