"""The queue of support reports for who works them; their own reports, and a form, for coaches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext, gettext_noop, pgettext
from django.views.decorators.http import require_POST

from accounts.directory import user_names
from accounts.models import Athlete
from accounts.requests import acting_user
from accounts.scope import athletes_in_scope
from common.admin import PolicyAdmin, may
from common.errors import DomainError, InvalidInput, NotPermitted, NotVisible
from common.keys import key_ring
from common.translating.showing import shown
from rollout.models import Report, ReportStatus
from rollout.models.people import LEVELS, SEVERITIES, TOPIC_CHOICES
from rollout.policies import visible_reports
from rollout.services.reports import file_report, raise_report, resolve_report, take_report
from rollout.support import QUEUES

PAGE: Final = 100
MOST_ATHLETES: Final = 200
ARMS: Final = {
    "new": gettext_noop("had the feature"),
    "control": gettext_noop("control"),
    "": gettext_noop("not counted"),
}


@admin.register(Report)
class ReportAdmin(PolicyAdmin):
    view_verb, add_verb = "report:work", "report:add"

    def visible(self, user: Any) -> Q:
        return visible_reports(user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return any(may(request.user, verb) for verb in (self.view_verb, self.add_verb))

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.queue), name="rollout_report_changelist"),
            path("add/", wrap(self.add), name="rollout_report_add"),
            path("<uuid:pk>/change/", wrap(self.page), name="rollout_report_change"),
            path("<uuid:pk>/take/", wrap(require_POST(self.take)), name="report_take"),
            path("<uuid:pk>/raise/", wrap(require_POST(self.pass_on)), name="report_raise"),
            path("<uuid:pk>/resolve/", wrap(require_POST(self.resolve)), name="report_resolve"),
        ]

    def queue(self, request: HttpRequest) -> HttpResponse:
        """What is open, highest level first; who works no reports sees their own, newest first."""
        self._require(request)
        may_work = may(request.user, self.view_verb)
        chosen = {name: request.GET.get(name, "") for name in ("level", "severity", "status")}
        rows = Report.objects.filter(visible_reports(acting_user(request))).select_related("flag")
        rows = rows.filter(_condition(chosen)).order_by("-level", "id") if may_work else rows.order_by("-id")
        found = list(rows[: PAGE + 1])
        context = {
            "items": _shown(found[:PAGE]),
            "is_cut": len(found) > PAGE,
            "page_size": PAGE,
            "may_work": may_work,
            "may_add": may(request.user, self.add_verb),
            "filters": _filters(chosen),
            "is_filtered": may_work and any(chosen.values()),
        }
        return self._render(request, "rollout/reports.html", gettext("Support reports"), context)

    def page(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """One report, and what may be done with it."""
        self._require(request)
        user = acting_user(request)
        report = Report.objects.filter(visible_reports(user), pk=pk).select_related("flag").first()
        if report is None:
            raise NotVisible("There is no such report.")
        item = {**_shown([report])[0], "is_mine": report.assigned_to_id == user.pk}
        context = {"item": item, "may_work": may(user, self.view_verb)}
        return self._render(request, "rollout/report.html", gettext("Support report"), context)

    def add(self, request: HttpRequest) -> HttpResponse:
        """Report something; what is refused is said, and what was typed stays."""
        user = acting_user(request)
        if not may(user, self.add_verb):
            raise NotPermitted("Your role files no reports.")
        sent = {name: request.POST.get(name, "") for name in ("topic", "severity", "athlete", "text")}
        if request.method == "POST":
            try:
                given = {name: sent[name] for name in ("topic", "severity", "text")}
                file_report(athlete_id=_picked(sent["athlete"]), acting_user=user, **given)
            except (NotVisible, NotPermitted):
                raise
            except DomainError as error:
                messages.error(request, shown(error.detail))
            else:
                messages.success(request, gettext("Sent. You are notified of the answer."))
                return HttpResponseRedirect(reverse("admin:rollout_report_changelist"))
        athletes = Athlete.objects.filter(athletes_in_scope(user, self.add_verb)).order_by("name", "pk")
        context = {
            "topics": _translated(TOPIC_CHOICES),
            "severities": _translated(SEVERITIES),
            "athletes": [(str(pk), name) for pk, name in athletes.values_list("pk", "name")[:MOST_ATHLETES]],
            "sent": {**sent, "severity": sent["severity"] or "medium"},
        }
        return self._render(request, "rollout/report_add.html", gettext("Report a problem"), context)

    def take(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Take it."""
        return self._do(request, pk, gettext("It is yours."), take_report)

    def pass_on(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Raise its level."""
        why = request.POST.get("reason", "")
        return self._do(request, pk, gettext("Passed on to the next level."), raise_report, reason=why)

    def resolve(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Close it with an answer."""
        answer = request.POST.get("answer", "")
        return self._do(request, pk, gettext("Answered and closed."), resolve_report, answer=answer)

    def _do(
        self, request: HttpRequest, pk: UUID, said: str, service: Callable[..., Report], **given: str
    ) -> HttpResponse:
        try:
            service(report_id=pk, acting_user=acting_user(request), **given)
            messages.success(request, said)
        except (NotVisible, NotPermitted):
            raise
        except DomainError as error:
            messages.error(request, shown(error.detail))
        return HttpResponseRedirect(reverse("admin:rollout_report_change", args=[pk]))

    def _require(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise NotPermitted("Your role has no part in reports.")

    def _render(self, request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
        base = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return TemplateResponse(request, template, {**base, **context})


def _picked(raw: str) -> UUID | None:
    try:
        return UUID(raw) if raw else None
    except ValueError:
        raise InvalidInput("Choose an athlete from the list.", pointer="/athlete") from None


def _condition(chosen: dict[str, str]) -> Q:
    """Return the filter that was chosen; what is resolved shows only where it is asked for."""
    known = {"level": [str(level) for level, _ in LEVELS], "severity": [name for name, _ in SEVERITIES]}
    found = ~Q(status=ReportStatus.RESOLVED)
    if chosen["status"] in ReportStatus.values:
        found = Q(status=chosen["status"])
    for name, values in known.items():
        if chosen[name] in values:
            found &= Q(**{name: chosen[name]})
    return found


def _filters(chosen: dict[str, str]) -> list[dict[str, Any]]:
    levels = [(str(level), title) for level, title in LEVELS]
    known = (
        ("level", pgettext("support", "Level"), gettext("Any"), levels),
        ("severity", gettext("Severity"), gettext("Any"), SEVERITIES),
        ("status", gettext("Status"), pgettext("reports", "Open"), ReportStatus.choices),
    )
    return [
        {"name": name, "label": label, "choices": [("", every), *_translated(choices)], "chosen": chosen[name]}
        for name, label, every, choices in known
    ]


def _translated(choices: Iterable[tuple[Any, Any]]) -> list[tuple[Any, str]]:
    return [(value, shown(str(title))) for value, title in choices]


def _shown(rows: Sequence[Report]) -> list[dict[str, Any]]:
    """Return reports with names and texts; three queries for any number."""
    people = user_names({pk for row in rows for pk in (row.reporter_id, row.assigned_to_id) if pk})
    athletes = dict(
        Athlete.objects.filter(pk__in={row.athlete_id for row in rows if row.athlete_id}).values_list("pk", "name")
    )
    ring = key_ring([row.key_of for row in rows])
    return [
        {
            "row": row,
            "reporter": people.get(row.reporter_id) or gettext("the server"),
            "assignee": people.get(row.assigned_to_id, "") if row.assigned_to_id else "",
            "athlete": athletes.get(row.athlete_id, "") if row.athlete_id else "",
            "text": ring.read(row.key_of, row.text),
            "answer": ring.read(row.key_of, row.answer),
            "arm": gettext(ARMS.get(row.arm, row.arm)),
            "stage": row.stage + 1 if row.stage is not None else None,
            "queue": gettext(QUEUES[row.level]),
        }
        for row in rows
    ]
