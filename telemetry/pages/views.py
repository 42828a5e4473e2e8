"""The dashboards in the admin; each in the reader's unit of work, each table as CSV."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from common.admin import may
from common.errors import NotVisible
from telemetry.dashboards.asked import Asked
from telemetry.dashboards.marts import Marts
from telemetry.dashboards.reach import VIEW, VIEW_SERVICE, reach_of
from telemetry.pages.accuracy import accuracy
from telemetry.pages.frame import Found, Page, page_of
from telemetry.pages.overview import overview
from telemetry.pages.service import latest, latest_table, past
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
    """Requests, errors and what waits, for administrators and data scientists."""
    page = _service(request)
    return _render(request, "telemetry/service.html", "Service health", page, **latest())


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
    page = _service(request)
    return _csv("service", (*page.found.tables, latest_table()), table)


def _page(request: HttpRequest, name: str) -> HttpResponse:
    page = _numbers(request, name)
    tabs = [(f"metrics-{one}", title, one == name) for one, (title, _) in PAGES.items()]
    may_test = may(request.user, EXPERIMENTS)
    return _render(request, f"telemetry/{name}.html", "Metrics", page, tabs=tabs, name=name, may_test=may_test)


def _numbers(request: HttpRequest, name: str) -> Page:
    _allow(request, VIEW)
    return page_of(reach_of(request.user), request.GET.dict(), PAGES[name][1])


def _service(request: HttpRequest) -> Page:
    _allow(request, VIEW_SERVICE)
    return page_of(reach_of(request.user), request.GET.dict(), past)


def _allow(request: HttpRequest, verb: str) -> None:
    """Refuse whoever lacks a verb.

    Raises:
        PermissionDenied: the matrix does not grant it.
    """
    if not may(request.user, verb):
        raise PermissionDenied


def _render(request: HttpRequest, template: str, title: str, page: Page, **found: Any) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, "is_fullwidth": "1", "page": page}
    if page.asked:
        context["query"] = "?" + urlencode(page.asked.address())
        context["spans"] = [("?" + urlencode(query), label, chosen) for label, query, chosen in page.spans]
    return TemplateResponse(request, template, {**context, **page.found.shown, **found})


def _csv(page: str, tables: tuple[Table, ...], name: str) -> HttpResponse:
    table = named(tables, name)
    if table is None:
        raise NotVisible("There is no such table, or nothing has been built yet.")
    answer = HttpResponse(table.csv(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="mesocycle-{page}-{name}.csv"'
    return answer
