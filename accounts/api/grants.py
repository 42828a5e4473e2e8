"""Time-boxed access to an athlete, for administrators."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import AthleteGrant, Grant
from accounts.requests import acting_user
from accounts.scope import athlete_for
from accounts.services.grants import end_athlete_grant, grant_athlete
from common.api import UnitOfWorkAPIMixin
from common.idempotency import idempotent
from common.keys import key_ring

KEY = OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER)


class GrantInSerializer(serializers.Serializer[Any]):
    user_id = serializers.UUIDField(help_text="An active coach or member of support.")
    expires_at = serializers.DateTimeField(help_text="When it ends by itself.")
    reason = serializers.CharField(max_length=500)


class GrantSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    user_id = serializers.UUIDField()
    user_name = serializers.CharField()
    expires_at = serializers.DateTimeField()
    granted_by_id = serializers.UUIDField()
    reason = serializers.CharField()


def grant_body(given: Grant) -> dict[str, Any]:
    """Return a grant as the API shows it."""
    ring = key_ring([given.subject_id])
    return {
        "id": str(given.pk),
        "user_id": str(given.user_id),
        "user_name": str(given.user),
        "expires_at": given.expires_at,
        "granted_by_id": str(given.granted_by_id),
        "reason": ring.read(given.subject_id, given.reason),
    }


class AthleteGrantListView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "athlete:grant", "POST": "athlete:grant"}

    @extend_schema(responses=GrantSerializer(many=True), operation_id="athlete_grants")
    def get(self, request: Request, athlete_id: UUID) -> Response:
        """Who may look at this athlete as an exception, and until when."""
        athlete = athlete_for(acting_user(request), "athlete:grant", athlete_id)
        rows = AthleteGrant.objects.filter(content_object=athlete).select_related("user").order_by("expires_at")
        return Response([grant_body(row) for row in rows])

    @extend_schema(
        request=GrantInSerializer,
        responses={201: GrantSerializer},
        parameters=[KEY],
        operation_id="athlete_grants_add",
    )
    @idempotent
    def post(self, request: Request, athlete_id: UUID) -> Response:
        """Let somebody look at this athlete for a time; for one who may already, the end moves."""
        data = GrantInSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        given = grant_athlete(athlete_id=athlete_id, acting_user=acting_user(request), **data.validated_data)
        return Response(grant_body(given), status=status.HTTP_201_CREATED)


class AthleteGrantView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"DELETE": "athlete:grant"}

    @extend_schema(responses={204: None}, operation_id="athlete_grants_end")
    def delete(self, request: Request, athlete_id: UUID, grant_id: UUID) -> Response:
        """End the access now."""
        end_athlete_grant(athlete_id=athlete_id, grant_id=grant_id, acting_user=acting_user(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
