"""Rollouts, incidents and approvals in the admin: reads from `rollout.dashboard`, changes through the services."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_POST

from accounts.requests import acting_user
from common.admin import may
from common.context import unit_of_work
from common.errors import NotVisible
from common.operator_pages import OperatorAdmin, Refused, own_transaction, tell
from rollout.dashboard.history import SPANS, run_history, run_number
from rollout.dashboard.inbox import inbox, others_who_approve
from rollout.dashboard.incident import incident_page, incident_rows
from rollout.dashboard.listing import FILTERS, listing
from rollout.dashboard.run import run_now
from rollout.dashboard.starting import newest_step, people_of, startable
from rollout.models import Approval, Incident, Rollout
from rollout.pages.acting import LEAST_REASON, command, decide, on_incident, start

REASONS = (
    gettext_noop("Athlete safety"),
    gettext_noop("Wrong plans"),
    gettext_noop("Errors or latency"),
    gettext_noop("Planned stop"),
    gettext_noop("Other"),
)


@admin.register(Rollout)
class RolloutAdmin(OperatorAdmin):
    """All flags by need, one run, and what an operator may do to it."""

    view_verb = "rollout:manage"

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.list_page), name="rollout_rollout_changelist"),
            path("add/", wrap(own_transaction(self.add_page)), name="rollout_rollout_add"),
            path("<uuid:object_id>/change/", wrap(self.run_page), name="rollout_rollout_change"),
            path("<uuid:object_id>/live/", wrap(self.live), name="rollout_rollout_live"),
            path(
                "<uuid:object_id>/command/",
                wrap(own_transaction(require_POST(self.command))),
                name="rollout_rollout_command",
            ),
        ]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """The list; filter and search are in the address."""
        self.allow(request)
        chosen = request.GET.get("show", "all")
        chosen = chosen if chosen in dict(FILTERS) else "all"
        words = request.GET.get("q", "")[:100]
        found = listing(chosen=chosen, words=words)
        return self.page(
            request, "rollout/rollouts.html", gettext("Rollouts"), listing=found, chosen=chosen, words=words
        )

    def run_page(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """One run: its state above, what it has seen below."""
        self.allow(request)
        run = _run(object_id)
        now = run_now(run)
        chosen = request.GET.get("span", "stage")
        chosen = chosen if chosen in dict(SPANS) else "stage"
        return self.page(
            request,
            "rollout/run.html",
            gettext("Rollout of %(flag)s") % {"flag": run.flag.name},
            now=now,
            history=run_history(now, request.user, chosen=chosen),
            number=run_number(run),
            people=people_of(now),
            conflict=newest_step(run, request.GET.get("saw", "")),
            others=others_who_approve(acting_user(request)) if now.waiting else (),
            reasons=REASONS,
            least_reason=LEAST_REASON,
            earlier=[s for s in reversed(now.policy.stages[: run.stage]) if s.has_traffic],
            may_audit=may(request.user, "audit:read"),
            may_approve=may(request.user, "rollout:approve"),
        )

    def live(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The upper part again, for the page that asks every few seconds."""
        self.allow(request)
        now = run_now(_run(object_id))
        context = {"now": now, "people": people_of(now), "is_fragment": True, "request": request}
        context |= {"may_approve": may(request.user, "rollout:approve")}
        context |= {"others": others_who_approve(acting_user(request)) if now.waiting else ()}
        return TemplateResponse(request, "rollout/run_live.html", context)

    def command(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Take a step; whoever saw an older one is shown what happened instead."""
        self.allow(request)
        user, back = acting_user(request), reverse("admin:rollout_rollout_change", args=[object_id])
        with unit_of_work(user, read_only=True):
            key = _run(object_id).flag.name
        try:
            tell(request, lambda: command(request.POST.dict(), rollout_id=object_id, key=key, user=user))
        except Refused as refused:
            if refused.is_stale:
                back += f"?saw={int(request.POST['expected'])}"
        return HttpResponseRedirect(back)

    def add_page(self, request: HttpRequest) -> HttpResponse:
        """Ask for a new run."""
        self.allow(request)
        user = acting_user(request)
        if request.method == "POST":
            try:
                tell(request, lambda: start(request.POST.dict(), user=user))
                return HttpResponseRedirect(reverse("admin:rollout_rollout_changelist"))
            except Refused:
                pass
        with unit_of_work(user, read_only=True):
            form = request.POST if request.method == "POST" else request.GET
            return self.page(
                request, "rollout/start.html", gettext("New rollout"), form=form.dict(), **startable()
            ).render()


@admin.register(Incident)
class IncidentAdmin(OperatorAdmin):
    """Incidents and what people do about them."""

    view_verb = "rollout:manage"

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.list_page), name="rollout_incident_changelist"),
            path("<uuid:object_id>/change/", wrap(self.incident), name="rollout_incident_change"),
            path("<uuid:object_id>/act/", wrap(own_transaction(require_POST(self.act))), name="rollout_incident_act"),
        ]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """The newest, those that wait first."""
        self.allow(request)
        return self.page(request, "rollout/incidents.html", gettext("Incidents"), rows=incident_rows())

    def incident(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """One incident."""
        self.allow(request)
        found = Incident.objects.select_related("flag", "rollout").filter(pk=object_id).first()
        if found is None:
            raise NotVisible("There is no such incident.")
        return self.page(request, "rollout/incident.html", gettext("Incident"), page=incident_page(found, request.user))

    def act(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Acknowledge, close, or add to the timeline."""
        self.allow(request)
        user = acting_user(request)
        with suppress(Refused):
            tell(request, lambda: on_incident(request.POST.dict(), incident_id=object_id, user=user))
        return HttpResponseRedirect(reverse("admin:rollout_incident_change", args=[object_id]))


@admin.register(Approval)
class ApprovalAdmin(OperatorAdmin):
    """The second person's inbox."""

    view_verb = "rollout:approve"

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        deciding = wrap(own_transaction(require_POST(self.decide)))
        return [
            path("", wrap(self.list_page), name="rollout_approval_changelist"),
            path("<uuid:object_id>/decide/", deciding, name="rollout_approval_decide"),
        ]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """What waits, and what was decided lately."""
        self.allow(request)
        return self.page(request, "rollout/approvals.html", gettext("Approvals"), inbox=inbox(acting_user(request)))

    def decide(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Approve or refuse; who asked may withdraw, and comes back to where they asked."""
        self.allow(request, "rollout:manage")
        user = acting_user(request)
        with suppress(Refused):
            tell(request, lambda: decide(request.POST.dict(), approval_id=object_id, user=user))
        page = "rollout_approval" if may(request.user, self.view_verb) else "rollout_rollout"
        return HttpResponseRedirect(reverse(f"admin:{page}_changelist"))


def _run(rollout_id: UUID) -> Rollout:
    run = Rollout.objects.select_related("flag").filter(pk=rollout_id).first()
    if run is None:
        raise NotVisible("There is no such rollout.")
    return run
