from django.urls import path
from django.views.decorators.gzip import gzip_page

from plans.api import changelog_views as changelog
from plans.api import proof_views as proof
from plans.api import review_views as review
from plans.api import share_views as share
from plans.api import training_views as training
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
    path("plans/<uuid:plan_id>/shares", share.ShareListView.as_view(), name="plan-shares"),
    path("plans/<uuid:plan_id>/shares/<uuid:grant_id>", share.ShareView.as_view(), name="plan-share"),
    path("plans/<uuid:plan_id>/withdraw", review.WithdrawView.as_view(), name="plan-withdraw"),
    path("plans/<uuid:plan_id>/regenerate", review.RegenerateView.as_view(), name="plan-regenerate"),
    path("plans/<uuid:plan_id>/comments", review.CommentListView.as_view(), name="plan-comments"),
    path(
        "plans/<uuid:plan_id>/comments/<uuid:comment_id>/resolve",
        review.CommentResolveView.as_view(),
        name="plan-comment-resolve",
    ),
    path(
        "plans/<uuid:plan_id>/comments/<uuid:comment_id>/tags",
        review.CommentTagsView.as_view(),
        name="plan-comment-tags",
    ),
    path("plans/<uuid:plan_id>/changelog", changelog.ChangelogView.as_view(), name="plan-changelog"),
    path("plans/<uuid:plan_id>/changelog.csv", changelog.ChangelogCsvView.as_view(), name="plan-changelog-csv"),
    path("plans/<uuid:plan_id>/proof", proof.PlanProofView.as_view(), name="plan-proof"),
    path("plans/<uuid:plan_id>/feedback", training.FeedbackView.as_view(), name="plan-feedback"),
    path("athletes/<uuid:athlete_id>/schedule", gzip_page(training.ScheduleView.as_view()), name="athlete-schedule"),
    path("sessions/<uuid:session_id>/completion", training.CompletionView.as_view(), name="session-completion"),
    path("sessions/<uuid:session_id>/move", training.MoveView.as_view(), name="session-move"),
    path("sessions/<uuid:session_id>/workout.<str:kind>", training.WorkoutView.as_view(), name="session-workout"),
    path("me/today", gzip_page(training.TodayView.as_view()), name="me-today"),
    path("me/week", gzip_page(training.WeekView.as_view()), name="me-week"),
    path("me/adherence", gzip_page(training.AdherenceView.as_view()), name="me-adherence"),
    path("me/results", training.ResultView.as_view(), name="me-results"),
    path("me/settings", training.SettingsView.as_view(), name="me-settings"),
    path("me/consents/<slug:purpose>", training.ConsentView.as_view(), name="me-consent"),
    path("me/calendar", training.CalendarView.as_view(), name="me-calendar"),
    path("me/calendar/<uuid:feed_id>", training.CalendarRevokeView.as_view(), name="me-calendar-revoke"),
    path("plan-requests/<uuid:job_id>", views.PlanRequestView.as_view(), name="plan-request"),
]
