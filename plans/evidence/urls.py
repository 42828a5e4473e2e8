"""Addresses of the evidence's pages, below /admin/."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from common.operator_pages import own_transaction
from plans.evidence import overrides_page, report_page


def _own(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return a view in the admin's frame that opens its units of work itself."""
    return admin.site.admin_view(own_transaction(view))


urlpatterns = [
    path("overrides/", _own(require_safe(overrides_page.overrides_page)), name="overrides"),
    path("overrides/cluster/", _own(require_safe(overrides_page.cluster_page)), name="overrides-cluster"),
    path("overrides/do/", _own(require_POST(overrides_page.do)), name="overrides-do"),
    path("coach-report/", _own(require_safe(report_page.report_page)), name="coach-report"),
    path("coach-report/mail/", _own(require_POST(report_page.mail)), name="coach-report-mail"),
]
