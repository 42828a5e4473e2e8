"""What stakeholders were told, and what did not reach them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext

from common.admin import PolicyAdmin
from common.translating.showing import shown
from rollout.models import MessageGroup, MessageState, RolloutMessage


@admin.register(RolloutMessage)
class RolloutMessageAdmin(PolicyAdmin):
    view_verb = "rollout:manage"
    list_display = ("subject", "kind", "group", "state", "written", "attempts", "last_error")
    list_filter = ("state", "kind", "group")
    search_fields = ("subject",)
    fields = (
        "subject",
        "as_written",
        "kind",
        "group",
        "state",
        "written",
        "sent_at",
        "attempts",
        "next_try",
        "last_error",
    )
    readonly_fields = fields
    list_before_template = "rollout/messages_before.html"

    def visible(self, user: Any) -> Q:
        return Q()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Say which groups nobody gave an address."""
        silent = [shown(group.label.lower()) for group in MessageGroup if not settings.NOTIFY_URLS[group]]
        return super().changelist_view(request, {**(extra_context or {}), "silent_groups": silent})

    @admin.display(description="text")
    def as_written(self, row: RolloutMessage) -> str:
        return format_html('<div style="white-space:pre-wrap;overflow-wrap:anywhere">{}</div>', row.text)

    @admin.display(description="written", ordering="id")
    def written(self, row: RolloutMessage) -> str:
        return _moment(row.created_at)

    @admin.display(description="next try", empty_value="none")
    def next_try(self, row: RolloutMessage) -> str | None:
        waits = row.state in (MessageState.PENDING, MessageState.FAILED)
        return _moment(row.next_try_at) if waits else None


def _moment(at: datetime) -> str:
    """Return a time (UTC) to the minute."""
    return str(date_format(at, gettext("j M H:i")))
