"""Legal holds: what must not be erased or removed, why, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_POST

from accounts.admin.erasure import PAGE, pick_context, picked
from accounts.directory import athlete_names, user_names
from accounts.models import LegalHold
from accounts.requests import acting_user
from accounts.services.holds import lift_hold, place_hold
from common.admin import PolicyAdmin
from common.errors import DomainError, InvalidInput, NotPermitted, NotVisible
from common.keys import key_ring
from common.translating.showing import shown


@admin.register(LegalHold)
class LegalHoldAdmin(PolicyAdmin):
    view_verb = add_verb = "hold:manage"

    def visible(self, user: Any) -> Q:
        return Q()

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.page), name="accounts_legalhold_changelist"),
            path("add/", wrap(self.add), name="accounts_legalhold_add"),
            path("<uuid:pk>/lift/", wrap(require_POST(self.lift)), name="hold_lift"),
        ]

    def page(self, request: HttpRequest) -> HttpResponse:
        """Every hold, newest first."""
        self.require_view(request)
        return self.render(request, "accounts/holds.html", "Legal holds", {"rows": _shown(), "page_size": PAGE})

    def add(self, request: HttpRequest) -> HttpResponse:
        """Place a hold."""
        self.require_view(request)
        if request.method == "POST":
            try:
                place_hold(
                    athlete_id=picked(request),
                    reason=request.POST.get("reason", ""),
                    held_until=_end_of(request.POST.get("held_until", "")),
                    acting_user=acting_user(request),
                )
            except NotPermitted:
                raise
            except DomainError as error:
                messages.error(request, shown(error.detail))
                return HttpResponseRedirect(request.get_full_path())
            messages.success(request, shown("Placed: nothing about this athlete is erased or removed from now on."))
            return HttpResponseRedirect(reverse("admin:accounts_legalhold_changelist"))
        return self.render(request, "accounts/hold_add.html", "Place a legal hold", pick_context(request))

    def lift(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """End a hold now."""
        try:
            lift_hold(hold_id=pk, reason=request.POST.get("reason", ""), acting_user=acting_user(request))
            messages.success(request, shown("Lifted."))
        except (NotVisible, NotPermitted):
            raise
        except DomainError as error:
            messages.error(request, shown(error.detail))
        return HttpResponseRedirect(reverse("admin:accounts_legalhold_changelist"))


def _shown() -> list[dict[str, Any]]:
    rows = list(LegalHold.objects.all()[:PAGE])
    names = athlete_names([row.athlete_id for row in rows])
    people = user_names({row.placed_by_id for row in rows} | {row.ended_by_id for row in rows if row.ended_by_id})
    ring = key_ring([row.athlete_id for row in rows])
    return [
        {
            "row": row,
            "athlete": names.get(row.athlete_id, "unknown athlete"),
            "placed_by": people.get(row.placed_by_id, "the server"),
            "ended_by": people.get(row.ended_by_id, "the server") if row.ended_by_id else "",
            "reason": ring.read(row.athlete_id, row.reason),
        }
        for row in rows
    ]


def _end_of(raw: str) -> datetime | None:
    """Return the end (UTC) of a day in a form; None where it is blank.

    Raises:
        InvalidInput: it is no day.
    """
    if not raw:
        return None
    try:
        day = parse_date(raw)
    except ValueError:
        day = None
    if day is None or day.year > 9000:
        raise InvalidInput("The end is no day.", pointer="/held_until")
    return datetime.combine(day + timedelta(days=1), time(), UTC)
