from django.urls import path

from experiments.api import experiments, exposures, results_views, views

urlpatterns = [
    path("assignments", views.AssignmentView.as_view(), name="assignments"),
    path("assignments/bulk", views.AssignmentBulkView.as_view(), name="assignments-bulk"),
    path("exposures", exposures.ExposureView.as_view(), name="exposures"),
    path("experiments", experiments.ExperimentListView.as_view(), name="experiments"),
    path("experiments/<str:key>", experiments.ExperimentView.as_view(), name="experiment"),
    path("experiments/<str:key>/results", results_views.ExperimentResultsView.as_view(), name="experiment-results"),
]
