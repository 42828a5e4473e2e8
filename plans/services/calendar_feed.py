"""Calendar subscriptions: an address with a secret that can be revoked; the database keeps its hash alone."""

from __future__ import annotations

import hashlib
import secrets
from uuid import UUID

from django.conf import settings
from django.utils import translation

from accounts.models import Athlete
from accounts.preferences import reader_of_athlete
from accounts.scope import athlete_for, athletes_in_scope
from audit.services import record
from common import clock
from common.actors import actor_id
from common.context import register_service, unit_of_work
from common.errors import NotVisible
from plans.export.calendar import calendar_of
from plans.models import CalendarFeed
from plans.policies import Actor
from plans.reading import wording
from plans.schedule import exportable

READER = register_service("calendar-feed")


def subscribe(*, athlete_id: UUID, acting_user: Actor) -> tuple[CalendarFeed, str]:
    """Return a new feed and its secret token, which nobody can look up again.

    Raises:
        NotVisible, NotPermitted: as `athlete_for`.
    """
    with unit_of_work(acting_user):
        athlete = athlete_for(acting_user, "athlete:edit", athlete_id)
        token = secrets.token_urlsafe(32)
        feed = CalendarFeed.objects.create(
            athlete=athlete, token_sha256=_hash(token), created_by_id=actor_id(acting_user)
        )
        record("calendar.subscribe", target_id=feed.pk, subject_id=athlete.pk)
        return feed, token


def revoke(*, feed_id: UUID, acting_user: Actor) -> None:
    """End a feed; whoever still asks for it gets 404.

    Raises:
        NotVisible: there is none in the user's scope.
    """
    with unit_of_work(acting_user):
        visible = Athlete.objects.filter(athletes_in_scope(acting_user, "plan:view"))
        feed = CalendarFeed.objects.filter(athlete__in=visible, pk=feed_id, revoked_at=None).first()
        if feed is None:
            raise NotVisible("There is no such calendar.")
        athlete_for(acting_user, "athlete:edit", feed.athlete_id)
        feed.revoked_at = clock.now()
        feed.save(update_fields=["revoked_at"])
        record("calendar.revoke", target_id=feed.pk, subject_id=feed.athlete_id)


def read_feed(token: str) -> bytes:
    """Return the calendar (iCalendar) behind a token.

    Raises:
        NotVisible: no such feed, or it was revoked.
    """
    with unit_of_work(READER, read_only=True):
        feed = CalendarFeed.objects.filter(token_sha256=_hash(token), revoked_at=None).first()
        if feed is None:
            raise NotVisible("There is no such calendar.")
        athlete = Athlete.objects.get(pk=feed.athlete_id)
        reader = reader_of_athlete(athlete)
        with translation.override(reader.language):
            return calendar_of(
                exportable(athlete),
                name=f"Mesocycle: {athlete.get_sport_display()}",
                time_zone=athlete.time_zone,
                host=settings.PUBLIC_URL.split("//")[-1].split(":")[0],
                now=clock.now(),
                wording=wording(reader),
            )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
