from django.urls import path

from rollout.api import views

ofrep = [
    path("evaluate/flags", views.FlagsView.as_view(), name="ofrep-flags"),
    path("evaluate/flags/<str:key>", views.FlagView.as_view(), name="ofrep-flag"),
]
urlpatterns = [path("flags/config", views.ConfigView.as_view(), name="flags-config")]
