"""What users are told: release notes, announcements, known issues."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.cache import patch_cache_control, patch_vary_headers
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.requests import acting_user
from common.api import CursorPagination, UnitOfWorkAPIMixin
from rollout import ofrep
from rollout.audience import announcements_for
from rollout.markdown import as_html
from rollout.models import Announcement


class AnnouncementSerializer(serializers.ModelSerializer[Announcement]):
    html = serializers.SerializerMethodField(help_text="The body rendered: no scripts, no images, no raw HTML.")

    class Meta:
        model = Announcement
        fields = ("id", "kind", "title", "body", "html", "published_at", "ends_at", "resolved_at")
        read_only_fields = fields

    def get_html(self, row: Announcement) -> str:
        return as_html(row.body)


class AnnouncementPagination(CursorPagination):
    """Newest first by publication; a draft may be older than what was published before it."""

    ordering: Any = ("-published_at", "-id")


class AnnouncementListView(UnitOfWorkAPIMixin, generics.ListAPIView[Announcement]):
    verbs: ClassVar = {"GET": None}
    serializer_class = AnnouncementSerializer
    pagination_class = AnnouncementPagination

    @extend_schema(
        responses={200: AnnouncementSerializer(many=True), 304: None},
        parameters=[OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER)],
        operation_id="announcements",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What concerns you, newest first; 304 where nothing changed."""
        answer = super().get(request, *args, **kwargs)
        tag = ofrep.bulk_tag([answer.data], {})
        if tag in [part.strip() for part in request.headers.get("If-None-Match", "").split(",")]:
            answer = Response(status=status.HTTP_304_NOT_MODIFIED)
        answer.headers["ETag"] = tag
        patch_cache_control(answer, private=True, no_cache=True)
        patch_vary_headers(answer, ["Authorization", "Cookie"])
        return answer

    def get_queryset(self) -> QuerySet[Announcement]:
        if getattr(self, "swagger_fake_view", False):
            return Announcement.objects.none()
        return announcements_for(acting_user(self.request))
