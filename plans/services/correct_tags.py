"""A coach says what a comment is about; that counts, whatever the model said or says later."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from accounts.scope import athlete_for
from audit.services import record
from common import clock
from common.actors import actor_id
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible
from common.ids import uuid7
from modeling.tagging.tags import fault_of, in_order
from plans.models import PlanComment, PlanCommentTag, TagSource
from plans.policies import Actor, comments_for, plan_for
from plans.tags import VERB, tags_of


def correct_tags(*, plan_id: UUID, comment_id: UUID, tags: Collection[str], acting_user: Actor) -> PlanComment:
    """Store the full set of a comment's tags; the set that stands already, if a coach gave it, is not stored again.

    Raises:
        InvalidInput: no tag, an unknown one, or `other` beside another.
        NotVisible: no such plan or comment that the user may see.
        NotPermitted: visible, but the role or the relation to the athlete does not tag.
        KeyDestroyed: the athlete was erased.
    """
    if fault := fault_of(tags):
        raise InvalidInput(fault, pointer="/tags")
    wanted = in_order(tags)
    with unit_of_work(acting_user):
        plan = plan_for(acting_user, plan_id)
        athlete_for(acting_user, VERB, plan.athlete_id, lock=True)
        comment = comments_for(acting_user, plan).filter(pk=comment_id).first()
        if comment is None:
            raise NotVisible("There is no such comment, or you may not see it.")
        stands = tags_of([comment.pk]).get(comment.pk)
        if stands is not None and stands.source == TagSource.COACH and stands.tags == wanted:
            return comment
        set_id, now = uuid7(), clock.now()
        PlanCommentTag.objects.bulk_create(
            PlanCommentTag(
                comment=comment,
                athlete_id=plan.athlete_id,
                set_id=set_id,
                created_at=now,
                tag=tag,
                source=TagSource.COACH,
                tagged_by_id=actor_id(acting_user),
            )
            for tag in wanted
        )
        before = f"{', '.join(stands.tags)} ({stands.source})" if stands else ""
        metadata = {"comment_id": str(comment.pk), "tags": ", ".join(wanted), "before": before}
        record("plan.comment_tags_correct", target_id=plan.pk, subject_id=plan.athlete_id, metadata=metadata)
        return comment
