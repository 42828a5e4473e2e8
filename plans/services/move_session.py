"""An athlete moves a session: a version of its own, accepted by whom it is for; the coach is told."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from accounts.preferences import today_of
from common.actors import actor_id
from common.context import unit_of_work
from common.errors import InvalidInput, NotPermitted, NotVisible, WrongState
from plans.document import Content
from plans.errors import wrong_state
from plans.locks import lock_plan
from plans.models import Decision, Plan, PlanVersion
from plans.policies import Actor
from plans.selectors import baseline_of, content_of
from plans.services.announce import announce
from plans.services.store_review import store_review
from plans.services.tell_people import tell_coaches
from plans.services.versions import Frame, Lineage, move_head, store_version
from plans.services.what_if import what_if_of
from plans.workflow import Action, NotPossible, next_state


def move_session(*, plan_id: UUID, session_id: UUID, day: date, acting_user: Actor) -> PlanVersion:
    """Move a session of a published plan within its week, if the coach did not lock it and no safety guard breaks.

    Raises:
        NotVisible, NotPermitted: outside the user's scope; not theirs, locked, or the race itself.
        WrongState: nothing is published, the coach is revising the plan, or a safety guard would break.
        InvalidInput: another week, or the past.
    """
    with unit_of_work(acting_user):
        plan = lock_plan(acting_user, Action.MOVE_SESSION, plan_id)
        try:
            state = next_state(plan.state, Action.MOVE_SESSION, has_active=plan.active_version_id is not None)
        except NotPossible as error:
            raise wrong_state(error) from error
        head = plan.head_version
        assert head is not None
        before = content_of(head)
        entry = before["sessions"].get(str(session_id))
        if entry is None:
            raise NotVisible("The plan has no such session.")
        _check(plan, entry, day)
        if entry["day"] == day.isoformat():
            return head
        after = deepcopy(before)
        after["sessions"][str(session_id)]["day"] = day.isoformat()
        predicted = _refuse_overload(plan, head, before, after)
        baseline = content_of(baseline_of(head))
        version, _ = store_version(
            plan,
            after,
            Frame.of(head, predicted=predicted),
            status=state,
            author_id=actor_id(acting_user),
            lineage=Lineage(head, before, head.baseline_version_id, baseline),
        )
        _accept(plan, version, acting_user)
        plan.active_version = version
        move_head(plan, version, state)
        details = {"parent_version_id": str(head.pk), "session_id": str(session_id)}
        days = {"from_day": entry["day"], "to_day": day.isoformat()}
        announce(plan, version, Action.MOVE_SESSION, details={**details, **days})
        tell_coaches(plan, "session.moved", dedupe=str(version.pk))
        return version


def _check(plan: Plan, entry: dict[str, object], day: date) -> None:
    old = date.fromisoformat(str(entry["day"]))
    if entry["kind"] == "race" and old == plan.race_date:
        raise NotPermitted("The race stays on its day.")
    if entry.get("locked"):
        raise NotPermitted("Your coach locked this session; ask them to move it.")
    if min(old, day) < today_of(plan.athlete):
        raise InvalidInput("Past days cannot be planned any more.", pointer="/day")
    monday = old - timedelta(days=old.weekday())
    if not monday <= day <= monday + timedelta(days=6):
        raise InvalidInput("Sessions move within their week; for more, ask your coach.", pointer="/day")


def _refuse_overload(plan: Plan, head: PlanVersion, before: Content, after: Content) -> dict[str, Any] | None:
    """Return the predicted outcome of the moved plan; refuse a move that breaks a safety guard anew."""
    found = what_if_of(plan, head, before, after)
    if found is None:
        return None
    broken = [guard for guard in found.guards if guard.safety and guard.new]
    if broken:
        raise WrongState("On that day: " + "; ".join(guard.message for guard in broken[:3]) + ". Ask your coach.")
    return asdict(found.after)


def _accept(plan: Plan, version: PlanVersion, acting_user: Actor) -> None:
    """Store the athlete's own word on what they changed: submitted and accepted in one."""
    submission = store_review(plan, version, Decision.SUBMIT, actor_id(acting_user))
    store_review(plan, version, Decision.ACCEPT, actor_id(acting_user), submission=submission)
