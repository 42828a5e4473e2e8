"""Addresses of pages without a domain."""

from __future__ import annotations

from django.urls import path

from common.views import problem_page

app_name = "common"

urlpatterns = [path("problems/<slug:slug>/", problem_page, name="problem")]
