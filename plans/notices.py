"""What people are told about plans."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext, gettext_noop

from accounts.notifications import register_kind
from common.translating.showing import day
from plans.presentation import race_label


def _race(data: dict[str, Any]) -> str:
    """Return "Marathon on 3 May 2026", in the language at hand."""
    at = date.fromisoformat(data["race_date"])
    return gettext("{race} on {day}").format(race=race_label(data["race"]), day=day(at, "j M Y"))


def _page(data: dict[str, Any]) -> str:
    return f"/admin/plans/plan/{data['plan_id']}/change/"


def _resource(data: dict[str, Any]) -> str:
    return f"/api/v1/plans/{data['plan_id']}"


_TO_ATHLETES = {
    "plan.reviewed": gettext_noop("Your coach reviewed your plan: {}. Read and decide."),
    "plan.published": gettext_noop("Your plan is published: {}."),
    "plan.commented": gettext_noop("A new comment on your plan: {}."),
}
_TO_COACHES = {
    "plan.accepted": gettext_noop("An athlete accepted their plan: {}."),
    "plan.changes_requested": gettext_noop("An athlete asks for changes: {}."),
    "plan.commented_by_athlete": gettext_noop("An athlete commented on their plan: {}."),
    "session.moved": gettext_noop("An athlete moved a session: {}."),
}

for _kind, _text in {**_TO_ATHLETES, **_TO_COACHES}.items():
    register_kind(
        _kind,
        title=lambda data, text=_text: gettext(text).format(_race(data)),  # type: ignore[misc]
        link=_page if _kind in _TO_COACHES else _resource,
    )
