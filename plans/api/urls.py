from django.urls import path

from plans.api import views

urlpatterns = [
    path("plans", views.PlanListView.as_view(), name="plans"),
    path("plans/<uuid:plan_id>", views.PlanView.as_view(), name="plan"),
    path("plans/<uuid:plan_id>/versions/<uuid:version_id>", views.VersionView.as_view(), name="plan-version"),
    path("plan-requests/<uuid:job_id>", views.PlanRequestView.as_view(), name="plan-request"),
]
