"""Overrides of a flag for single people, and the people by name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext

from accounts.directory import user_names, users_named
from accounts.models import Athlete
from accounts.scope import athletes_in_scope
from common.admin import may
from common.spans import span
from common.translating.showing import shown
from rollout.dashboard.words import moment
from rollout.models import Flag, UserOverride
from rollout.policies import OF_ATHLETES

SOON: Final = timedelta(hours=24)
LEAST_WORDS: Final = 2
MOST_FOUND: Final = 12


@dataclass(frozen=True, slots=True)
class OverrideRow:
    subject_id: UUID
    who: str
    value: bool
    why: str
    ends: str
    left: str
    is_soon: bool


def is_about_athletes(key: str) -> bool:
    """Return whether a flag's subjects are athletes; else they are the people who log in."""
    return key.startswith(OF_ATHLETES)


def overrides_of(flag: Flag, user: Any, now: datetime, *, shown: int) -> tuple[tuple[OverrideRow, ...], int]:
    """Return the overrides that hold, the next to end first, and how many there are in all; three queries.

    Athletes have a name only where the viewer may see them.
    """
    live = UserOverride.objects.filter(flag=flag, expires_at__gt=now)
    rows = list(live.order_by("expires_at", "id")[:shown])
    names = _names(flag.name, {row.subject_id for row in rows}, user)
    kind = gettext("Athlete") if is_about_athletes(flag.name) else gettext("Person")
    return tuple(
        OverrideRow(
            subject_id=row.subject_id,
            who=names.get(row.subject_id) or f"{kind} {str(row.subject_id)[-6:]}",
            value=row.value,
            why=row.reason,
            ends=moment(row.expires_at),
            left=span(row.expires_at - now),
            is_soon=row.expires_at - now < SOON,
        )
        for row in rows
    ), live.count() if len(rows) == shown else len(rows)


def _names(key: str, ids: Collection[UUID], user: Any) -> dict[UUID, str]:
    if not ids:
        return {}
    if not is_about_athletes(key):
        return user_names(ids)
    return athletes_by_name(ids, user)


def athletes_by_name(ids: Collection[UUID], user: Any) -> dict[UUID, str]:
    """Return the names of those athletes whom the viewer may see, by id; one query."""
    seen = Athlete.objects.filter(athletes_in_scope(user, "athlete:view"), pk__in=ids)
    return dict(seen.order_by().values_list("pk", "name"))


def may_name(key: str, user: Any) -> bool:
    """Return whether the viewer may look for a subject of the flag by name."""
    return may(user, "athlete:view" if is_about_athletes(key) else "user:manage")


def subjects_named(key: str, words: str, user: Any) -> list[tuple[UUID, str]]:
    """Return up to `MOST_FOUND` people whom an override may be about and whose name holds these words; one query."""
    if len(words.strip()) < LEAST_WORDS or not may_name(key, user):
        return []
    if not is_about_athletes(key):
        return users_named(words.strip())
    rows = Athlete.objects.filter(athletes_in_scope(user, "athlete:view"), name__icontains=words.strip())
    return [
        (pk, f"{name}, {shown(tier.capitalize()) if tier else gettext('no tier')}")
        for pk, name, tier in rows.order_by("name", "pk").values_list("pk", "name", "tier")[:MOST_FOUND]
    ]
