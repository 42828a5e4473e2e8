from django.urls import path

from audit.api import views

urlpatterns = [
    path("audit/heads", views.HeadListView.as_view(), name="audit-heads"),
    path("audit/proofs/inclusion", views.InclusionProofView.as_view(), name="audit-inclusion-proof"),
    path("audit/proofs/consistency", views.ConsistencyProofView.as_view(), name="audit-consistency-proof"),
]
