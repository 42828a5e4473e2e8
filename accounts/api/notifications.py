"""A person's notifications."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Notification
from accounts.notifications import KINDS
from accounts.requests import acting_user
from accounts.services.notify import mark_read
from common.api import UnitOfWorkAPIMixin
from common.errors import InvalidInput
from common.idempotency import idempotent


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    title = serializers.SerializerMethodField()
    link = serializers.SerializerMethodField()

    class Meta:
        model = Notification
        fields = ("id", "kind", "title", "link", "target_type", "target_id", "created_at", "read_at")
        read_only_fields = fields

    def get_title(self, row: Notification) -> str:
        return KINDS.get(row.kind).title(row.data)

    def get_link(self, row: Notification) -> str:
        return KINDS.get(row.kind).link(row.data)


class ReadInSerializer(serializers.Serializer[Any]):
    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=500)
    all = serializers.BooleanField(required=False, default=False)


class ReadOutSerializer(serializers.Serializer[Any]):
    marked = serializers.IntegerField()


class NotificationListView(UnitOfWorkAPIMixin, generics.ListAPIView[Notification]):
    """Your notifications, newest first."""

    serializer_class = NotificationSerializer

    @extend_schema(
        operation_id="notifications", parameters=[OpenApiParameter("unread", OpenApiTypes.BOOL, description="Only.")]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Your notifications, newest first."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Notification]:
        if getattr(self, "swagger_fake_view", False):
            return Notification.objects.none()
        rows = Notification.objects.filter(user=acting_user(self.request)).order_by("-id")
        return rows.filter(read_at=None) if self.request.query_params.get("unread") in ("1", "true") else rows


class NotificationReadView(UnitOfWorkAPIMixin):
    @extend_schema(request=ReadInSerializer, responses=ReadOutSerializer, operation_id="notifications_read")
    @idempotent
    def post(self, request: Request) -> Response:
        """Mark notifications as read: some by `ids`, or `all`."""
        data = ReadInSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        ids, everything = data.validated_data.get("ids"), data.validated_data["all"]
        if (ids is None) != everything:
            raise InvalidInput("Send either ids or all.", pointer="/ids")
        return Response({"marked": mark_read(ids=None if everything else ids, acting_user=acting_user(request))})
