"""What may be done on the review page, and the line above the calendar that says in which state the plan is and why."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from accounts.matrix import relation_for
from accounts.models import User
from accounts.scope import verbs_on
from common.keys import key_ring
from common.translating.showing import shown
from modeling.tagging.fitting import is_available
from plans.models import Decision, Plan, PlanReview
from plans.tags import VERB as TAGS
from plans.workflow import TABLE, VERB, Action, State

_CLOSED: Final = {
    State.APPROVED: "Approved: it is being published. Load the page again in a moment.",
    State.COMPLETED: "Completed: this cycle is over. The page is a record and cannot be edited.",
    State.SUPERSEDED: "Superseded: the athlete trains by a newer plan. This one is a record and cannot be edited.",
    State.WITHDRAWN: "Withdrawn: this plan was taken back. It is a record and cannot be edited; generate a new one.",
}
_NOT_YOURS: Final = "You may read this plan. Editing it is for the athlete’s coaches and for administrators."
_OVER: Final = "The last day of this plan is past. Nothing is left to edit."


def rights_of(plan: Plan, user: User, today: date) -> dict[str, bool]:
    """Return whether the user may edit, submit, comment, tag and generate again, here and now; one query."""
    verbs = verbs_on(user, plan.athlete_id, (VERB[Action.SAVE], TAGS))
    role_edits = VERB[Action.SAVE] in verbs
    state, is_over = State(plan.status), _is_over(plan, today)
    return {
        "edit": role_edits and not is_over and (state, Action.SAVE) in TABLE,
        "submit": role_edits and not is_over and (state, Action.SUBMIT) in TABLE,
        "regenerate": role_edits and today < plan.race_date and (state, Action.REGENERATE) in TABLE,
        "comment": relation_for(user.role, "plan:comment") is not None,
        "tag": TAGS in verbs and is_available(),
        "own": role_edits,
    }


def banners_of(plan: Plan, rights: dict[str, bool], today: date) -> dict[str, dict[str, str]]:
    """Return {text, tone} by state, for the plan's own and for those that saving and submitting here lead to.

    A state without a line has nothing to explain. `tone`: info, or warn where something is refused or asked for.
    """
    state = State(plan.status)
    trains_by = f"v{plan.active_version.version_number}" if plan.active_version else ""
    found = {
        State.COACH_REVIEWED: _info(
            "Submitted: the athlete decides. Saving an edit takes the plan back to draft and the submission with it."
        )
    }
    if trains_by:
        found[State.DRAFT] = _info(f"The athlete goes on training by {trains_by} until they accept this revision.")
        found[State.PUBLISHED] = _info(
            f"Published: the athlete trains by {trains_by}. Saving an edit starts a revision; {trains_by} counts until "
            "they accept it."
        )
    if state is State.NEEDS_REVISION:
        found[state] = {"text": _what_was_asked(plan), "tone": "warn"}
    why_not = _CLOSED.get(state) or (_NOT_YOURS if not rights["own"] else _OVER if _is_over(plan, today) else "")
    if why_not:
        found[state] = {"text": shown(why_not), "tone": "warn"}
    return {str(name.value): banner for name, banner in found.items()}


def _info(text: str) -> dict[str, str]:
    return {"text": shown(text), "tone": "info"}


def _is_over(plan: Plan, today: date) -> bool:
    weeks: list[dict[str, Any]] = plan.head_version.weeks_json if plan.head_version else []
    last = date.fromisoformat(weeks[-1]["monday"]) + timedelta(days=6) if weeks else plan.race_date
    return max(last, plan.race_date) < today


def _what_was_asked(plan: Plan) -> str:
    """Return that changes were requested, with the words of whoever did."""
    decisions = PlanReview.objects.filter(plan=plan, decision=Decision.REQUEST_CHANGES)
    newest = decisions.order_by("-version__version_number", "-id").first()  # an id holds a clock that may be wrong
    said = key_ring([plan.athlete_id]).read(plan.athlete_id, newest.comment) if newest and newest.comment else ""
    return f"Changes were requested: “{said}”" if said else "Changes were requested; see the comments."
