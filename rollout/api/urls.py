from django.urls import path

from rollout.api import people_announcements as announcements
from rollout.api import people_reports as reports
from rollout.api import views

ofrep = [
    path("evaluate/flags", views.FlagsView.as_view(), name="ofrep-flags"),
    path("evaluate/flags/<str:key>", views.FlagView.as_view(), name="ofrep-flag"),
]
urlpatterns = [
    path("flags/config", views.ConfigView.as_view(), name="flags-config"),
    path("reports", reports.ReportListView.as_view(), name="reports"),
    path("reports/counts", reports.ReportCountsView.as_view(), name="report-counts"),
    path("announcements", announcements.AnnouncementListView.as_view(), name="announcements"),
]
