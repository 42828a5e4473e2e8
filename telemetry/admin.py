"""Events that could not be published, to read and to put back."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from common.admin import PolicyAdmin
from common.errors import DomainError, NotPermitted, NotVisible
from common.translating.showing import day, said
from telemetry.models import DeadLetter
from telemetry.pages import alerts  # noqa: F401  (registers the pages)
from telemetry.services.dead_letters import OPERATE, retry_dead_letter


@admin.register(DeadLetter)
class DeadLetterAdmin(PolicyAdmin):
    """Dead letters newest first; nothing here can be changed, but any can be put back with a reason."""

    view_verb = OPERATE
    list_display = ("type", "happened", "died", "attempts", "reason")
    list_filter = ("type",)
    fields = ("type", "happened", "died", "attempts", "reason", "event")
    readonly_fields = fields
    change_form_outer_before_template = "telemetry/dead_letter_before.html"

    class Media:
        css = {"all": ["audit/audit.css"]}  # noqa: RUF012  (Django's own form)

    def visible(self, user: Any) -> Q:
        return Q()

    def get_urls(self) -> list[Any]:
        retry = self.admin_site.admin_view(require_POST(self.retry))
        return [path("<uuid:pk>/retry/", retry, name="telemetry_deadletter_retry"), *super().get_urls()]

    def retry(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Put it back."""
        try:
            retry_dead_letter(letter_id=pk, reason=request.POST.get("reason", ""), acting_user=request.user)
            messages.success(request, said("Back in the outbox; the relay tries it within seconds."))
        except (NotVisible, NotPermitted):
            raise
        except DomainError as error:
            messages.error(request, said(error.detail))
            return HttpResponseRedirect(reverse("admin:telemetry_deadletter_change", args=[pk]))
        return HttpResponseRedirect(reverse("admin:telemetry_deadletter_changelist"))

    @admin.display(description="happened", ordering="occurred_at")
    def happened(self, row: DeadLetter) -> str:
        return day(row.occurred_at, "j M Y H:i")

    @admin.display(description="put aside", ordering="created_at")
    def died(self, row: DeadLetter) -> str:
        return day(row.created_at, "j M Y H:i")

    @admin.display(description="event")
    def event(self, row: DeadLetter) -> str:
        text = json.dumps(row.data, indent=2, ensure_ascii=True)
        return format_html('<pre style="white-space:pre-wrap;overflow-wrap:anywhere">{}</pre>', text)
