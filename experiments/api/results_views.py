"""What came of an experiment (C8), as of a look; a look's answer never changes."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.cache import patch_cache_control, patch_vary_headers
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.requests import acting_user
from common.api import UnitOfWorkAPIMixin
from experiments.analysis import Finding, Shape
from experiments.metrics import Unit
from experiments.policies import MANAGE
from experiments.report import GuardOutcome, Role, Stand
from experiments.selectors import moment_of, results_of

FINDINGS = tuple(dict.fromkeys([one.value for one in (*Finding, *GuardOutcome)]))
ROLES = tuple(one.value for one in Role)
STANDS = tuple(one.value for one in Stand)
UNITS = tuple(one.value for one in Unit)
SHAPES = tuple(one.value for one in Shape)


def _counts(help_text: str) -> serializers.DictField:
    return serializers.DictField(child=serializers.IntegerField(), help_text=help_text)


class MetricSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    describes = serializers.CharField()
    unit = serializers.ChoiceField(choices=UNITS)
    higher_is_better = serializers.BooleanField()


class LiftsSerializer(serializers.Serializer[Any]):
    shape = serializers.ChoiceField(choices=SHAPES)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    excludes_zero = serializers.BooleanField()


class EstimateSerializer(serializers.Serializer[Any]):
    difference = serializers.FloatField(help_text="Treatment less control, adjusted; low and high hold at every look.")
    low = serializers.FloatField()
    high = serializers.FloatField()
    p_value = serializers.FloatField()
    treatment = serializers.FloatField(help_text="The arm's value, adjusted as the difference is.")
    control = serializers.FloatField()
    lift = serializers.FloatField(allow_null=True)
    lifts = LiftsSerializer()
    df = serializers.FloatField(allow_null=True, help_text="Null: as many as you like.")
    coaches = serializers.IntegerField(allow_null=True)
    variance_reduction = serializers.FloatField()
    before_missing = serializers.IntegerField(allow_null=True)
    collapsed = serializers.IntegerField()


class GuardrailSerializer(serializers.Serializer[Any]):
    margin = serializers.FloatField()
    relative = serializers.BooleanField()
    limit = serializers.FloatField(allow_null=True)
    outcome = serializers.ChoiceField(choices=[one.value for one in GuardOutcome])
    action = serializers.CharField()
    p_value = serializers.FloatField(allow_null=True)


class ArmSerializer(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)


class ResultRowSerializer(serializers.Serializer[Any]):
    metric = MetricSerializer()
    role = serializers.ChoiceField(choices=ROLES)
    treatment = serializers.CharField()
    control = serializers.CharField()
    arms = serializers.DictField(child=ArmSerializer())
    immature = serializers.IntegerField()
    estimate = EstimateSerializer(allow_null=True)
    not_identified = serializers.CharField()
    finding = serializers.ChoiceField(choices=FINDINGS)
    words = serializers.CharField()
    p_adjusted = serializers.FloatField(allow_null=True)
    too_good = serializers.BooleanField()
    guard = GuardrailSerializer(allow_null=True)


class PointSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    as_of = serializers.DateTimeField()
    day = serializers.IntegerField()
    difference = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class OutlookSerializer(serializers.Serializer[Any]):
    none = serializers.ChoiceField(choices=STANDS, help_text="How the interval lies to no effect.")
    target = serializers.ChoiceField(choices=STANDS, allow_null=True)
    similar = serializers.ChoiceField(choices=STANDS, allow_null=True)
    worst = serializers.FloatField()
    half_width = serializers.FloatField(allow_null=True)
    planned = serializers.IntegerField()
    next = serializers.DateField(allow_null=True)


class JudgedSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    as_of = serializers.DateTimeField()
    finding = serializers.ChoiceField(choices=FINDINGS)


class TreatmentSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    control = serializers.CharField()
    primary = ResultRowSerializer()
    goals = ResultRowSerializer(many=True)
    guardrails = ResultRowSerializer(many=True)
    course = PointSerializer(many=True)
    outlook = OutlookSerializer(allow_null=True)
    judged = JudgedSerializer(allow_null=True)


class FunnelSerializer(serializers.Serializer[Any]):
    assigned = _counts("By variant.")
    held_out = serializers.IntegerField()
    exposed = _counts("By variant.")
    members = _counts("Who counts, by variant.")
    excluded = _counts("Exposed and left out, by reason.")
    immature = _counts("Members whose window is not over, by metric.")
    late = serializers.IntegerField()
    coaches = serializers.IntegerField()


class HeadlineSerializer(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(choices=FINDINGS)
    title = serializers.CharField()
    words = serializers.CharField()


class ResultPhaseSerializer(serializers.Serializer[Any]):
    day = serializers.IntegerField()
    of = serializers.IntegerField(allow_null=True)
    is_over = serializers.BooleanField()


class SliceSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    observed = _counts("By variant.")
    expected = serializers.DictField(child=serializers.FloatField())
    short = serializers.CharField()
    missing = serializers.FloatField()
    e_value = serializers.FloatField()
    alarms = serializers.BooleanField()


class EvidenceSerializer(serializers.Serializer[Any]):
    as_of = serializers.DateTimeField()
    day = serializers.IntegerField()
    log_e = serializers.FloatField()


class BalanceSerializer(serializers.Serializer[Any]):
    mismatch = serializers.BooleanField()
    e_value = serializers.FloatField()
    alarm_at = serializers.FloatField()
    alarmed = serializers.DateTimeField(allow_null=True)
    alarmed_day = serializers.IntegerField(allow_null=True)
    why = serializers.CharField()
    series = EvidenceSerializer(many=True)
    whole = SliceSerializer()
    strata = SliceSerializer(many=True)
    phases = SliceSerializer(many=True)
    unexposed = _counts("Assigned and not exposed, by variant.")


class ResultsSerializer(serializers.Serializer[Any]):
    format = serializers.IntegerField()
    key = serializers.CharField()
    synthetic = serializers.BooleanField(help_text="Made up, for a demonstration.")
    protocol_sha256 = serializers.CharField()
    look_sha256 = serializers.CharField()
    alpha = serializers.FloatField()
    number = serializers.IntegerField(help_text="Of the look, from 1.")
    as_of = serializers.DateTimeField()
    phase = ResultPhaseSerializer()
    arms = serializers.ListField(child=serializers.CharField(), help_text="The control first.")
    control = serializers.CharField()
    weights = serializers.DictField(child=serializers.FloatField())
    funnel = FunnelSerializer()
    strata = serializers.DictField(child=_counts("By variant."), help_text="Members by stratum.")
    balance = BalanceSerializer()
    headline = HeadlineSerializer()
    families = serializers.DictField(child=serializers.CharField())
    treatments = TreatmentSerializer(many=True)


class ExperimentResultsView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": MANAGE}

    @extend_schema(
        responses={200: ResultsSerializer, 304: None},
        parameters=[
            OpenApiParameter("as_of", str, description="A day or a moment: the newest look at or before it."),
            OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER),
        ],
        operation_id="experiment_results",
    )
    def get(self, request: Request, key: str) -> Response:
        """Results as of a look; 409 `srm-alarm` while they are hidden, 304 where the client has that look already."""
        as_of = moment_of(request.query_params.get("as_of", ""))
        found = results_of(key=key, as_of=as_of, acting_user=acting_user(request))
        document = found.document()
        tags = [part.strip().removeprefix("W/") for part in request.headers.get("If-None-Match", "").split(",")]
        answer = Response(status=status.HTTP_304_NOT_MODIFIED) if found.etag in tags else Response(document)
        answer.headers["ETag"] = found.etag
        patch_cache_control(answer, private=True, no_cache=True)
        patch_vary_headers(answer, ["Authorization", "Cookie"])
        return answer
