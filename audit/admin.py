"""The audit log, to read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from audit.models import AuditEvent
from common.admin import PolicyAdmin, RangeDateFilter


@admin.register(AuditEvent)
class AuditEventAdmin(PolicyAdmin):
    """Events newest first; nothing here can be changed."""

    view_verb = "audit:read"
    list_display = ("occurred_at", "action", "actor_role", "actor_id", "target_type", "target_id", "subject_id")
    list_filter = (("occurred_at", RangeDateFilter), "action", "actor_role")
    list_filter_submit = True
    search_fields = ("actor_id__exact", "subject_id__exact", "target_id__exact", "request_id__exact")
    search_help_text = "Id of an actor, athlete, target or request"
    ordering = ("-id",)
    fields = (
        "occurred_at",
        "action",
        "actor_id",
        "actor_role",
        "target_type",
        "target_id",
        "subject_id",
        "request_id",
        "linked_event_id",
        "metadata_json",
    )

    def visible(self, user: Any) -> Q:
        return Q()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
