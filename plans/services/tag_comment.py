"""Saying what a comment is about, after it was written: by the model, as a service."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from accounts.scope import athlete_for
from audit.services import record
from common import clock
from common.actors import actor_id
from common.context import register_service, unit_of_work
from common.errors import NotVisible
from common.ids import uuid7
from common.jobs import enqueue
from common.keys import decrypt
from modeling.taggers import tagger_in_use
from modeling.tagging.fitting import is_available
from plans.models import PlanComment, PlanCommentTag, TagSource
from plans.policies import Actor
from plans.tags import VERB

JOB_KIND: Final = "plans.tag_comment"
TAGGER: Final = register_service("comment-tagger")


def queue_tagging(comment: PlanComment) -> None:
    """Have a comment tagged once the open unit of work has committed; nothing where scikit-learn is not installed."""
    if is_available():
        enqueue(JOB_KIND, {"comment_id": str(comment.pk)}, subject_id=comment.athlete_id)


def tag_comment(*, comment_id: UUID, acting_user: Actor) -> tuple[PlanCommentTag, ...]:
    """Store what the model in use takes a comment to be about; once a model, so that doing it again changes nothing.

    Raises:
        NotVisible, NotPermitted: no such comment that the user may see; not the role's.
        KeyDestroyed: its athlete was erased.
    """
    with unit_of_work(acting_user, read_only=True):
        tagger = tagger_in_use()
    if tagger is None:
        return ()
    with unit_of_work(acting_user):
        comment = PlanComment.objects.filter(pk=comment_id).first()
        if comment is None:
            raise NotVisible("There is no such comment, or you may not see it.")
        athlete_for(acting_user, VERB, comment.athlete_id, lock=True)
        earlier = PlanCommentTag.objects.filter(
            comment=comment, source=TagSource.MODEL, model_version=tagger.version
        ).order_by("id")
        if known := tuple(earlier):
            return known
        found = tagger.tags_of(decrypt(comment.athlete_id, comment.message))
        set_id, now = uuid7(), clock.now()
        rows = tuple(
            PlanCommentTag(
                comment=comment,
                athlete_id=comment.athlete_id,
                set_id=set_id,
                created_at=now,
                tag=one.tag,
                probability=one.probability,
                source=TagSource.MODEL,
                model_version=tagger.version,
                tagged_by_id=actor_id(acting_user),
            )
            for one in found
        )
        PlanCommentTag.objects.bulk_create(rows)
        metadata = {
            "comment_id": str(comment.pk),
            "tags": ", ".join(row.tag for row in rows),
            "model_version": tagger.version,
        }
        record("plan.comment_tag", target_id=comment.plan_id, subject_id=comment.athlete_id, metadata=metadata)
        return rows
