"""Every address of the product."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config.page_texts import page_texts
from config.password_pages import ChooseView, ChosenView, ResetView, SentView
from plans.api.training_views import calendar_feed
from rollout.api import urls as rollout_urls
from telemetry.exposition import metrics

API_V1 = [
    path("", include("audit.api.urls")),
    path("", include("accounts.api.urls")),
    path("", include("modeling.api.urls")),
    path("", include("plans.api.urls")),
    path("", include("rollout.api.urls")),
    path("", include("experiments.api.urls")),
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("", include("common.urls")),
    path("metrics", metrics, name="metrics"),
    path("api/v1/", include(API_V1)),
    path("ofrep/v1/", include(rollout_urls.ofrep)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    path("api/session/", include("rest_framework.urls")),
    path("password/reset/", ResetView.as_view(), name="admin_password_reset"),
    path("password/reset/sent/", SentView.as_view(), name="password_reset_done"),
    path("password/choose/<uidb64>/<token>/", ChooseView.as_view(), name="password_reset_confirm"),
    path("password/chosen/", ChosenView.as_view(), name="password_reset_complete"),
    path("calendar/<str:token>.ics", calendar_feed, name="calendar-feed"),
    path("texts.js", page_texts, name="page-texts"),
    path("admin/", include("accounts.pages.urls")),
    path("admin/", include("telemetry.pages.urls")),
    path("admin/", include("plans.evidence.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "common.failures.bad_request"
handler403 = "common.failures.permission_denied"
handler404 = "common.failures.page_not_found"
handler500 = "common.failures.server_error"
