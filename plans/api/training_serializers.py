"""What training takes and gives."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import Athlete, Consent
from plans.models import CompletionStatus, SessionCompletion

SETTINGS = ("personalised_plans", "units", "time_zone", "name", "resting_heart_rate", "birth_year", "sex")


class AmountField(serializers.FloatField):
    """A number; `true` is none, though Python reads it as 1."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        return float(super().to_internal_value(data))


class DueSerializer(serializers.Serializer[Any]):
    session_id = serializers.UUIDField(source="session.session_id")
    plan_id = serializers.UUIDField(source="session.version.plan_id")
    day = serializers.DateField(source="session.day")
    kind = serializers.CharField(source="session.kind")
    title = serializers.CharField(source="session.title")
    modality = serializers.CharField(source="session.modality")
    prescribed_work = serializers.JSONField(source="session.prescribed_work_json")
    load = serializers.FloatField(source="session.load")
    key_session = serializers.BooleanField(source="session.key_session")
    locked = serializers.BooleanField(source="session.locked")
    status = serializers.CharField(help_text="planned, done, partly or skipped")


class CompletionInSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=CompletionStatus.choices)
    duration_min = AmountField(required=False, allow_null=True, min_value=0, max_value=1440)
    distance_km = AmountField(required=False, allow_null=True, min_value=0, max_value=1000)
    rpe = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=10)
    note = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class CompletionSerializer(serializers.ModelSerializer[SessionCompletion]):
    class Meta:
        model = SessionCompletion
        fields = (
            "id",
            "session_id",
            "day",
            "status",
            "duration_min",
            "distance_km",
            "rpe",
            "activity_id",
            "is_placeholder",
            "created_at",
        )
        read_only_fields = fields


class MoveInSerializer(serializers.Serializer[Any]):
    plan_id = serializers.UUIDField()
    day = serializers.DateField()


class WeekAdherenceSerializer(serializers.Serializer[Any]):
    monday = serializers.DateField()
    due = serializers.IntegerField()
    done = serializers.FloatField()
    percent = serializers.FloatField(allow_null=True)


class ResultInSerializer(serializers.Serializer[Any]):
    race = serializers.CharField(max_length=20)
    day = serializers.DateField()
    time = serializers.CharField(max_length=12, help_text="h:mm:ss or mm:ss")


class FeedbackInSerializer(serializers.Serializer[Any]):
    score = serializers.IntegerField(min_value=1, max_value=5)
    comment = serializers.CharField(required=False, allow_blank=True, max_length=4000)


class ConsentInSerializer(serializers.Serializer[Any]):
    granted = serializers.BooleanField()
    text_version = serializers.CharField(max_length=20)


class ConsentSerializer(serializers.ModelSerializer[Consent]):
    class Meta:
        model = Consent
        fields = ("purpose", "granted", "text_version")
        read_only_fields = fields


class SettingsSerializer(serializers.ModelSerializer[Athlete]):
    class Meta:
        model = Athlete
        fields = SETTINGS
        extra_kwargs = {name: {"required": False} for name in SETTINGS}  # noqa: RUF012


class FeedSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.URLField(help_text="Shown once; whoever has it reads the schedule until it is revoked.")
