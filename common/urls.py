"""Addresses of pages without a domain."""

from __future__ import annotations

from django.urls import path

from common.health import live, ready
from common.views import problem_page

app_name = "common"

urlpatterns = [
    path("health/live", live, name="health-live"),
    path("health/ready", ready, name="health-ready"),
    path("problems/<slug:slug>/", problem_page, name="problem"),
]
