"""Reading experiments (C4): what they ask, how they split, what they were frozen as."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.cache import patch_cache_control
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import CursorPagination, UnitOfWorkAPIMixin
from common.canonical import canonical_json, text_sha256
from common.errors import NotVisible
from common.etag import etag_for
from common.plain import plain
from experiments.lifecycle import EDITABLE
from experiments.models import Experiment
from experiments.models.experiment import ROSTERS, STATES
from experiments.policies import MANAGE

MATCH = OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER)


class ExperimentBriefSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    key = serializers.CharField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=STATES)
    phase = serializers.IntegerField()
    version = serializers.IntegerField(help_text="Counts the changes.")
    start_at = serializers.DateTimeField(allow_null=True)
    end_at = serializers.DateTimeField(allow_null=True, help_text="Exclusive.")
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_by = serializers.CharField(help_text="The guardrail that stopped it; empty where none did.")
    synthetic = serializers.BooleanField(help_text="Its looks are made up, for a demonstration.")


class ConfigurationSerializer(serializers.Serializer[Any]):
    variant_weights = serializers.DictField(child=serializers.FloatField(), help_text="Percent by variant.")
    stratification_keys = serializers.ListField(child=serializers.CharField())
    holdout_percentage = serializers.FloatField()
    traffic_percentage = serializers.FloatField()
    targeting = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    layer = serializers.DictField(allow_null=True, help_text="`key`, `from` and `to`, in percent.")
    roster = serializers.ChoiceField(choices=ROSTERS)
    block_size = serializers.IntegerField(allow_null=True, help_text="Null in a draft: ours.")


class PhaseSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    version = serializers.CharField(help_text="SHA-256 of the document, canonical JSON, hex.")
    reason = serializers.CharField()
    document = serializers.DictField(source="document_json", help_text="The configuration as it was frozen.")


class ExperimentSerializer(ExperimentBriefSerializer):
    description = serializers.CharField()
    configuration = ConfigurationSerializer(source="*")
    protocol = serializers.DictField(help_text="What is asked and how it is judged; empty until somebody wrote it.")
    protocol_sha256 = serializers.CharField(help_text="Of the protocol that the start froze; empty in a draft.")
    is_frozen = serializers.SerializerMethodField()
    phases = PhaseSerializer(many=True)

    def get_is_frozen(self, row: Experiment) -> bool:
        return row.status not in EDITABLE


class ExperimentListView(UnitOfWorkAPIMixin, generics.ListAPIView[Experiment]):
    verbs: ClassVar = {"GET": MANAGE}
    serializer_class = ExperimentBriefSerializer
    pagination_class = CursorPagination
    queryset = Experiment.objects.all()

    @extend_schema(operation_id="experiments")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All experiments, newest first."""
        return super().get(request, *args, **kwargs)


class ExperimentView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": MANAGE}

    @extend_schema(responses={200: ExperimentSerializer, 304: None}, parameters=[MATCH], operation_id="experiment")
    def get(self, request: Request, key: str) -> Response:
        """One experiment with its phases; 304 where nothing changed."""
        rows: QuerySet[Experiment] = Experiment.objects.prefetch_related("phases")
        experiment = rows.filter(key=key).first()
        if experiment is None:
            raise NotVisible(f"There is no experiment {key}.")
        body = ExperimentSerializer(experiment).data
        tag = etag_for(experiment.version, text_sha256(canonical_json(plain(body))))
        if tag in [part.strip() for part in request.headers.get("If-None-Match", "").split(",")]:
            answer = Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": tag})
        else:
            answer = Response(body, headers={"ETag": tag})
        patch_cache_control(answer, private=True, no_cache=True)
        return answer
