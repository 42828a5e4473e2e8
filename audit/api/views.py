"""Heads and proofs over REST: what others need to check the log without trusting us."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api import serializers as s
from audit.models import AuditSeal
from audit.policies import event_for, require_log
from audit.proofs import consistency_proof, inclusion_proof
from common.api import CursorPagination, UnitOfWorkAPIMixin


class _NewestHeadFirst(CursorPagination):
    ordering = "-number"


class HeadListView(UnitOfWorkAPIMixin, generics.ListAPIView[AuditSeal]):
    verbs: ClassVar = {"GET": None}
    serializer_class = s.HeadSerializer
    pagination_class = _NewestHeadFirst
    filter_backends = ()

    def get_queryset(self) -> QuerySet[AuditSeal]:
        return AuditSeal.objects.all()

    @extend_schema(operation_id="audit_heads")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The log's signed tree heads, newest first; for everybody who is logged in, to keep elsewhere."""
        return super().get(request, *args, **kwargs)


class InclusionProofView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": None}

    @extend_schema(
        operation_id="audit_inclusion_proof",
        parameters=[s.InclusionQuerySerializer],
        responses=s.InclusionProofSerializer,
    )
    def get(self, request: Request) -> Response:
        """Prove that an event is in the log (RFC 9162): any event for who reads the log, their own for athletes."""
        data = s.InclusionQuerySerializer(data=request.query_params)
        data.is_valid(raise_exception=True)
        event_id: UUID = data.validated_data["event"]
        event_for(request.user, event_id)
        proof = inclusion_proof(event_id, data.validated_data.get("size"))
        return Response(s.InclusionProofSerializer(proof).data)


class ConsistencyProofView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "audit:read"}

    @extend_schema(
        operation_id="audit_consistency_proof",
        parameters=[OpenApiParameter("first", int, required=True), OpenApiParameter("second", int)],
        responses=s.ConsistencyProofSerializer,
    )
    def get(self, request: Request) -> Response:
        """Prove that the log of `second` events continues the log of `first` events (RFC 9162)."""
        require_log(request.user)
        data = s.ConsistencyQuerySerializer(data=request.query_params)
        data.is_valid(raise_exception=True)
        proof = consistency_proof(data.validated_data["first"], data.validated_data.get("second"))
        return Response(s.ConsistencyProofSerializer(proof).data)
