from django.urls import path

from experiments.api import views

urlpatterns = [
    path("assignments", views.AssignmentView.as_view(), name="assignments"),
    path("assignments/bulk", views.AssignmentBulkView.as_view(), name="assignments-bulk"),
]
