from django.urls import path

from accounts.api import erasure, grants, notifications, preferences, views

urlpatterns = [
    path("auth/token", views.TokenView.as_view(), name="auth-token"),
    path("auth/token/refresh", views.RefreshView.as_view(), name="auth-token-refresh"),
    path("auth/logout", views.LogoutView.as_view(), name="auth-logout"),
    path("me", views.MeView.as_view(), name="me"),
    path("me/preferences", preferences.PreferencesView.as_view(), name="me-preferences"),
    path("me/erasure", erasure.MyErasureView.as_view(), name="me-erasure"),
    path("notifications", notifications.NotificationListView.as_view(), name="notifications"),
    path("notifications/read", notifications.NotificationReadView.as_view(), name="notifications-read"),
    path("athletes/<uuid:athlete_id>/grants", grants.AthleteGrantListView.as_view(), name="athlete-grants"),
    path("athletes/<uuid:athlete_id>/grants/<uuid:grant_id>", grants.AthleteGrantView.as_view(), name="athlete-grant"),
    path("athletes", views.AthleteListView.as_view(), name="athletes"),
]
