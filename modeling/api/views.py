"""An athlete's numbers over REST: history in, tests, thresholds, corrections, the model."""

from __future__ import annotations

import zoneinfo
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.requests import acting_user
from common.api import CursorPagination, UnitOfWorkAPIMixin
from common.body_limit import refuse_large_files
from common.errors import InvalidInput
from common.idempotency import idempotent
from common.parsers import JSONParser
from modeling.api import serializers as s
from modeling.models import Activity, Test, Threshold
from modeling.policies import athlete_to_import_for, athlete_with_history, athlete_with_model, visible_history
from modeling.services.corrections import correct_row, delete_row
from modeling.services.fit_athlete import fit_athlete
from modeling.services.import_history import ImportReport, add_activities, import_history
from modeling.services.model_view import model_view
from modeling.services.proposals import accept_proposals, open_proposals, propose_tests
from modeling.services.record_test import add_test, add_threshold

IDEMPOTENCY = OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER)


class ActivitiesView(UnitOfWorkAPIMixin):
    pagination_class = CursorPagination
    verbs: ClassVar = {"GET": "history:view", "POST": "history:import"}
    parser_classes = (JSONParser, MultiPartParser)
    takes_files: ClassVar = True

    @property
    def own_transaction(self) -> bool:  # type: ignore[override]
        """Files are one transaction each, so that a broken one loses nothing else."""
        return self.request.method == "POST" and (self.request.content_type or "").startswith("multipart/")

    @extend_schema(responses=s.ActivitySerializer(many=True), operation_id="activities_list")
    def get(self, request: Request, athlete_id: UUID) -> Response:
        """The athlete's activities, newest first."""
        athlete = athlete_with_history(acting_user(request), athlete_id)
        rows = Activity.objects.filter(visible_history(acting_user(request)), athlete=athlete)
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(rows, request, view=self)
        return paginator.get_paginated_response(s.ActivitySerializer(page, many=True).data)

    @extend_schema(
        request={"multipart/form-data": s.FilesInSerializer, "application/json": s.ActivitiesInSerializer},
        responses={200: s.ImportReportSerializer, 201: s.ImportReportSerializer},
        operation_id="activities_import",
    )
    def post(self, request: Request, athlete_id: UUID) -> Response:
        """Import activities, as files (multipart `file`) or as JSON; 201 if anything was new, problems are listed."""
        report = self._files(request, athlete_id) if self.own_transaction else self._json(request, athlete_id)
        body = s.ImportReportSerializer(report.as_dict()).data
        taken = report.added or report.known or report.tests_added
        if not taken and report.problems:
            errors = [{"pointer": "/file", "detail": str(problem)} for problem in report.problems]
            raise InvalidInput("Nothing could be imported.", errors=errors)
        return Response(body, status=status.HTTP_201_CREATED if report.added else status.HTTP_200_OK)

    def _files(self, request: Request, athlete_id: UUID) -> ImportReport:
        files = request.FILES.getlist("file")
        options = s.FilesInSerializer(data={**_fields(request), "file": files})
        options.is_valid(raise_exception=True)
        refuse_large_files(files)
        return import_history(
            athlete_id=athlete_id,
            sources=[(file.name or "upload", file) for file in files],
            start=options.validated_data.get("start"),
            sport=options.validated_data.get("sport"),
            acting_user=acting_user(request),
        )

    def _json(self, request: Request, athlete_id: UUID) -> ImportReport:
        data = s.ActivitiesInSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        athlete = athlete_to_import_for(acting_user(request), athlete_id)
        zone = zoneinfo.ZoneInfo(athlete.time_zone)
        parsed = [s.parsed_from_json(row, sport=athlete.sport, zone=zone) for row in data.validated_data["activities"]]
        report, _ = add_activities(athlete_id=athlete_id, activities=parsed, acting_user=acting_user(request))
        return report


class TestsView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "history:view", "POST": "history:import"}

    @extend_schema(responses=s.TestSerializer(many=True), operation_id="tests_list")
    def get(self, request: Request, athlete_id: UUID) -> Response:
        """The athlete's performance tests, newest first."""
        athlete = athlete_with_history(acting_user(request), athlete_id)
        rows = Test.objects.filter(visible_history(acting_user(request)), athlete=athlete)
        return Response(s.TestSerializer(rows, many=True).data)

    @extend_schema(
        request=s.TestInSerializer,
        responses={201: s.TestSerializer},
        parameters=[IDEMPOTENCY],
        operation_id="tests_add",
    )
    @idempotent
    def post(self, request: Request, athlete_id: UUID) -> Response:
        """Record a performance test."""
        data = s.TestInSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        test = add_test(athlete_id=athlete_id, acting_user=acting_user(request), **data.validated_data)
        return Response(s.TestSerializer(test).data, status=status.HTTP_201_CREATED)


