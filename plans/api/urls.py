from django.urls import path

from plans.api import review_views as review
from plans.api import views

urlpatterns = [
    path("plans", views.PlanListView.as_view(), name="plans"),
    path("plans/<uuid:plan_id>", views.PlanView.as_view(), name="plan"),
    path("plans/<uuid:plan_id>/versions", review.VersionListView.as_view(), name="plan-versions"),
    path("plans/<uuid:plan_id>/versions/<uuid:version_id>", review.VersionView.as_view(), name="plan-version"),
    path("plans/<uuid:plan_id>/what-if", review.WhatIfView.as_view(), name="plan-what-if"),
    path("plans/<uuid:plan_id>/look", review.LookView.as_view(), name="plan-look"),
    path("plans/<uuid:plan_id>/submit", review.SubmitView.as_view(), name="plan-submit"),
    path("plans/<uuid:plan_id>/approve", review.ApproveView.as_view(), name="plan-approve"),
    path("plans/<uuid:plan_id>/withdraw", review.WithdrawView.as_view(), name="plan-withdraw"),
    path("plans/<uuid:plan_id>/regenerate", review.RegenerateView.as_view(), name="plan-regenerate"),
    path("plans/<uuid:plan_id>/comments", review.CommentListView.as_view(), name="plan-comments"),
    path(
        "plans/<uuid:plan_id>/comments/<uuid:comment_id>/resolve",
        review.CommentResolveView.as_view(),
        name="plan-comment-resolve",
    ),
    path("plans/<uuid:plan_id>/changelog", review.ChangelogView.as_view(), name="plan-changelog"),
    path("plan-requests/<uuid:job_id>", views.PlanRequestView.as_view(), name="plan-request"),
]
