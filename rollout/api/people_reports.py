"""Support reports: filing one, reading one's own, and counts for those who may read no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django.db.models import Count, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.requests import acting_user
from common import clock
from common.api import UnitOfWorkAPIMixin
from common.context import register_service, unit_of_work
from common.errors import InvalidInput
from common.idempotency import idempotent
from common.keys import key_ring
from rollout.models import Report, ReportStatus
from rollout.models.people import LEVELS, SEVERITIES, TOPIC_CHOICES
from rollout.services.reports import LONGEST, file_report

KEY = OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER)
COUNTER = register_service("report-counts")
DEFAULT_DAYS, MOST_DAYS = 30, 366


class ReportInSerializer(serializers.Serializer[Any]):
    topic = serializers.ChoiceField(choices=TOPIC_CHOICES)
    severity = serializers.ChoiceField(choices=SEVERITIES, default="medium")
    text = serializers.CharField(max_length=LONGEST)
    athlete_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="For coaches: whom it is about; nobody where it is left out."
    )


class ReportSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    athlete_id = serializers.UUIDField(allow_null=True)
    topic = serializers.ChoiceField(choices=TOPIC_CHOICES)
    severity = serializers.ChoiceField(choices=SEVERITIES)
    level = serializers.IntegerField(min_value=1, max_value=LEVELS[-1][0])
    status = serializers.ChoiceField(choices=ReportStatus.choices)
    text = serializers.CharField()
    answer = serializers.CharField(help_text="Empty until it is resolved.")
    resolved_at = serializers.DateTimeField(allow_null=True)


class ReportCountSerializer(serializers.Serializer[Any]):
    level = serializers.IntegerField()
    severity = serializers.ChoiceField(choices=SEVERITIES)
    topic = serializers.ChoiceField(choices=TOPIC_CHOICES)
    status = serializers.ChoiceField(choices=ReportStatus.choices)
    flag = serializers.CharField(allow_null=True)
    arm = serializers.CharField(help_text="new, control, or empty where no rollout was live.")
    count = serializers.IntegerField()


class ReportListView(UnitOfWorkAPIMixin, generics.GenericAPIView[Report]):
    verbs: ClassVar = {"GET": "report:add", "POST": "report:add"}
    limits: ClassVar = {"POST": "report"}
    serializer_class = ReportSerializer

    @extend_schema(responses=ReportSerializer(many=True), operation_id="reports")
    def get(self, request: Request) -> Response:
        """The reports that you filed, newest first, with their answers."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(_bodies(page or []))

    @extend_schema(
        request=ReportInSerializer, responses={201: ReportSerializer}, parameters=[KEY], operation_id="report_file"
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Report a problem: athletes about themselves, coaches about an athlete of theirs or in general."""
        data = ReportInSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        report = file_report(acting_user=acting_user(request), **data.validated_data)
        return Response(_bodies([report])[0], status=status.HTTP_201_CREATED)

    def get_queryset(self) -> QuerySet[Report]:
        if getattr(self, "swagger_fake_view", False):
            return Report.objects.none()
        return Report.objects.filter(reporter_id=acting_user(self.request).pk).order_by("-id")


class ReportCountsView(UnitOfWorkAPIMixin):
    """Numbers alone: row-level security hides reports from data scientists, so a service counts them."""

    own_transaction = True
    verbs: ClassVar = {"GET": "report:count"}

    @extend_schema(
        responses=ReportCountSerializer(many=True),
        operation_id="report_counts",
        parameters=[OpenApiParameter("days", OpenApiTypes.INT, description=f"How far back; default {DEFAULT_DAYS}.")],
    )
    def get(self, request: Request) -> Response:
        """How many reports there were, by level, severity, topic, status, flag and arm."""
        since = clock.now() - timedelta(days=_days(request))
        by = ("level", "severity", "topic", "status", "flag__name", "arm")
        with unit_of_work(COUNTER, read_only=True):
            rows = Report.objects.filter(created_at__gte=since).order_by(*by).values(*by)
            counted = [{**row, "flag": row["flag__name"]} for row in rows.annotate(count=Count("id"))]
        return Response(ReportCountSerializer(counted, many=True).data)


def _bodies(reports: Sequence[Report]) -> list[dict[str, Any]]:
    """Return reports with their texts read; one query for any number."""
    ring = key_ring([report.key_of for report in reports])
    plain = [name for name in ReportSerializer().fields.keys() if name not in ("text", "answer")]  # noqa: SIM118
    shown = [
        {
            **{name: getattr(report, name) for name in plain},
            "text": ring.read(report.key_of, report.text),
            "answer": ring.read(report.key_of, report.answer),
        }
        for report in reports
    ]
    return list(ReportSerializer(shown, many=True).data)


def _days(request: Request) -> int:
    raw = request.query_params.get("days", str(DEFAULT_DAYS))
    if not (raw.isascii() and raw.isdigit() and len(raw) <= 3 and 1 <= int(raw) <= MOST_DAYS):
        raise InvalidInput(f"days is 1 to {MOST_DAYS}.", pointer="/days")
    return int(raw)