class ThresholdsView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "history:view", "POST": "history:import"}

    @extend_schema(responses=s.ThresholdSerializer(many=True), operation_id="thresholds_list")
    def get(self, request: Request, athlete_id: UUID) -> Response:
        """The athlete's dated thresholds, newest first."""
        athlete = athlete_with_history(acting_user(request), athlete_id)
        rows = Threshold.objects.filter(visible_history(acting_user(request)), athlete=athlete)
        return Response(s.ThresholdSerializer(rows, many=True).data)

    @extend_schema(
        request=s.ThresholdInSerializer,
        responses={201: s.ThresholdSerializer},
        parameters=[IDEMPOTENCY],
        operation_id="thresholds_add",
    )
    @idempotent
    def post(self, request: Request, athlete_id: UUID) -> Response:
        """Record thresholds that hold from a day on; loads since then are computed again."""
        data = s.ThresholdInSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        row = add_threshold(athlete_id=athlete_id, acting_user=acting_user(request), **data.validated_data)
        return Response(s.ThresholdSerializer(row).data, status=status.HTTP_201_CREATED)


class ProposalsView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "history:import", "POST": "history:import"}

    @extend_schema(responses=s.ProposalSerializer(many=True), operation_id="test_proposals_list")
    def get(self, request: Request, athlete_id: UUID) -> Response:
        """Near-maximal efforts that wait for somebody to accept them as tests."""
        athlete = athlete_to_import_for(acting_user(request), athlete_id)
        return Response(s.ProposalSerializer(open_proposals(athlete), many=True).data)

    @extend_schema(request=None, responses={201: s.ProposalSerializer(many=True)}, operation_id="test_proposals_find")
    @idempotent
    def post(self, request: Request, athlete_id: UUID) -> Response:
        """Look for near-maximal efforts and propose them."""
        found = propose_tests(athlete_id=athlete_id, acting_user=acting_user(request))
        return Response(s.ProposalSerializer(found, many=True).data, status=status.HTTP_201_CREATED)


class AcceptView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": "history:import"}

    @extend_schema(
        request=s.AcceptSerializer, responses={201: s.TestSerializer(many=True)}, operation_id="test_proposals_accept"
    )
    @idempotent
    def post(self, request: Request, athlete_id: UUID) -> Response:
        """Accept proposals as tests."""
        data = s.AcceptSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        ids = data.validated_data.get("proposals")
        tests = accept_proposals(athlete_id=athlete_id, acting_user=acting_user(request), proposal_ids=ids)
        return Response(s.TestSerializer(tests, many=True).data, status=status.HTTP_201_CREATED)


class CorrectionView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": "history:correct"}

    @extend_schema(request=s.CorrectionSerializer, responses={204: None}, operation_id="history_correct")
    @idempotent
    def post(self, request: Request, kind: str, row_id: UUID) -> Response:
        """Correct a row with `changes`, or delete it without; either needs a reason and ends the fits that used it."""
        data = s.CorrectionSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        given: dict[str, Any] = data.validated_data
        if given.get("changes"):
            correct_row(
                kind=kind,
                row_id=row_id,
                changes=given["changes"],
                reason=given["reason"],
                acting_user=acting_user(request),
            )
        else:
            delete_row(kind=kind, row_id=row_id, reason=given["reason"], acting_user=acting_user(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ModelView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "model:view", "POST": "model:fit"}
    writes_when_safe = True  # a fit that is not stored yet is made and kept

    @extend_schema(responses=s.ModelSerializer, operation_id="athlete_model")
    def get(self, request: Request, athlete_id: UUID) -> Response:
        """The athlete's fitted model: report, fitness, fatigue, form and performance with its 80 % band."""
        athlete = athlete_with_model(acting_user(request), athlete_id)
        view = model_view(athlete)
        body = s.ModelSerializer(view.as_dict()).data
        return Response(body, headers={"ETag": f'"{view.fit.cache_key}"'})

    @extend_schema(request=None, responses={201: s.ModelSerializer}, operation_id="athlete_model_refit")
    @idempotent
    def post(self, request: Request, athlete_id: UUID) -> Response:
        """Fit the athlete's history now."""
        fit_athlete(athlete_id=athlete_id, acting_user=acting_user(request))
        body = s.ModelSerializer(model_view(athlete_with_model(acting_user(request), athlete_id)).as_dict()).data
        return Response(body, status=status.HTTP_201_CREATED)


def _fields(request: Request) -> dict[str, Any]:
    """Return a multipart form's plain fields."""
    return {name: request.POST[name] for name in ("start", "sport") if request.POST.get(name)}
