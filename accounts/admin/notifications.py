"""The signed-in user's own notifications: what is new, where it leads, and what was read."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from accounts.models import Notification, User
from accounts.notifications import text_or_name
from accounts.requests import acting_user
from accounts.services.notify import mark_read, unread_count
from common.admin import PolicyAdmin

PAGE_SIZE: Final = 50


@admin.register(Notification)
class NotificationAdmin(PolicyAdmin):
    """Everybody reads their own; nobody adds, changes or deletes one."""

    def visible(self, user: Any) -> Q:
        return Q(user=user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_authenticated

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_authenticated and (obj is None or obj.user_id == request.user.pk)

    def get_urls(self) -> list[Any]:
        read = self.admin_site.admin_view(require_POST(self.read))
        return [path("read/", read, name="accounts_notification_read"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, newest first; `unread` leaves out what was read, `before` is the id that ended the last page."""
        found = inbox_context(
            acting_user(request), only_unread="unread" in request.GET, before=_id(request.GET.get("before", ""))
        )
        return self.render(request, "accounts/notifications.html", "Notifications", found)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """There is nothing to see of one alone: go to the list."""
        return HttpResponseRedirect(reverse("admin:accounts_notification_changelist"))

    def read(self, request: HttpRequest) -> HttpResponse:
        """Mark one as read, or all of them."""
        chosen = _id(request.POST.get("id", ""))
        mark_read(ids=None if "all" in request.POST else [chosen] if chosen else [], acting_user=acting_user(request))
        back = reverse("admin:accounts_notification_changelist")
        return HttpResponseRedirect(f"{back}?unread" if "unread" in request.POST else back)


def inbox_context(user: User, *, only_unread: bool, before: UUID | None) -> dict[str, Any]:
    """Return a page of the user's notifications and how many are unread; two queries for any number."""
    rows = Notification.objects.filter(user=user).order_by("-id")
    rows = rows.filter(read_at=None) if only_unread else rows
    page = list((rows.filter(pk__lt=before) if before else rows)[: PAGE_SIZE + 1])
    older = (
        {"before": str(page[PAGE_SIZE - 1].pk), **({"unread": ""} if only_unread else {})} if page[PAGE_SIZE:] else {}
    )
    return {
        "rows": [{"row": row, "text": text_or_name(row.kind, row.data)} for row in page[:PAGE_SIZE]],
        "unread": unread_count(user),
        "only_unread": only_unread,
        "older": f"?{urlencode(older)}" if older else "",
        "is_first": before is None,
    }


def _id(raw: str) -> UUID | None:
    try:
        return UUID(raw)
    except ValueError:
        return None
