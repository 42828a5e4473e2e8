"""The audit log, to read: a list with filters, one event, an athlete's timeline, a file to take away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from audit.models import AuditEvent
from audit.pages import event_context, list_context, parse, timeline_context
from audit.policies import READINGS
from audit.services.download_events import CONTENT_TYPE, download_events
from common import clock, throttle
from common.admin import PolicyAdmin
from common.context import unit_of_work
from common.errors import NotVisible


def _own_transaction(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view that opens its own units of work: what break-glass showed is recorded before it leaves."""

    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs)  # type: ignore[no-any-return]

    run.own_transaction = True  # type: ignore[attr-defined]
    return run


@admin.register(AuditEvent)
class AuditEventAdmin(PolicyAdmin):
    """Events newest first; nothing here can be changed."""

    view_verb = "audit:read"

    def visible(self, user: Any) -> Q:
        return Q()

    def get_urls(self) -> list[Any]:
        def wrap(view: Callable[..., Any]) -> Callable[..., Any]:
            return self.admin_site.admin_view(_own_transaction(view))

        return [
            path("", wrap(self.list_page), name="audit_auditevent_changelist"),
            path("export/", wrap(require_POST(self.export)), name="audit_export"),
            path("athlete/<uuid:athlete_id>/", wrap(self.timeline_page), name="audit_athlete"),
            path("<uuid:event_id>/change/", wrap(self.event_page), name="audit_auditevent_change"),
        ]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """The list; filters are in the address, so that a view of the log can be passed on."""
        return self._page(
            request, "audit/events.html", gettext("Audit"), lambda: list_context(request.user, request.GET.dict())
        )

    def event_page(self, request: HttpRequest, event_id: UUID) -> HttpResponse:
        """One event."""
        return self._page(
            request, "audit/event.html", gettext("Audit event"), lambda: event_context(request.user, event_id)
        )

    def timeline_page(self, request: HttpRequest, athlete_id: UUID) -> HttpResponse:
        """What happened about one athlete."""
        return self._page(
            request,
            "audit/timeline.html",
            gettext("Athlete’s timeline"),
            lambda: timeline_context(request.user, athlete_id, request.GET.dict()),
            subject_id=athlete_id,
        )

    def export(self, request: HttpRequest) -> StreamingHttpResponse:
        """The chosen events as a file; the export is itself recorded, with row count and hash."""
        throttle.take("export", str(request.user.pk))
        asked = parse(request.POST.dict())
        if asked.wrong:
            raise NotVisible("; ".join(asked.wrong))
        download = download_events(chosen=asked.chosen, acting_user=request.user)
        name = f"audit-{clock.now():%Y%m%dT%H%M%S}.csv"
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-SHA256": download.sha256,
        }
        return StreamingHttpResponse(download.chunks(), content_type=CONTENT_TYPE, headers=headers)

    def _page(
        self,
        request: HttpRequest,
        template: str,
        title: str,
        make: Callable[[], dict[str, Any]],
        *,
        subject_id: UUID | None = None,
    ) -> HttpResponse:
        """Render a page inside a read-only unit of work; where break-glass showed it, record that, or show nothing."""
        with unit_of_work(request.user, read_only=True):  # type: ignore[arg-type]  # admin_view lets nobody else in
            found = make()
            context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "is_fullwidth": "1"}
            response = TemplateResponse(request, template, {**context, **found}).render()
        if found["glass"] is not None:
            with unit_of_work(request.user):  # type: ignore[arg-type]
                READINGS.get("accounts")(request.user, page=request.path, subject_id=subject_id, events=found["shown"])
        return response

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
