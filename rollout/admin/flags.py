"""Flags: the list, and one flag with what moves it; each change needs a reason and goes through a service."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

import waffle.admin  # noqa: F401  (registers its form of our model now, so that we can take it away)
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import acting_user
from common.admin import may
from common.context import unit_of_work
from common.errors import NotVisible
from common.operator_pages import OperatorAdmin, Refused, own_transaction, tell
from rollout.dashboard.flag import flag_page, pills_of
from rollout.dashboard.words import percent
from rollout.models import Flag
from rollout.pages.acting import LEAST_REASON
from rollout.pages.flag_acting import on_flag

# waffle registers a form of its own, which knows nothing of our order or the audit log.
if admin.site.is_registered(Flag):
    admin.site.unregister(Flag)


@admin.register(Flag)
class FlagAdmin(OperatorAdmin):
    view_verb = "rollout:manage"
    list_display = ("name", "state_text", "percent_text", "requires_tier", "description")
    search_fields = ("name",)

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own = [
            path("<uuid:object_id>/change/", wrap(require_safe(self.flag)), name="rollout_flag_change"),
            path(
                "<uuid:object_id>/command/",
                wrap(own_transaction(require_POST(self.command))),
                name="rollout_flag_command",
            ),
        ]
        return [*own, *super().get_urls()]

    @admin.display(description="rollout")
    def percent_text(self, flag: Flag) -> str:
        return percent(flag.rollout_thousandths)

    @admin.display(description="state")
    def state_text(self, flag: Flag) -> str:
        return ", ".join(pill.word for pill in pills_of(flag))

    def flag(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """One flag; `who` in the address looks people up by name for an override."""
        self.allow(request)
        page = flag_page(_flag(object_id), acting_user(request), words=request.GET.get("who", "")[:100])
        may_approve = may(request.user, "rollout:approve")
        context = {"page": page, "least_reason": LEAST_REASON, "may_approve": may_approve}
        return self.page(request, "rollout/flag.html", gettext("Flag %(name)s") % {"name": page.flag.name}, **context)

    def command(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Change, kill, resume, override; what reaches more people of a guarded flag is asked for."""
        self.allow(request)
        user = acting_user(request)
        with unit_of_work(user, read_only=True):
            key = _flag(object_id).name
        with suppress(Refused):
            tell(request, lambda: on_flag(request.POST.dict(), key=key, user=user))
        return HttpResponseRedirect(reverse("admin:rollout_flag_change", args=[object_id]))


def _flag(flag_id: UUID) -> Flag:
    flag: Flag | None = Flag.objects.filter(pk=flag_id).first()
    if flag is None:
        raise NotVisible("There is no such flag.")
    return flag
