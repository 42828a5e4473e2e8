"""The queue of people to erase: who asked, what would go, and a second administrator who confirms or refuses."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from accounts.directory import athlete_names, athletes_named, user_names
from accounts.holds import held_among
from accounts.models import ErasureRequest, ErasureState
from accounts.requests import acting_user
from accounts.services.erasure import confirm_erasure, refuse_erasure, request_erasure, what_would_go
from common.actors import actor_id
from common.admin import PolicyAdmin
from common.context import COMMAND_LINE
from common.errors import DomainError, NotPermitted, NotVisible
from common.keys import key_ring
from common.translating.showing import shown

PAGE = 50


def picked(request: HttpRequest) -> UUID:
    """Return the athlete whom a form names.

    Raises:
        NotVisible: none was chosen.
    """
    try:
        return UUID(request.POST.get("athlete", ""))
    except ValueError:
        raise NotVisible("Choose an athlete first.") from None


def pick_context(request: HttpRequest) -> dict[str, Any]:
    """Return what the form to choose an athlete shows: those whose name was searched, or the one in the address."""
    text = request.GET.get("q", "").strip()[:100]
    try:
        named = athlete_names([UUID(request.GET.get("athlete", ""))])
    except ValueError:
        named = {}
    found = athletes_named(text) if text else list(named.items())
    times = Counter(name for _, name in found)
    labelled = [(pk, f"{name} (…{str(pk)[-4:]})" if times[name] > 1 else name) for pk, name in found]
    return {"q": text, "found": labelled, "only_one": len(found) == 1}


@admin.register(ErasureRequest)
class ErasureRequestAdmin(PolicyAdmin):
    view_verb = add_verb = "erasure:confirm"

    def visible(self, user: Any) -> Q:
        return Q()

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.queue), name="accounts_erasurerequest_changelist"),
            path("add/", wrap(self.add), name="accounts_erasurerequest_add"),
            path("<uuid:pk>/change/", wrap(self.page), name="accounts_erasurerequest_change"),
            path("<uuid:pk>/confirm/", wrap(require_POST(self.confirm)), name="erasure_confirm"),
            path("<uuid:pk>/refuse/", wrap(require_POST(self.refuse)), name="erasure_refuse"),
        ]

    def queue(self, request: HttpRequest) -> HttpResponse:
        """Open requests first, then what was decided."""
        self.require_view(request)
        rows = list(ErasureRequest.objects.filter(state=ErasureState.OPEN)[:PAGE])
        decided = list(ErasureRequest.objects.exclude(state=ErasureState.OPEN)[:PAGE])
        context = {"open": _shown(rows), "decided": _shown(decided), "page_size": PAGE}
        return self.render(request, "accounts/erasures.html", "Erasure", context)

    def add(self, request: HttpRequest) -> HttpResponse:
        """Enter a request that came by mail or telephone."""
        self.require_view(request)
        if request.method == "POST":
            try:
                asked = request_erasure(
                    athlete_id=picked(request),
                    reason=request.POST.get("reason", ""),
                    acting_user=acting_user(request),
                )
            except NotPermitted:
                raise
            except DomainError as error:
                messages.error(request, shown(error.detail))
                return HttpResponseRedirect(request.get_full_path())
            messages.success(request, shown("Entered. Another administrator confirms or refuses it."))
            return HttpResponseRedirect(reverse("admin:accounts_erasurerequest_change", args=[asked.pk]))
        return self.render(request, "accounts/erasure_add.html", "Enter a request", pick_context(request))

    def page(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """One request, and table by table what confirming it would do."""
        self.require_view(request)
        asked = ErasureRequest.objects.filter(pk=pk).first()
        if asked is None:
            raise NotVisible("There is no such request.")
        is_open = asked.state == ErasureState.OPEN
        preview = what_would_go(athlete_id=asked.athlete_id, acting_user=acting_user(request)) if is_open else None
        context = {
            "item": _shown([asked])[0],
            "lines": [line for line in preview.tables if line.rows] if preview else [],
            "report": sorted(asked.report.items()),
            "is_open": is_open,
            "is_own": asked.requested_by_id == acting_user(request).pk,
            "is_held": bool(held_among([asked.athlete_id])),
        }
        return self.render(request, "accounts/erasure.html", "Request to erase", context)

    def confirm(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Erase; the name has to be typed, since nothing brings it back."""
        self.require_view(request)
        asked = ErasureRequest.objects.filter(pk=pk).select_related("athlete").first()
        here = reverse("admin:accounts_erasurerequest_change", args=[pk])
        if asked is not None and request.POST.get("name", "").strip() != asked.athlete.name:
            messages.error(request, shown("Type the athlete’s name exactly as it stands above."))
            return HttpResponseRedirect(here)
        try:
            erased = confirm_erasure(request_id=pk, acting_user=acting_user(request))
        except (NotVisible, NotPermitted):
            raise
        except DomainError as error:
            messages.error(request, shown(error.detail))
        else:
            messages.success(request, shown(f"Erased; {erased.keys} keys were destroyed."))
        return HttpResponseRedirect(here)

    def refuse(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Close the request without erasing."""
        try:
            refuse_erasure(request_id=pk, reason=request.POST.get("reason", ""), acting_user=acting_user(request))
            messages.success(request, shown("Refused; the athlete reads why."))
        except (NotVisible, NotPermitted):
            raise
        except DomainError as error:
            messages.error(request, shown(error.detail))
        return HttpResponseRedirect(reverse("admin:accounts_erasurerequest_change", args=[pk]))


def _shown(rows: list[ErasureRequest]) -> list[dict[str, Any]]:
    """Return requests with names and reasons; four queries for any number."""
    names = athlete_names([row.athlete_id for row in rows])
    people = user_names({pk for row in rows for pk in (row.requested_by_id, row.decided_by_id) if pk})
    ring = key_ring([row.athlete_id for row in rows])
    held = held_among([row.athlete_id for row in rows])
    return [
        {
            "row": row,
            "athlete": names.get(row.athlete_id, "unknown athlete"),
            "asked_by": _who(people, row.requested_by_id),
            "decided_by": _who(people, row.decided_by_id) if row.decided_by_id else "",
            "reason": ring.read(row.athlete_id, row.reason),
            "answer": ring.read(row.athlete_id, row.answer),
            "is_held": row.athlete_id in held,
        }
        for row in rows
    ]


def _who(people: dict[UUID, str], pk: UUID) -> str:
    return people.get(pk) or ("the command line" if pk == actor_id(COMMAND_LINE) else "the server")
