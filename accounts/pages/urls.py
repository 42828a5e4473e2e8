"""Addresses of these pages, below /admin/."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from accounts.pages.preferences import preferences_page
from common.operator_pages import own_transaction

urlpatterns = [
    path("preferences/", admin.site.admin_view(own_transaction(preferences_page)), name="preferences"),
]
