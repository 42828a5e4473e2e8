"""Break-glass: an administrator opens it with a reason; compliance reads what it was used for and marks it reviewed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from accounts.admin.erasure import PAGE
from accounts.directory import user_names
from accounts.models import BreakGlass
from accounts.requests import acting_user
from accounts.services.break_glass import (
    LASTS,
    close_break_glass,
    open_break_glass,
    open_glass_of,
    review_break_glass,
)
from audit.models import AuditEvent
from common.admin import PolicyAdmin, may
from common.errors import DomainError, NotPermitted, NotVisible
from common.keys import key_ring
from common.translating.showing import shown


@admin.register(BreakGlass)
class BreakGlassAdmin(PolicyAdmin):
    view_verb = "audit:read"

    def visible(self, user: Any) -> Q:
        return Q()

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.queue), name="accounts_breakglass_changelist"),
            path("open/", wrap(self.open), name="break_glass_open"),
            path("close/", wrap(require_POST(self.close)), name="break_glass_close"),
            path("<uuid:pk>/review/", wrap(require_POST(self.review)), name="break_glass_review"),
        ]

    def queue(self, request: HttpRequest) -> HttpResponse:
        """Uses to review first, then the others; an administrator sees them as well, to know what is on record."""
        self.require_view(request)
        rows = _shown()
        context = {
            "waiting": [row for row in rows if not row["row"].reviewed_at],
            "reviewed": [row for row in rows if row["row"].reviewed_at],
            "may_review": may(request.user, "audit:review"),
            "may_open": may(request.user, "audit:break_glass"),
            "glass": open_glass_of(request.user),
            "page_size": PAGE,
        }
        return self.render(request, "accounts/break_glass.html", "Break-glass", context)

    def open(self, request: HttpRequest) -> HttpResponse:
        """Ask for the reason, then open."""
        if not may(request.user, "audit:break_glass"):
            raise NotPermitted("Your role has no break-glass.")
        if request.method == "POST":
            try:
                open_break_glass(reason=request.POST.get("reason", ""), acting_user=acting_user(request))
            except (NotVisible, NotPermitted):
                raise
            except DomainError as error:
                messages.error(request, shown(error.detail))
                return HttpResponseRedirect(request.get_full_path())
            return HttpResponseRedirect(reverse("admin:audit_auditevent_changelist"))
        minutes = LASTS.seconds // 60
        return self.render(request, "accounts/break_glass_open.html", "Break the glass", {"minutes": minutes})

    def close(self, request: HttpRequest) -> HttpResponse:
        """End one's own."""
        if not may(request.user, "audit:break_glass"):
            raise NotPermitted("Your role has no break-glass.")
        try:
            close_break_glass(acting_user=acting_user(request))
            messages.success(request, shown("Closed: what people wrote is hidden again."))
        except (NotVisible, NotPermitted):
            raise
        except DomainError as error:
            messages.error(request, shown(error.detail))
        return HttpResponseRedirect(reverse("admin:audit_auditevent_changelist"))

    def review(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Mark a use as reviewed."""
        try:
            review_break_glass(glass_id=pk, note=request.POST.get("note", ""), acting_user=acting_user(request))
            messages.success(request, shown("Marked as reviewed."))
        except (NotVisible, NotPermitted):
            raise
        except DomainError as error:
            messages.error(request, shown(error.detail))
        return HttpResponseRedirect(reverse("admin:accounts_breakglass_changelist"))


def _shown() -> list[dict[str, Any]]:
    """Return uses, those not reviewed first, with what was read; four queries for any number."""
    rows = sorted(BreakGlass.objects.all()[:PAGE], key=lambda row: row.reviewed_at is not None)
    people = user_names({row.user_id for row in rows} | {row.reviewed_by_id for row in rows if row.reviewed_by_id})
    ring = key_ring({pk for row in rows for pk in (row.user_id, row.reviewed_by_id) if pk})
    reads: dict[UUID, list[AuditEvent]] = {row.pk: [] for row in rows}
    for event in AuditEvent.objects.filter(action="break_glass.read", target_id__in=list(reads)).order_by("id"):
        reads[event.target_id].append(event)  # type: ignore[index]  # filtered by it
    return [
        {
            "row": row,
            "who": people.get(row.user_id, "unknown person"),
            "reason": ring.read(row.user_id, row.reason),
            "reviewed_by": people.get(row.reviewed_by_id, "") if row.reviewed_by_id else "",
            "note": ring.read(row.reviewed_by_id, row.review_note) if row.reviewed_by_id else "",
            "pages": len(reads[row.pk]),
            "events": sum(event.metadata_json.get("events", 0) for event in reads[row.pk]),
        }
        for row in rows
    ]
