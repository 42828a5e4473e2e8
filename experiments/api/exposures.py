"""Telling that a variant was used (C2), by clients that read variants themselves; plan generation tells by itself."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.requests import acting_user
from common.api import UnitOfWorkAPIMixin
from experiments.api.views import LONGEST_KEY
from experiments.policies import ASSIGN
from experiments.services.exposing import report_exposure


class ExposureInSerializer(serializers.Serializer[Any]):
    experiment_key = serializers.CharField(max_length=LONGEST_KEY)
    subject_id = serializers.UUIDField(help_text="The athlete.")
    variant = serializers.CharField(
        max_length=LONGEST_KEY, help_text="What was really used, also where another was assigned."
    )
    source_id = serializers.UUIDField(help_text="Of this use, made by the client; told twice, it counts once.")
    exposed_at = serializers.DateTimeField(required=False, help_text="From the start until now; now if left out.")


class ExposureSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    experiment_key = serializers.CharField(source="experiment.key")
    subject_id = serializers.UUIDField()
    variant = serializers.CharField()
    source_id = serializers.UUIDField()
    exposed_at = serializers.DateTimeField()


class ExposureView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": ASSIGN}

    @extend_schema(
        request=ExposureInSerializer,
        responses={201: ExposureSerializer, 200: ExposureSerializer},
        operation_id="exposure",
    )
    def post(self, request: Request) -> Response:
        """Tell that an athlete was shown a variant: 201 the first time, 200 where this `source_id` was told before."""
        data = ExposureInSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        told = report_exposure(acting_user=acting_user(request), **data.validated_data)
        code = status.HTTP_201_CREATED if told.is_new else status.HTTP_200_OK
        return Response(ExposureSerializer(told.exposure).data, status=code)
