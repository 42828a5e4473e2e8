"""What the modelling API takes and gives."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC
from typing import Any

from rest_framework import serializers

from modeling.history.contract import ParsedActivity
from modeling.models import Activity, Test, TestKind, TestProposal, Threshold

MAX_LOAD = 2000.0
MAX_SECONDS = 48 * 3600.0


class Finite(serializers.FloatField):
    """A finite number within bounds; JSON's NaN and Infinity are refused by name."""

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if not math.isfinite(value):
            raise serializers.ValidationError("must be a finite number")
        return float(value)


class ActivityInSerializer(serializers.Serializer[Any]):
    """One activity as data: a day or a start, and a load or a duration."""

    day = serializers.DateField(required=False)
    started_at = serializers.DateTimeField(required=False, default_timezone=UTC)
    sport = serializers.ChoiceField(choices=("running", "cycling", "other"), required=False)
    duration_s = Finite(min_value=0, max_value=MAX_SECONDS, required=False)
    moving_s = Finite(min_value=0, max_value=MAX_SECONDS, required=False)
    distance_m = Finite(min_value=0, max_value=1_000_000, required=False)
    mean_hr = Finite(min_value=30, max_value=240, required=False)
    max_hr = Finite(min_value=30, max_value=240, required=False)
    normalised_power_w = Finite(min_value=0, max_value=2000, required=False)
    rpe = Finite(min_value=0, max_value=10, required=False)
    load = Finite(min_value=0, max_value=MAX_LOAD, required=False)
    load_unit = serializers.CharField(max_length=20, default="TSS")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "day" not in attrs and "started_at" not in attrs:
            raise serializers.ValidationError({"day": "Give a day or started_at."})
        if "load" not in attrs and "duration_s" not in attrs:
            raise serializers.ValidationError({"load": "Give a load or duration_s."})
        return attrs


class ActivitiesInSerializer(serializers.Serializer[Any]):
    activities = serializers.ListField(child=ActivityInSerializer(), allow_empty=False, max_length=5000)


def parsed_from_json(data: dict[str, Any], *, sport: str, zone: Any) -> ParsedActivity:
    """Return validated JSON as the parsers' data; the same content gives the same fingerprint."""
    started = data.get("started_at")
    day = data["day"] if "day" in data else data["started_at"].astimezone(zone).date()
    text = json.dumps({**data, "day": day}, sort_keys=True, default=str)
    return ParsedActivity(
        source_name="api",
        line=None,
        started_at=started,
        day=day,
        sport=data.get("sport") or sport,  # type: ignore[arg-type]
        duration_s=data.get("duration_s", 0.0),
        fingerprint=hashlib.sha256(text.encode()).hexdigest(),
        moving_s=data.get("moving_s"),
        distance_m=data.get("distance_m"),
        mean_hr=data.get("mean_hr"),
        max_hr=data.get("max_hr"),
        normalised_power_w=data.get("normalised_power_w"),
        rpe=data.get("rpe"),
        load=data.get("load"),
        load_unit=data["load_unit"],
        load_source="table" if "load" in data else None,
    )


class FilesInSerializer(serializers.Serializer[Any]):
    file = serializers.ListField(child=serializers.FileField(), help_text="FIT, TCX, GPX, CSV or zip; repeatable.")
    start = serializers.DateField(required=False, help_text="Date of day 1 in a table of numbered days.")
    sport = serializers.ChoiceField(choices=("running", "cycling", "other"), required=False)


class ProblemRowSerializer(serializers.Serializer[Any]):
    source = serializers.CharField()  # type: ignore[assignment]  # the report's word, not DRF's attribute
    line = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()


class ImportReportSerializer(serializers.Serializer[Any]):
    files = serializers.IntegerField()
    added = serializers.IntegerField()
    known = serializers.IntegerField()
    tests_added = serializers.IntegerField()
    flagged = serializers.IntegerField()
    first_day = serializers.DateField(allow_null=True)
    last_day = serializers.DateField(allow_null=True)
    problems = ProblemRowSerializer(many=True)
    notes = serializers.ListField(child=serializers.CharField())


class ActivitySerializer(serializers.ModelSerializer[Activity]):
    class Meta:
        model = Activity
        fields = (
            "id",
            "day",
            "started_at",
            "sport",
            "duration_s",
            "distance_m",
            "mean_hr",
            "normalised_power_w",
            "load",
            "load_unit",
            "load_method",
            "load_flags",
            "source_name",
        )
        read_only_fields = fields


class TestInSerializer(serializers.Serializer[Any]):
    day = serializers.DateField()
    value = Finite(min_value=1, max_value=2499, help_text="VDOT for running, watts for cycling.")
    kind = serializers.ChoiceField(choices=TestKind.choices)
    note = serializers.CharField(max_length=200, required=False, allow_blank=True)


class TestSerializer(serializers.ModelSerializer[Test]):
    class Meta:
        model = Test
        fields = ("id", "day", "value", "kind", "note", "source_name", "activity_id")
        read_only_fields = fields


class ThresholdInSerializer(serializers.Serializer[Any]):
    sport = serializers.ChoiceField(choices=("running", "cycling"))
    valid_from = serializers.DateField()
    ftp_w = Finite(min_value=30, max_value=700, required=False)
    pace_s_per_km = Finite(min_value=120, max_value=900, required=False)
    threshold_hr = Finite(min_value=80, max_value=230, required=False)
    max_hr = Finite(min_value=100, max_value=240, required=False)


class ThresholdSerializer(serializers.ModelSerializer[Threshold]):
    class Meta:
        model = Threshold
        fields = ("id", "sport", "valid_from", "ftp_w", "pace_s_per_km", "threshold_hr", "max_hr")
        read_only_fields = fields


class ProposalSerializer(serializers.ModelSerializer[TestProposal]):
    class Meta:
        model = TestProposal
        fields = ("id", "day", "value", "kind", "reason", "activity_id")
        read_only_fields = fields


class AcceptSerializer(serializers.Serializer[Any]):
    proposals = serializers.ListField(
        child=serializers.UUIDField(), required=False, help_text="All open ones if left out."
    )


class CorrectionSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300)
    changes = serializers.DictField(required=False, help_text="Field → new value; left out to delete the row.")


class SeriesSerializer(serializers.Serializer[Any]):
    days = serializers.ListField(child=serializers.DateField())
    load = serializers.ListField(child=serializers.FloatField())
    fitness = serializers.ListField(child=serializers.FloatField(), help_text="CTL, on the morning of the day.")
    fatigue = serializers.ListField(child=serializers.FloatField(), help_text="ATL.")
    form = serializers.ListField(child=serializers.FloatField(), help_text="TSB = CTL − ATL.")
    performance = serializers.ListField(child=serializers.FloatField())
    performance_low = serializers.ListField(child=serializers.FloatField())
    performance_high = serializers.ListField(child=serializers.FloatField())
    tests = serializers.ListField(child=serializers.DictField())
    unit = serializers.CharField()
    level = serializers.FloatField()


class ModelSerializer(serializers.Serializer[Any]):
    fit_id = serializers.UUIDField()
    grade = serializers.CharField()
    fitted_at = serializers.DateTimeField()
    report = serializers.DictField()
    series = SeriesSerializer()
