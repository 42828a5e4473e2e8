from django.urls import path

from modeling.api import views

urlpatterns = [
    path("athletes/<uuid:athlete_id>/activities", views.ActivitiesView.as_view(), name="activities"),
    path("athletes/<uuid:athlete_id>/tests", views.TestsView.as_view(), name="tests"),
    path("athletes/<uuid:athlete_id>/thresholds", views.ThresholdsView.as_view(), name="thresholds"),
    path("athletes/<uuid:athlete_id>/test-proposals", views.ProposalsView.as_view(), name="test-proposals"),
    path("athletes/<uuid:athlete_id>/test-proposals/accept", views.AcceptView.as_view(), name="test-proposals-accept"),
    path("athletes/<uuid:athlete_id>/model", views.ModelView.as_view(), name="model"),
    path("history/<str:kind>/<uuid:row_id>/corrections", views.CorrectionView.as_view(), name="correction"),
]
