"""Which announcements concern a reader (H4): by their role, the tiers of the athletes they stand for, and their flags.

An athlete stands for themselves, a coach for the athletes of theirs, everybody else for nobody.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

from accounts.models import Athlete, Role, User
from accounts.scope import athletes_in_scope
from common import clock
from rollout.evaluation import Subject
from rollout.models import Announcement, AnnouncementKind, Audience
from rollout.policies import OF_ATHLETES
from rollout.selectors import evaluate, evaluate_for_user

STRIP, RECENT = 3, 50


def shown(at: datetime) -> Q:
    """Return the condition on announcements that are published and have not ended."""
    return Q(published_at__lte=at) & (Q(ends_at=None) | Q(ends_at__gt=at))


def announcements_for(user: User) -> QuerySet[Announcement]:
    """Return what concerns a reader now; at most three queries, whatever their number."""
    rows = Announcement.objects.filter(shown(clock.now()))
    kinds = rows.order_by().values_list("audience", "audience_value").distinct()
    found = Q(pk__in=[])
    for audience, value in _concerning(user, set(kinds)):
        found |= Q(audience=audience, audience_value=value)
    return rows.filter(found)


def strip_for(user: User) -> list[Announcement]:
    """Return the few that a page shows on top: known issues first, then the newest; mostly one query."""
    recent = Announcement.objects.filter(shown(clock.now()), resolved_at=None).order_by("-published_at")[:RECENT]
    rows = list(recent)
    mine = _concerning(user, {(row.audience, row.audience_value) for row in rows})
    rows = [row for row in rows if (row.audience, row.audience_value) in mine]
    return sorted(rows, key=lambda row: row.kind != AnnouncementKind.KNOWN_ISSUE)[:STRIP]


def _concerning(user: User, audiences: set[tuple[str, str]]) -> set[tuple[str, str]]:
    subjects = _subjects(user) if any(_needs_athletes(*one) for one in audiences) else []
    return {one for one in audiences if _concerns(user, subjects, *one)}


def _needs_athletes(audience: str, value: str) -> bool:
    return audience == Audience.TIER or value.startswith(OF_ATHLETES)


def _subjects(user: User) -> list[Subject]:
    if user.role not in (Role.ATHLETE, Role.COACH):
        return []
    rows = Athlete.objects.filter(athletes_in_scope(user, "athlete:view"))
    return [Subject(str(pk), tier) for pk, tier in rows.order_by().values_list("pk", "tier")]


def _concerns(user: User, subjects: list[Subject], audience: str, value: str) -> bool:
    match Audience(audience):
        case Audience.ALL:
            return True
        case Audience.ROLE:
            return user.role == value
        case Audience.TIER:
            return any(subject.tier == value for subject in subjects)
    if value.startswith(OF_ATHLETES):
        return any(evaluate(value, subject).value for subject in subjects)
    return evaluate_for_user(value, user).value
