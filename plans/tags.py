"""Reads: which tags of a comment count, and who gets to see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import Athlete
from accounts.scope import athletes_in_scope
from modeling.tagging.tags import TAGS
from plans.models import PlanCommentTag, TagSource
from plans.policies import Actor

VERB = "plan:tag"


@dataclass(frozen=True)
class TagSet:
    """Tags that were given to a comment at once, the likeliest first, or in their order where a coach gave them."""

    set_id: UUID
    comment_id: UUID
    athlete_id: UUID
    source: str
    given_at: datetime
    rows: tuple[PlanCommentTag, ...]

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(row.tag for row in self.rows)

    def as_json(self) -> list[dict[str, Any]]:
        """Return what API and pages show."""
        return [{"tag": row.tag, "probability": row.probability, "source": row.source} for row in self.rows]


def sees_tags(user: Actor, athlete_id: UUID) -> bool:
    """Return whether a user sees what comments about an athlete were taken to be about, and may correct it; one query.

    Coaches and administrators. An athlete knows what they wrote, and a machine's guess about it ("motivation") is made
    for their coach, who can put it right; a coach with whom one plan was shared reads the comments alone.
    """
    return Athlete.objects.filter(athletes_in_scope(user, VERB), pk=athlete_id).exists()


def tags_of(comment_ids: Collection[UUID]) -> dict[UUID, TagSet]:
    """Return the set that counts for each comment that has one: the coach's newest, else the model's; one query."""
    found: dict[UUID, TagSet] = {}
    for one in _sets(PlanCommentTag.objects.filter(comment__in=comment_ids)):
        before = found.get(one.comment_id)
        if before is None or one.source == TagSource.COACH or before.source == TagSource.MODEL:
            found[one.comment_id] = one
    return found


def corrections() -> list[TagSet]:
    """Return the newest set of each comment that a coach corrected, oldest first."""
    newest = {one.comment_id: one for one in _sets(PlanCommentTag.objects.filter(source=TagSource.COACH))}
    return sorted(newest.values(), key=lambda one: one.set_id)


def _sets(rows: Any) -> list[TagSet]:
    """Return rows as sets, in the order in which the sets were given."""
    by_set: dict[UUID, list[PlanCommentTag]] = defaultdict(list)
    for row in rows.order_by("id"):
        by_set[row.set_id].append(row)
    return [_set(members) for _, members in sorted(by_set.items())]


def _set(rows: list[PlanCommentTag]) -> TagSet:
    first = rows[0]
    ordered = sorted(rows, key=lambda row: (-(row.probability or 0.0), TAGS.index(row.tag)))
    return TagSet(first.set_id, first.comment_id, first.athlete_id, first.source, first.created_at, tuple(ordered))
