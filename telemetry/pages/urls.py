"""Addresses of the dashboards, below /admin/."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.urls import path
from django.views.decorators.http import require_safe

from common.operator_pages import own_transaction
from telemetry.pages import views


def _inside(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return a view in the admin's frame and unit of work, for reading alone."""
    return admin.site.admin_view(require_safe(view))


def _outside(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return a view in the admin's frame that opens its units of work itself."""
    return admin.site.admin_view(own_transaction(require_safe(view)))


urlpatterns = [
    path("metrics/", _inside(views.overview_page), name="metrics-overview"),
    path("metrics/targets/", _inside(views.targets_page), name="metrics-targets"),
    path("metrics/accuracy/", _inside(views.accuracy_page), name="metrics-accuracy"),
    path("metrics/<slug:page>/<slug:table>.csv", _inside(views.metrics_csv), name="metrics-csv"),
    path("service-health/", _outside(views.service_page), name="metrics-service"),
    path("service-health/<slug:table>.csv", _outside(views.service_csv), name="metrics-service-csv"),
]
