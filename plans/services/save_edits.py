"""Saving edits: a new immutable version with its parent, its changes, its events; all of it or none (B10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from accounts.preferences import today_of
from common.actors import actor_id
from common.context import unit_of_work
from common.errors import StaleVersion
from common.etag import ETag
from plans.document import (
    Content,
    InvalidPatch,
    Operation,
    apply_patch,
    document_text,
    field_changes,
    session_changes,
    session_texts,
    summarise,
    text_sha256,
)
from plans.errors import invalid_edit, wrong_state
from plans.locks import lock_plan
from plans.models import Plan, PlanVersion
from plans.policies import Actor
from plans.selectors import baseline_of, content_of, texts_of
from plans.services.announce import announce
from plans.services.versions import Frame, Lineage, etag_of, move_head, store_version
from plans.services.what_if import predicted_of
from plans.workflow import Action, NotPossible, next_state


def save_edits(
    *,
    plan_id: UUID,
    version_id: UUID,
    expected: frozenset[ETag] | None,
    operations: Sequence[Operation],
    acting_user: Actor,
) -> PlanVersion:
    """Apply operations to the head version and store the result as its next version; no change stores nothing.

    `expected`: the tags that the edit is based on; None for a command that is itself the newest word.

    Raises:
        NotVisible, NotPermitted: outside the user's scope (404); visible, but not theirs to edit (403).
        StaleVersion: somebody saved since; carries `current_etag`, `head_version_id` and what they changed (412).
        WrongState: the plan is not in a state that can be edited (409).
        InvalidInput: an operation is refused, with a pointer to each (400).
    """
    with unit_of_work(acting_user):
        plan = lock_plan(acting_user, Action.SAVE, plan_id)
        head = checked_head(plan, version_id, expected)
        try:
            state = next_state(plan.state, Action.SAVE, has_active=plan.active_version_id is not None)
        except NotPossible as error:
            raise wrong_state(error) from error
        before = content_of(head)
        after = edited(plan, head, before, operations)
        texts = session_texts(after, known=(before, texts_of(head)))
        if text_sha256(document_text(texts)) == head.content_sha256:
            return head
        first = baseline_of(head)
        version, summary = store_version(
            plan,
            after,
            Frame.of(head, predicted=predicted_of(plan, head, before, after)),
            status=state,
            author_id=actor_id(acting_user),
            lineage=Lineage(
                head, before, head.baseline_version_id, content_of(first), operations, baseline_texts=texts_of(first)
            ),
            texts=texts,
        )
        move_head(plan, version, state)
        announce(
            plan,
            version,
            Action.SAVE,
            details={
                "parent_version_id": str(head.pk),
                "fields_changed": len(field_changes(before, after)),
                "sessions": summary.sessions,
                "reasons": summary.reasons,
                "tags": summary.badges,
            },
            volume_percent=summary.volume["percent"],
            load_percent=summary.load["percent"],
            reasons=sorted(summary.reasons),
        )
        return version


def checked_head(plan: Plan, version_id: UUID | None, expected: frozenset[ETag] | None) -> PlanVersion:
    """Return the head version if the caller knows it.

    Raises:
        StaleVersion: the caller's version or tag is not the present one.
    """
    head = plan.head_version
    assert head is not None
    current = etag_of(plan)
    if (version_id is None or version_id == head.pk) and (expected is None or current in expected):
        return head
    raise StaleVersion(
        "Somebody saved since you read this plan. Your edits are not lost: merge them with theirs and save again.",
        current_etag=current,
        head_version_id=str(head.pk),
        theirs=_what_they_changed(plan, head, version_id),
    )


def edited(plan: Plan, head: PlanVersion, before: Content, operations: Sequence[Operation]) -> Content:
    """Return the head's document with the operations applied and the plan's own rules checked.

    Raises:
        InvalidInput: a pointer to each operation that is refused.
    """
    try:
        after = apply_patch(before, operations)
        _check_rules(plan, head, before, after, operations)
    except InvalidPatch as error:
        raise invalid_edit(error) from error
    return after


def _check_rules(
    plan: Plan, head: PlanVersion, before: Content, after: Content, operations: Sequence[Operation]
) -> None:
    """Refuse what no coach can mean: another past, days outside the plan, a plan without its race."""
    today, race_day = today_of(plan.athlete).isoformat(), plan.race_date.isoformat()
    first = head.weeks_json[0]["monday"] if head.weeks_json else today
    last_monday = date.fromisoformat(head.weeks_json[-1]["monday"]) if head.weeks_json else plan.race_date
    last = date.fromordinal(last_monday.toordinal() + 6).isoformat()
    at = {operation.session_id: f"/{i}" for i, operation in enumerate(operations)}
    errors = []
    for change in session_changes(before, after):
        pointer = at.get(change.session_id, "")
        days = {side["day"] for side in (change.before, change.after) if side is not None}
        if change.before and change.before["kind"] == "race" and change.before["day"] == race_day:
            if change.after is None or (change.after["day"], change.after["kind"]) != (race_day, "race"):
                errors.append((pointer, "the race stays; for another race date, generate the plan again"))
        elif min(days) < today:
            errors.append((pointer, f"{min(days)} is past; what was done is recorded, not planned"))
        elif change.after and not first <= change.after["day"] <= last:
            errors.append((pointer, f"{change.after['day']} is outside the plan ({first} to {last})"))
    if errors:
        raise InvalidPatch(errors[:20])


def _what_they_changed(plan: Plan, head: PlanVersion, version_id: UUID | None) -> dict[str, object] | None:
    """Return what happened between the caller's version and the head, for a three-way view."""
    base = PlanVersion.objects.filter(plan=plan, pk=version_id).first() if version_id else None
    if base is None:
        return None
    before, after = content_of(base), content_of(head)
    return {
        "version_number": head.version_number,
        "author_id": str(head.author_id),
        "summary": summarise(before, after).sentence,
        "changes": [
            {"session_id": c.session_id, "change": c.change, "before": c.before, "after": c.after}
            for c in session_changes(before, after)
        ],
    }
