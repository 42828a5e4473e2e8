"""Sharing a plan with a colleague over REST."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.grants import KEY, GrantInSerializer, GrantSerializer, grant_body
from accounts.requests import acting_user
from common.api import UnitOfWorkAPIMixin
from common.idempotency import idempotent
from plans.models import PlanGrant
from plans.policies import plan_to_share_for
from plans.services.share_plan import end_share, share_plan


class ShareListView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "plan:share", "POST": "plan:share"}

    @extend_schema(responses=GrantSerializer(many=True), operation_id="plan_shares")
    def get(self, request: Request, plan_id: UUID) -> Response:
        """With whom this plan is shared, and until when."""
        plan = plan_to_share_for(acting_user(request), plan_id)
        rows = PlanGrant.objects.filter(content_object=plan).select_related("user").order_by("expires_at")
        return Response([grant_body(row) for row in rows])

    @extend_schema(
        request=GrantInSerializer, responses={201: GrantSerializer}, parameters=[KEY], operation_id="plan_shares_add"
    )
    @idempotent
    def post(self, request: Request, plan_id: UUID) -> Response:
        """Let a colleague read and comment on this plan for a time; for one who may already, the end moves."""
        data = GrantInSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        given = share_plan(plan_id=plan_id, acting_user=acting_user(request), **data.validated_data)
        return Response(grant_body(given), status=status.HTTP_201_CREATED)


class ShareView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"DELETE": "plan:share"}

    @extend_schema(responses={204: None}, operation_id="plan_shares_end")
    def delete(self, request: Request, plan_id: UUID, grant_id: UUID) -> Response:
        """End the share now."""
        end_share(plan_id=plan_id, grant_id=grant_id, acting_user=acting_user(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
