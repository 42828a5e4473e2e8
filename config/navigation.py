"""The sidebar: Coaching, Release, Evidence, Governance; each role sees its own pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts.matrix import relation_for

# group, title, icon, page, the verb that a role needs for it
_PAGES = [
    ("Coaching", "Pending plans", "fact_check", "admin:plans_pending", "plan:edit"),
    ("Coaching", "Athletes", "groups", "admin:accounts_athlete_changelist", "athlete:view"),
    ("Coaching", "Plans", "calendar_month", "admin:plans_plan_changelist", "plan:view"),
    ("Coaching", "Shared plans", "share", "admin:plans_plangrant_changelist", "plan:share"),
    ("Coaching", "Test proposals", "speed", "admin:modeling_testproposal_changelist", "history:view"),
    ("Coaching", "Activities", "directions_run", "admin:modeling_activity_changelist", "history:view"),
    ("Release", "Flags", "flag", "admin:rollout_flag_changelist", "rollout:manage"),
    ("Governance", "People", "badge", "admin:accounts_user_changelist", "user:manage"),
    ("Governance", "Coach links", "link", "admin:accounts_coachlink_changelist", "link:manage"),
    ("Governance", "Teams", "diversity_3", "admin:accounts_team_changelist", "user:manage"),
    ("Governance", "Access grants", "key", "admin:accounts_athletegrant_changelist", "athlete:grant"),
    ("Governance", "Audit events", "receipt_long", "admin:audit_auditevent_changelist", "audit:read"),
]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups that hold at least one page of the user's role."""
    role = getattr(request.user, "role", "")
    groups: dict[str, list[dict[str, Any]]] = {}
    for group, title, icon, page, verb in _PAGES:
        if relation_for(role, verb) is not None:
            link = reverse(page)
            item = {"title": title, "icon": icon, "link": link, "active": _is_at(request.path, link)}
            if page == "admin:plans_pending":
                item["badge"] = "config.navigation.pending_badge"
            groups.setdefault(group, []).append(item)
    return [{"title": group, "separator": True, "items": items} for group, items in groups.items()]


def _is_at(path: str, link: str) -> bool:
    """Return whether a page belongs to a link: the pending list lies below all plans, but is its own entry."""
    pending = reverse("admin:plans_pending")
    return path == link if pending in (path, link) else path.startswith(link)


def pending_badge(request: HttpRequest) -> str:
    """Return how many plans await the user's review; nothing where none do.

    Imported late: the admin site is named in INSTALLED_APPS, and so this module is read before there are models.
    """
    from accounts.requests import acting_user
    from common.context import in_unit_of_work
    from plans.pending import MOST, pending_count

    if not in_unit_of_work():
        return ""
    count = pending_count(acting_user(request))
    return f"{count}+" if count == MOST else str(count or "")
