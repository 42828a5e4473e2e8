"""What the plans API takes and gives."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.requests import acting_user
from common.jobs import Job
from common.problem import translated
from plans.models import Plan, PlanSession, PlanVersion
from plans.policies import shown_head, shown_summary
from plans.presentation import DAYS, clock_text, seconds_from
from plans.routing import CHOICES
from plans.services.request_plan import PlanWish
from plans.services.versions import etag_of


@extend_schema_field({"oneOf": [{"type": "string", "example": "3:15:00"}, {"type": "number"}]})
class GoalTimeField(serializers.Field[float, Any, str, Any]):
    """A race time: `h:mm:ss`, `mm:ss` or seconds."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, int | float) and not isinstance(data, bool):
            return float(data)
        try:
            return seconds_from(str(data))
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error

    def to_representation(self, value: float) -> str:
        return clock_text(value)


class PlanRequestInSerializer(serializers.Serializer[Any]):
    athlete_id = serializers.UUIDField(required=False, help_text="Left out by an athlete, who asks for themselves.")
    race_date = serializers.DateField()
    race_distance = serializers.CharField(max_length=20)
    goal_time = GoalTimeField(required=False, allow_null=True)
    available_days = serializers.ListField(
        child=serializers.ChoiceField(choices=DAYS), required=False, max_length=7, help_text="Days to train on."
    )
    model_choice = serializers.ChoiceField(choices=CHOICES, required=False)

    def wish(self) -> PlanWish:
        data = self.validated_data
        days = data.get("available_days")
        return PlanWish(
            race_date=data["race_date"],
            race_distance=data["race_distance"],
            goal_seconds=data.get("goal_time"),
            available_days=frozenset(range(7)) if days is None else frozenset(DAYS.index(day) for day in days),
            model_choice=data.get("model_choice", ""),
        )


PROBLEM: Final = {
    "type": "object",
    "additionalProperties": {},
    "nullable": True,
    "description": "Why it failed, in the language that is asked for.",
}


class PlanRequestSerializer(serializers.ModelSerializer[Job]):
    """The status of a request for a plan."""

    status = serializers.CharField(source="state")
    plan_id = serializers.SerializerMethodField()
    problem = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = ("id", "status", "progress", "progress_note", "plan_id", "problem", "created_at", "finished_at")
        read_only_fields = fields

    @extend_schema_field(PROBLEM)
    def get_problem(self, job: Job) -> dict[str, Any] | None:
        return translated(job.problem) if job.problem else None

    @extend_schema_field({"type": "string", "format": "uuid", "nullable": True})
    def get_plan_id(self, job: Job) -> str | None:
        return (job.result or {}).get("plan_id")


STATE_AT_WRITING: Final = {
    "status": {"help_text": "The plan's state when this version was written; `status` of the plan says where it is."}
}


class VersionBriefSerializer(serializers.ModelSerializer[PlanVersion]):
    class Meta:
        model = PlanVersion
        fields = (
            "id",
            "version_number",
            "status",
            "created_at",
            "diff_summary_json",
            "predicted_json",
            "content_sha256",
        )
        read_only_fields = fields
        extra_kwargs = STATE_AT_WRITING


class PlanSerializer(serializers.ModelSerializer[Plan]):
    athlete_name = serializers.CharField(source="athlete.__str__")
    goal_time = serializers.SerializerMethodField()
    head_version = serializers.SerializerMethodField()
    etag = serializers.SerializerMethodField()

    class Meta:
        model = Plan
        fields = (
            "id",
            "athlete_id",
            "athlete_name",
            "status",
            "race",
            "race_date",
            "goal_time",
            "pipeline",
            "experiment_arm",
            "active_version_id",
            "head_version",
            "created_at",
            "created_by_id",
            "state_since",
            "etag",
        )
        read_only_fields = fields

    @extend_schema_field(VersionBriefSerializer(allow_null=True))
    def get_head_version(self, plan: Plan) -> dict[str, Any] | None:
        request = self.context.get("request")
        if request is None:
            return dict(VersionBriefSerializer(plan.head_version).data) if plan.head_version else None
        user = acting_user(request)
        version = shown_head(user, plan)
        if version is None:
            return None
        return {**VersionBriefSerializer(version).data, "diff_summary_json": shown_summary(user, version)}

    def get_etag(self, plan: Plan) -> str:
        return etag_of(plan)

    @extend_schema_field({"type": "string", "nullable": True, "example": "3:15:00"})
    def get_goal_time(self, plan: Plan) -> str | None:
        return clock_text(plan.goal_seconds) if plan.goal_seconds else None


class SessionSerializer(serializers.ModelSerializer[PlanSession]):
    prescribed_work = serializers.JSONField(source="prescribed_work_json")

    class Meta:
        model = PlanSession
        fields = ("session_id", "day", "modality", "kind", "title", "prescribed_work", "load", "key_session", "locked")
        read_only_fields = fields


class WeekSerializer(serializers.Serializer[Any]):
    """The shape of `plans.selectors.week_bodies`."""

    number = serializers.IntegerField()
    monday = serializers.DateField()
    phase = serializers.CharField()
    is_recovery = serializers.BooleanField()
    target_load = serializers.FloatField()
    load = serializers.FloatField()
    sessions = SessionSerializer(many=True)

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        """Return the week as it is; a plan has a hundred sessions, and by field they cost more than the edit itself."""
        return instance


class AdjustmentSerializer(serializers.Serializer[Any]):
    """A session that the machine adjusted beforehand, as coaches usually do; an ordinary edit takes it back."""

    session_id = serializers.UUIDField()
    adjustment = serializers.CharField(help_text="volume, swap, move or rest")
    probability = serializers.FloatField(help_text="That a coach would make this adjustment.")
    reason = serializers.CharField()
    coaches = serializers.IntegerField()
    athletes = serializers.IntegerField()
    cases = serializers.IntegerField()
    before = serializers.CharField(help_text="The session as it would have been, in words.")
    after = serializers.CharField(help_text="What it was adjusted to, in words.")
    original = serializers.JSONField(help_text="The session as it would have been.")


class VersionSerializer(serializers.ModelSerializer[PlanVersion]):
    """A version, whole: weeks with sessions, prediction, warnings, relaxed guards and where it comes from."""

    weeks = WeekSerializer(many=True)
    predicted = serializers.JSONField(source="predicted_json", allow_null=True)
    warnings = serializers.JSONField(source="warnings_json")
    relaxed = serializers.JSONField(source="relaxed_json")
    provenance = serializers.JSONField(source="provenance_json")
    adjustments = AdjustmentSerializer(many=True)

    class Meta:
        model = PlanVersion
        fields = (
            "id",
            "plan_id",
            "version_number",
            "parent_version_id",
            "baseline_id",
            "status",
            "author_id",
            "created_at",
            "diff_summary_json",
            "content_sha256",
            "predicted",
            "warnings",
            "relaxed",
            "provenance",
            "adjustments",
            "weeks",
        )
        read_only_fields = fields
        extra_kwargs = STATE_AT_WRITING
