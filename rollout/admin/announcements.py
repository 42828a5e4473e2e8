"""Release notes, announcements and known issues: written, published and resolved here."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext, gettext_lazy, pgettext, pgettext_lazy
from django.views.decorators.http import require_safe
from unfold.widgets import UnfoldBooleanWidget

from accounts.requests import acting_user
from common.admin import PolicyAdmin
from common.translating.showing import day
from rollout.audience import strip_for
from rollout.markdown import as_html
from rollout.models import Announcement, AnnouncementKind
from rollout.services.announcements import (
    FIELDS,
    change_announcement,
    draft_announcement,
    publish_announcement,
    resolve_issue,
)


class AnnouncementForm(forms.ModelForm[Announcement]):
    publish = forms.BooleanField(
        widget=UnfoldBooleanWidget,
        label=gettext_lazy("Publish"),
        required=False,
        help_text=gettext_lazy("Show it to its audience from now on."),
    )
    resolve = forms.BooleanField(
        widget=UnfoldBooleanWidget,
        label=gettext_lazy("Resolve"),
        required=False,
        help_text=gettext_lazy("The known issue is gone; readers see that."),
    )

    class Meta:
        model = Announcement
        fields = FIELDS
        labels: ClassVar = {
            "audience": pgettext_lazy("announcement", "For"),
            "audience_value": gettext_lazy("Which one"),
            "body": pgettext_lazy("announcement", "Text"),
        }


@admin.register(Announcement)
class AnnouncementAdmin(PolicyAdmin):
    view_verb = add_verb = change_verb = "announcement:write"
    form = AnnouncementForm
    list_display = ("title", "kind", "audience_text", "state_text", "ends_at")
    list_filter = ("kind",)
    search_fields = ("title",)
    list_before_template = "rollout/announcements_before.html"

    def visible(self, user: Any) -> Q:
        return Q()

    def get_urls(self) -> list[Any]:
        news = self.admin_site.admin_view(require_safe(self.news))
        return [path("news/", news, name="rollout_news"), *super().get_urls()]

    def news(self, request: HttpRequest) -> HttpResponse:
        """What is new for whoever reads a page; a part of a page, for everybody who is signed in."""
        rows = strip_for(acting_user(request))
        return TemplateResponse(
            request, "rollout/news.html", {"news": [{"row": row, "html": as_html(row.body)} for row in rows]}
        )

    def get_fields(self, request: HttpRequest, obj: Announcement | None = None) -> list[str]:
        """Offer to publish what is a draft, and to resolve an issue that is open."""
        steps = []
        if obj is None or obj.published_at is None:
            steps = ["publish"]
        elif obj.kind == AnnouncementKind.KNOWN_ISSUE and obj.resolved_at is None:
            steps = ["resolve"]
        return [*FIELDS, *steps]

    @admin.display(description="for")
    def audience_text(self, row: Announcement) -> str:
        return f"{row.get_audience_display()}: {row.audience_value}" if row.audience_value else gettext("Everybody")

    @admin.display(description="state")
    def state_text(self, row: Announcement) -> str:
        if row.published_at is None:
            return gettext("Draft")
        if row.resolved_at:
            return pgettext("announcement", "Resolved")
        return gettext("Published %(day)s") % {"day": day(row.published_at, "j M Y")}

    def save_model(self, request: HttpRequest, obj: Announcement, form: Any, change: bool) -> None:
        user = acting_user(request)
        fields = {name: form.cleaned_data[name] for name in FIELDS}
        if change:
            change_announcement(announcement_id=obj.pk, fields=fields, acting_user=user)
        else:
            obj.pk = draft_announcement(fields=fields, acting_user=user).pk
        if form.cleaned_data.get("publish"):
            publish_announcement(announcement_id=obj.pk, acting_user=user)
        if form.cleaned_data.get("resolve"):
            resolve_issue(announcement_id=obj.pk, acting_user=user)
