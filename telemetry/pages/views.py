"""The dashboards in the admin; each in the reader's unit of work, each table as CSV.

The service's page and tables open it themselves: what processes wrote of themselves is read by a service before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from common.admin import may
from common.context import unit_of_work
from common.errors import NotVisible
from common.translating.showing import shown
from telemetry.dashboards.asked import Asked
from telemetry.dashboards.marts import Marts
from telemetry.dashboards.reach import VIEW, VIEW_SERVICE, reach_of
from telemetry.pages.accuracy import accuracy
from telemetry.pages.frame import Found, Page, page_of
from telemetry.pages.overview import overview
from telemetry.pages.service import HOURS, health_of, hours_of, latest, latest_tables, past
from telemetry.pages.tables import Table, named
from telemetry.pages.targets import targets

PAGES: Final[dict[str, tuple[str, Callable[[Marts, Asked], Found]]]] = {
    "overview": ("Overview", overview),
    "targets": ("Targets", targets),
    "accuracy": ("Model accuracy", accuracy),
}
EXPERIMENTS: Final = "experiment:manage"


def overview_page(request: HttpRequest) -> HttpResponse:
    """Targets, the way of plans, variants beside each other, what coaches change."""
    return _page(request, "overview")


def targets_page(request: HttpRequest) -> HttpResponse:
    """All metrics that have a target."""
    return _page(request, "targets")


def accuracy_page(request: HttpRequest) -> HttpResponse:
    """Predicted against raced."""
    return _page(request, "accuracy")


def service_page(request: HttpRequest) -> HttpResponse:
    """Requests, errors, what waits and what processes use, for administrators and data scientists."""
    _allow(request, VIEW_SERVICE)
    given = request.GET.dict()
    hours, health = hours_of(given), health_of(given)
    kept = {"hours": hours} if "hours" in given else {}
    with unit_of_work(request.user, read_only=True):  # type: ignore[arg-type]  # who is allowed is logged in
        page = page_of(reach_of(request.user), given, past)
        found = {**latest(health, hours), "lengths": _lengths(page, hours)}
        return _render(request, "telemetry/service.html", shown("Service health"), page, kept, **found).render()


def metrics_csv(request: HttpRequest, page: str, table: str) -> HttpResponse:
    """A table of a page of metrics.

    Raises:
        NotVisible: no such page or table, or there are no numbers.
    """
    _allow(request, VIEW)
    if page not in PAGES:
        raise NotVisible("There is no such page.")
    return _csv(page, _numbers(request, page).found.tables, table)


def service_csv(request: HttpRequest, table: str) -> HttpResponse:
    """A table of the service's page.

    Raises:
        NotVisible: no such table, or there are no numbers.
    """
    _allow(request, VIEW_SERVICE)
    given = request.GET.dict()
    recent = latest_tables(health_of(given))
    with unit_of_work(request.user, read_only=True):  # type: ignore[arg-type]
        page = page_of(reach_of(request.user), given, past)
        return _csv("service", (*page.found.tables, *recent), table)


def _page(request: HttpRequest, name: str) -> HttpResponse:
    page = _numbers(request, name)
    tabs = [(f"metrics-{one}", title, one == name) for one, (title, _) in PAGES.items()]
    may_test = may(request.user, EXPERIMENTS)
    return _render(request, f"telemetry/{name}.html", shown("Metrics"), page, tabs=tabs, name=name, may_test=may_test)


def _numbers(request: HttpRequest, name: str) -> Page:
    _allow(request, VIEW)
    return page_of(reach_of(request.user), request.GET.dict(), PAGES[name][1])


def _lengths(page: Page, hours: str) -> list[tuple[str, str, bool]]:
    """Return the latest hours to choose from, with addresses that ask for the same weeks."""
    weeks = page.asked.address() if page.asked else {}
    return [("?" + urlencode({**weeks, "hours": one}), label, one == hours) for one, label in HOURS.items()]


def _allow(request: HttpRequest, verb: str) -> None:
    """Refuse whoever lacks a verb.

    Raises:
        PermissionDenied: the matrix does not grant it.
    """
    if not may(request.user, verb):
        raise PermissionDenied


def _render(
    request: HttpRequest, template: str, title: str, page: Page, kept: Mapping[str, str] | None = None, **found: Any
) -> TemplateResponse:
    """Return a page; `kept` is what else its address says, which every link and form of the page keeps."""
    more = dict(kept or {})
    context = {**admin.site.each_context(request), "title": title, "is_fullwidth": "1", "page": page, "kept": more}
    if page.asked:
        context["query"] = "?" + urlencode({**page.asked.address(), **more})
        context["spans"] = [("?" + urlencode({**query, **more}), label, chosen) for label, query, chosen in page.spans]
    return TemplateResponse(request, template, {**context, **page.found.shown, **found})


def _csv(page: str, tables: tuple[Table, ...], name: str) -> HttpResponse:
    table = named(tables, name)
    if table is None:
        raise NotVisible("There is no such table, or nothing has been built yet.")
    answer = HttpResponse(table.csv(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="mesocycle-{page}-{name}.csv"'
    return answer
