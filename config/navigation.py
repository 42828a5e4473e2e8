"""The sidebar: Coaching, Release, Support, Evidence, Governance; each role sees its own pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.matrix import relation_for
from common.translating.showing import shown

# group, title, icon, page, the verb that a role needs for it
_PAGES = [
    ("Coaching", "Pending plans", "fact_check", "admin:plans_pending", "plan:edit"),
    ("Coaching", "Athletes", "groups", "admin:accounts_athlete_changelist", "athlete:view"),
    ("Coaching", "Plans", "calendar_month", "admin:plans_plan_changelist", "plan:view"),
    ("Coaching", "Shared plans", "share", "admin:plans_plangrant_changelist", "plan:share"),
    ("Coaching", "Test proposals", "speed", "admin:modeling_testproposal_changelist", "history:view"),
    ("Coaching", "Activities", "directions_run", "admin:modeling_activity_changelist", "history:view"),
    ("Coaching", "Model and you", "school", "coach-report", "coach_report:view"),
    ("Release", "Rollouts", "rocket_launch", "admin:rollout_rollout_changelist", "rollout:manage"),
    ("Release", "Approvals", "group_add", "admin:rollout_approval_changelist", "rollout:approve"),
    ("Release", "Incidents", "emergency_home", "admin:rollout_incident_changelist", "rollout:manage"),
    ("Release", "Flags", "flag", "admin:rollout_flag_changelist", "rollout:manage"),
    ("Release", "Announcements", "campaign", "admin:rollout_announcement_changelist", "announcement:write"),
    ("Release", "Messages", "outgoing_mail", "admin:rollout_rolloutmessage_changelist", "rollout:manage"),
    ("Support", "Report queue", "support_agent", "admin:rollout_report_changelist", "report:work"),
    ("Evidence", "Experiments", "science", "admin:experiments_experiment_changelist", "experiment:manage"),
    ("Evidence", "Models", "model_training", "admin:modeling_algorithmversion_changelist", "model:manage"),
    ("Evidence", "Overrides", "edit_attributes", "overrides", "model:manage"),
    ("Evidence", "Metrics", "monitoring", "metrics-overview", "metrics:view"),
    ("Evidence", "Service health", "monitor_heart", "metrics-service", "service:view"),
    ("Governance", "People", "badge", "admin:accounts_user_changelist", "user:manage"),
    ("Governance", "Coach links", "link", "admin:accounts_coachlink_changelist", "link:manage"),
    ("Governance", "Teams", "diversity_3", "admin:accounts_team_changelist", "user:manage"),
    ("Governance", "Access grants", "key", "admin:accounts_athletegrant_changelist", "athlete:grant"),
    ("Governance", "Audit", "receipt_long", "admin:audit_auditevent_changelist", "audit:read"),
    ("Evidence", "Alerts", "notifications_active", "admin:telemetry_alertincident_changelist", "telemetry:operate"),
    ("Evidence", "Dead letters", "drafts", "admin:telemetry_deadletter_changelist", "telemetry:operate"),
    ("Governance", "Break-glass", "visibility", "admin:accounts_breakglass_changelist", "audit:read"),
    ("Governance", "Legal holds", "gavel", "admin:accounts_legalhold_changelist", "hold:manage"),
    ("Governance", "Erasure", "person_remove", "admin:accounts_erasurerequest_changelist", "erasure:confirm"),
]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups that hold at least one page of the user's role."""
    role = getattr(request.user, "role", "")
    groups: dict[str, list[dict[str, Any]]] = {}
    for group, title, icon, page, verb in _PAGES:
        if relation_for(role, verb) is not None:
            link = reverse(page)
            item = {"title": shown(title), "icon": icon, "link": link, "active": _is_at(request.path, link)}
            if page == "admin:plans_pending":
                item |= _badge(request, "pending_count")
            groups.setdefault(group, []).append(item)
    if groups:
        own = [_own_reports(request)] if _files_reports(role) else []
        groups["You"] = [*own, _notifications(request)]
    return [{"title": shown(group), "separator": True, "items": items} for group, items in groups.items()]


def account(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the entries of the user's menu."""
    own = [{"title": _("Preferences"), "link": reverse("preferences")}]
    if getattr(request.user, "has_usable_password", bool)():
        own.append({"title": _("Change password"), "link": reverse("admin:password_change")})
    return own


def _files_reports(role: str) -> bool:
    """Return whether a role files reports and works none: who works them has the queue."""
    return relation_for(role, "report:add") is not None and relation_for(role, "report:work") is None


def _own_reports(request: HttpRequest) -> dict[str, Any]:
    link = reverse("admin:rollout_report_changelist")
    return {"title": shown("Your reports"), "icon": "support_agent", "link": link, "active": _is_at(request.path, link)}


def _notifications(request: HttpRequest) -> dict[str, Any]:
    """Return everybody's own entry; it comes last, since the first is where a role lands."""
    link = reverse("admin:accounts_notification_changelist")
    item = {
        "title": shown("Notifications"),
        "icon": "notifications",
        "link": link,
        "active": _is_at(request.path, link),
    }
    return item | _badge(request, "unread_count")


def _is_at(path: str, link: str) -> bool:
    """Return whether a page belongs to a link: the pending list lies below all plans, but is its own entry."""
    pending = reverse("admin:plans_pending")
    return path == link if pending in (path, link) else path.startswith(link)


def _badge(request: HttpRequest, name: str) -> dict[str, str]:
    """Return the entry's badge, nothing where the count is 0 (the theme would draw an empty one).

    A page that knows the number puts it on the request. Imported late: the admin site is named in INSTALLED_APPS, and
    so this module is read before there are models.
    """
    from accounts.requests import acting_user
    from accounts.services.notify import MOST_UNREAD, unread_count
    from common.context import in_unit_of_work
    from plans.pending import MOST, pending_count

    if not in_unit_of_work():
        return {}
    count, most = {"pending_count": (pending_count, MOST), "unread_count": (unread_count, MOST_UNREAD)}[name]
    if not hasattr(request, name):
        setattr(request, name, count(acting_user(request)))
    found: int = getattr(request, name)
    return {"badge": f"{found}+" if found == most else str(found)} if found else {}
