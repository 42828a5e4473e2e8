"""Choosing language, time zone, units and how intensity is shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from django.core.exceptions import ValidationError

from accounts.models import Athlete, Role, User
from accounts.preferences import OF_THE_RECORD, Preferences, chosen_by
from accounts.services.people import edit_athlete
from audit.services import record
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible
from common.etag import ETag, check_etag
from common.validation import invalid_input_from

FIELDS: Final = ("language", "time_zone", "units", "intensity")


def preferences_etag(found: Preferences) -> ETag:
    """Return the tag of what somebody chose: the hash of its content."""
    text = json.dumps(asdict(found), sort_keys=True)
    return ETag(f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"')


def set_preferences(
    *, changes: Mapping[str, str], acting_user: User, expected: frozenset[ETag] | None = None
) -> Preferences:
    """Change a person's own preferences; blank goes back to the browser's or the company's.

    An athlete's time zone and units are fields of their record and are changed there. `expected`: the tags that the
    change is based on, None where nobody else can have changed them (a page that sends all of them).

    Raises:
        InvalidInput: an unknown field, or a value that is none of its own.
        StaleVersion: they were changed since.
        NotVisible: the user is gone.
    """
    with unit_of_work(acting_user):
        for name in changes:
            if name not in FIELDS:
                raise InvalidInput(f"{name} is no preference; they are {', '.join(FIELDS)}.", pointer=f"/{name}")
        user = User.objects.select_for_update().filter(pk=acting_user.pk).first()
        if user is None:
            raise NotVisible("There is no such user.")
        athlete = Athlete.objects.filter(user=user).first() if user.role == Role.ATHLETE else None
        before = chosen_by(user, athlete)
        if expected is not None:
            check_etag(expected, preferences_etag(before))
        of_record = OF_THE_RECORD if athlete else ()
        if athlete and any(name in changes for name in of_record):
            wish = {name: changes[name] for name in of_record if name in changes}
            athlete = edit_athlete(athlete_id=athlete.pk, changes=wish, acting_user=acting_user)
        _keep(user, {name: value for name, value in changes.items() if name not in of_record})
        return chosen_by(user, athlete)


def _keep(user: User, wish: Mapping[str, str]) -> None:
    """Store what stands on the log-in and record it; past rows of the log-in say nothing of it (`User.history`)."""
    changed = {name: [getattr(user, name), value] for name, value in wish.items() if getattr(user, name) != value}
    for name, value in wish.items():
        setattr(user, name, value)
    try:
        user.clean_fields(exclude=[field.name for field in user._meta.fields if field.name not in wish])
    except ValidationError as error:
        raise invalid_input_from(error) from error
    if changed:
        User.objects.filter(pk=user.pk).update(**{name: pair[1] for name, pair in changed.items()})
        record("user.prefer", target_id=user.pk, metadata={"changes": changed})
