"""The sidebar: Coaching, Release, Evidence, Governance; each role sees its own pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts.matrix import relation_for

# group, title, icon, page, the verb that a role needs for it
_PAGES = [
    ("Coaching", "Athletes", "groups", "admin:accounts_athlete_changelist", "athlete:view"),
    ("Coaching", "Plans", "calendar_month", "admin:plans_plan_changelist", "plan:view"),
    ("Coaching", "Test proposals", "speed", "admin:modeling_testproposal_changelist", "history:view"),
    ("Coaching", "Activities", "directions_run", "admin:modeling_activity_changelist", "history:view"),
    ("Release", "Flags", "flag", "admin:rollout_flag_changelist", "rollout:manage"),
    ("Governance", "People", "badge", "admin:accounts_user_changelist", "user:manage"),
    ("Governance", "Coach links", "link", "admin:accounts_coachlink_changelist", "link:manage"),
    ("Governance", "Teams", "diversity_3", "admin:accounts_team_changelist", "user:manage"),
    ("Governance", "Audit events", "receipt_long", "admin:audit_auditevent_changelist", "audit:read"),
]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups that hold at least one page of the user's role."""
    role = getattr(request.user, "role", "")
    groups: dict[str, list[dict[str, Any]]] = {}
    for group, title, icon, page, verb in _PAGES:
        if relation_for(role, verb) is not None:
            groups.setdefault(group, []).append({"title": title, "icon": icon, "link": reverse(page)})
    return [{"title": group, "separator": True, "items": items} for group, items in groups.items()]
