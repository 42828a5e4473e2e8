"""A person's notifications."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Notification
from accounts.notifications import text_or_name
from accounts.requests import acting_user
from accounts.services.notify import mark_read
from common.api import CursorPagination, UnitOfWorkAPIMixin
from common.errors import InvalidInput
from common.idempotency import idempotent


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    title = serializers.SerializerMethodField()
    body = serializers.SerializerMethodField()
    link = serializers.SerializerMethodField()

    class Meta:
        model = Notification
        fields = ("id", "kind", "title", "body", "link", "target_type", "target_id", "created_at", "read_at")
        read_only_fields = fields

    def get_title(self, row: Notification) -> str:
        return text_or_name(row.kind, row.data).title

    def get_body(self, row: Notification) -> str:
        return text_or_name(row.kind, row.data).body

    def get_link(self, row: Notification) -> str:
        return text_or_name(row.kind, row.data).link


class NotificationPagination(CursorPagination):
    """A page, and how many notifications of the person are unread in all."""

    unread_count = 0

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any] | None:
        self.unread_count = Notification.objects.filter(user=acting_user(request), read_at=None).count()
        return super().paginate_queryset(queryset, request, view)

    def get_paginated_response(self, data: Any) -> Response:
        response = super().get_paginated_response(data)
        response.data["unread_count"] = self.unread_count
        return response

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        envelope = super().get_paginated_response_schema(schema)
        envelope["properties"]["unread_count"] = {"type": "integer", "minimum": 0}
        envelope["required"] = [*envelope.get("required", []), "unread_count"]
        return envelope


class ReadInSerializer(serializers.Serializer[Any]):
    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=500)
    all = serializers.BooleanField(required=False, default=False)


class ReadOutSerializer(serializers.Serializer[Any]):
    marked = serializers.IntegerField()


class NotificationListView(UnitOfWorkAPIMixin, generics.ListAPIView[Notification]):
    """Your notifications, newest first."""

    verbs: ClassVar = {"GET": None}
    serializer_class = NotificationSerializer
    pagination_class = NotificationPagination

    @extend_schema(
        operation_id="notifications",
        parameters=[OpenApiParameter("unread", OpenApiTypes.BOOL, description="Only what is unread.")],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Your notifications, newest first."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Notification]:
        if getattr(self, "swagger_fake_view", False):
            return Notification.objects.none()
        rows = Notification.objects.filter(user=acting_user(self.request)).order_by("-id")
        return rows.filter(read_at=None) if _only_unread(self.request) else rows


class NotificationReadView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": None}

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


def _only_unread(request: Request) -> bool:
    raw = request.query_params.get("unread", "false").lower()
    if raw not in ("true", "1", "false", "0"):
        raise InvalidInput("unread is true or false.", pointer="/unread")
    return raw in ("true", "1")
