"""What people are told about plans."""

from __future__ import annotations

from typing import Any

from accounts.notifications import register_kind
from plans.presentation import RACE_LABELS


def _race(data: dict[str, Any]) -> str:
    return f"{RACE_LABELS.get(data['race'], data['race'])} on {data['race_date']}"


def _page(data: dict[str, Any]) -> str:
    return f"/admin/plans/plan/{data['plan_id']}/change/"


def _resource(data: dict[str, Any]) -> str:
    return f"/api/v1/plans/{data['plan_id']}"


_TO_ATHLETES = {
    "plan.reviewed": "Your coach reviewed your plan: {}. Read and decide.",
    "plan.published": "Your plan is published: {}.",
    "plan.commented": "A new comment on your plan: {}.",
}
_TO_COACHES = {
    "plan.accepted": "An athlete accepted their plan: {}.",
    "plan.changes_requested": "An athlete asks for changes: {}.",
    "plan.commented_by_athlete": "An athlete commented on their plan: {}.",
    "session.moved": "An athlete moved a session: {}.",
}

for _kind, _text in {**_TO_ATHLETES, **_TO_COACHES}.items():
    register_kind(
        _kind,
        title=lambda data, text=_text: text.format(_race(data)),  # type: ignore[misc]
        link=_page if _kind in _TO_COACHES else _resource,
    )
