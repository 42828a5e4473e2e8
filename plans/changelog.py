"""Everything that happened to a plan, newest first: changes, decisions and comments in one list (A9)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Q

from common.keys import KeyRing, key_ring
from plans.models import Plan, PlanComment, PlanReview, PlanVersion, PlanVersionChange
from plans.policies import Actor, comments_for, visible_versions
from plans.selectors import names_of


@dataclass(frozen=True)
class Entry:
    """One entry; `detail` holds what its type has: path, old and new; decision; message."""

    id: UUID
    type: str
    at: datetime
    user_id: UUID
    version_number: int
    detail: dict[str, Any]
    user_name: str = ""


@dataclass(frozen=True)
class Filter:
    """What to leave out; `before` is the id after which the last page ended."""

    since: datetime | None = None
    until: datetime | None = None
    user_id: UUID | None = None
    before: UUID | None = None


def changelog(user: Actor, plan: Plan, chosen: Filter, *, limit: int) -> list[Entry]:
    """Return up to `limit` entries that the user may see, newest first; the same few queries for any length."""
    ring = key_ring([plan.athlete_id])
    versions = PlanVersion.objects.filter(visible_versions(user), plan=plan)
    changes = PlanVersionChange.objects.filter(_within(chosen, "version__author_id"), version__in=versions)
    # What a change replaced stands in its parent, which may be a draft that the reader may not see.
    changes = changes.filter(
        Q(version__parent_version__in=versions) | Q(version__parent_version=F("version__baseline"))
    )
    reviews = PlanReview.objects.filter(_within(chosen, "reviewer_id"), plan=plan)
    comments = comments_for(user, plan).filter(_within(chosen, "author_id"))
    entries = [
        *(_change(row, ring) for row in changes.select_related("version").order_by("-id")[:limit]),
        *(_review(row, ring) for row in reviews.select_related("version").order_by("-id")[:limit]),
        *(_comment(row, ring) for row in comments.select_related("version").order_by("-id")[:limit]),
    ]
    return _named(sorted(entries, key=lambda entry: entry.id, reverse=True)[:limit])


def _within(chosen: Filter, author: str) -> Q:
    condition = Q()
    if chosen.since:
        condition &= Q(created_at__gte=chosen.since)
    if chosen.until:
        condition &= Q(created_at__lt=chosen.until)
    if chosen.user_id:
        condition &= Q(**{author: chosen.user_id})
    if chosen.before:
        condition &= Q(id__lt=chosen.before)
    return condition


def _change(row: PlanVersionChange, ring: KeyRing) -> Entry:
    detail = {
        "session_id": str(row.session_id),
        "path": row.field_path,
        "change": row.change_type,
        "old": row.old_value,
        "new": row.new_value,
        "reason": row.reason,
        "note": ring.read(row.athlete_id, row.note),
    }
    return Entry(row.pk, "change", row.created_at, row.version.author_id, row.version.version_number, detail)


def _review(row: PlanReview, ring: KeyRing) -> Entry:
    detail = {
        "decision": row.decision,
        "content_sha256": row.content_sha256,
        "is_override": row.is_override,
        "reason": row.reason,
        "comment": ring.read(row.athlete_id, row.comment),
    }
    return Entry(row.pk, "decision", row.created_at, row.reviewer_id, row.version.version_number, detail)


def _comment(row: PlanComment, ring: KeyRing) -> Entry:
    detail = {
        "anchor_id": str(row.anchor_id) if row.anchor_id else None,
        "visibility": row.visibility,
        "message": ring.read(row.athlete_id, row.message),
    }
    return Entry(row.pk, "comment", row.created_at, row.author_id, row.version.version_number, detail)


def _named(entries: Iterable[Entry]) -> list[Entry]:
    listed = list(entries)
    names = names_of(entry.user_id for entry in listed)
    return [Entry(e.id, e.type, e.at, e.user_id, e.version_number, e.detail, names.get(e.user_id, "")) for e in listed]
