"""What the model learned from you: a coach's own page, which prints as it is; administrators see anybody's."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.models import Role, User
from accounts.requests import acting_user
from common.admin import may
from common.context import unit_of_work
from common.errors import NotVisible
from common.translating.showing import shown
from modeling.models import ReportPreference
from modeling.policies import VIEW_REPORT
from modeling.services.report_preference import prefer_mail
from modeling.training.clusters import ALWAYS
from plans.evidence.report import Report, report_of
from plans.evidence.words import interval, percent, points, row_of, widest_of

SHOWN: Final = 12
APART: Final = 1.25
"""How many times as often as otherwise a change is made in a context that is listed."""


def report_page(request: HttpRequest) -> HttpResponse:
    """A coach's report; `coach` in the address is for administrators.

    Raises:
        NotVisible: another person's report, or of somebody who is no coach.
    """
    user = _allowed(request)
    with unit_of_work(user, read_only=True):
        coach, coaches = _whose(request, user)
        found: dict[str, Any] = {"coaches": coaches, "coach": coach, "is_own": coach == user}
        if coach == user:
            preference = ReportPreference.objects.filter(user=user).first()
            found["wants_mail"] = preference is None or preference.wants_mail
    report = report_of(coach) if coach else None
    with unit_of_work(user, read_only=True):
        context = {
            **admin.site.each_context(request),
            "title": shown("What the model learned from you"),
            "is_fullwidth": "1",
        }
        words = words_of(report) if report else {}
        page = TemplateResponse(request, "plans/coach_report.html", {**context, **found, **words})
        return page.render()


def mail(request: HttpRequest) -> HttpResponse:
    """Want the monthly e-mail, or not."""
    user = _allowed(request)
    wants = request.POST.get("wants_mail") == "yes"
    prefer_mail(wants_mail=wants, acting_user=user)
    messages.success(request, shown("You get the monthly e-mail." if wants else "You get no monthly e-mail any more."))
    return HttpResponseRedirect(reverse("coach-report"))


def words_of(report: Report) -> dict[str, Any]:
    """Return a report as its page says it."""
    found: dict[str, Any] = {"report": report, "own": report.own, "since": report.since}
    if report.own is None:
        return found
    own = report.own
    kinds = [one for one in own.clusters if (one.field, one.value) == ALWAYS]
    apart = [one for one in own.clusters if one.field and (one.lift or 0.0) >= APART]
    shown = (kinds + apart)[:SHOWN]
    widest = widest_of(shown)
    return found | {
        "share": percent(own.share),
        "median": percent(own.median),
        "rows": [row_of(one, widest) for one in shown],
        "adherence": points(own.adherence, 100, "pp"),
        "adherence_interval": interval(own.adherence, 100),
        "performance": points(own.performance, 1, "%"),
        "performance_interval": interval(own.performance, 1),
    }


def _whose(request: HttpRequest, user: User) -> tuple[User | None, list[User]]:
    """Return whose report is asked for, None where an administrator has not chosen; and whom one may choose."""
    asked = request.GET.get("coach", "")
    if user.role != Role.ADMIN:
        if asked and asked != str(user.pk):
            raise NotVisible("This is not your report.")
        return user, []
    coaches = list(User.objects.filter(role=Role.COACH, is_active=True).order_by("email"))
    if not asked:
        return None, coaches
    chosen = next((one for one in coaches if str(one.pk) == asked), None)
    if chosen is None:
        raise NotVisible("There is no such coach.")
    return chosen, coaches


def _allowed(request: HttpRequest) -> User:
    if not may(request.user, VIEW_REPORT):
        raise PermissionDenied
    return acting_user(request)
