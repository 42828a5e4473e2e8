"""What reviewing takes and gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from modeling.tagging.tags import LABELS
from plans.api.serializers import PlanSerializer, VersionSerializer
from plans.document.patch import REASONS
from plans.models import PlanComment, PlanVersion, TagSource, Visibility
from plans.policies import shown_summary

REASON_CHOICES = list(REASONS.items())
TAG_CHOICES = list(LABELS.items())


class OperationSerializer(serializers.Serializer[Any]):
    """One operation of a JSON Patch (RFC 6902) with, if you like, the reason for it."""

    op = serializers.ChoiceField(choices=["add", "replace", "remove", "test"])
    path = serializers.CharField(help_text="/sessions/ID, /sessions/ID/FIELD or /sessions/ID/prescribed_work/NAME")
    value = serializers.JSONField(required=False)
    reason = serializers.ChoiceField(choices=REASON_CHOICES, required=False)
    note = serializers.CharField(required=False)


class ChangeMarkerSerializer(serializers.Serializer[Any]):
    session_id = serializers.UUIDField()
    change = serializers.ChoiceField(choices=["added", "removed", "replaced"])
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    reason = serializers.CharField()
    note = serializers.CharField()


class ReviewedVersionSerializer(VersionSerializer):
    """A version with its change markers and what they come to in one sentence."""

    changes = ChangeMarkerSerializer(many=True, source="changes_shown")
    impact = serializers.CharField()
    etag = serializers.CharField()

    class Meta(VersionSerializer.Meta):
        fields = (*VersionSerializer.Meta.fields, "changes", "impact", "etag")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]


_KNOWN_TO_ITS_AUTHOR = frozenset({"weeks", "warnings", "relaxed", "provenance", "adjustments"})
_NEW_TO_ITS_AUTHOR = tuple(name for name in VersionSerializer.Meta.fields if name not in _KNOWN_TO_ITS_AUTHOR)


class SavedVersionSerializer(serializers.ModelSerializer[PlanVersion]):
    """What a client that sent an edit does not know yet (`Prefer: return=minimal`)."""

    predicted = serializers.JSONField(source="predicted_json", allow_null=True)
    impact = serializers.CharField()
    etag = serializers.CharField()

    class Meta:
        model = PlanVersion
        fields = (*_NEW_TO_ITS_AUTHOR, "impact", "etag")
        read_only_fields = fields


class VersionRowSerializer(serializers.ModelSerializer[PlanVersion]):
    author_name = serializers.SerializerMethodField()
    diff_summary_json = serializers.SerializerMethodField()

    class Meta:
        model = PlanVersion
        fields = (
            "id",
            "version_number",
            "status",
            "author_id",
            "author_name",
            "parent_version_id",
            "baseline_id",
            "created_at",
            "diff_summary_json",
            "content_sha256",
        )
        read_only_fields = fields

    @extend_schema_field({"type": "object"})
    def get_diff_summary_json(self, version: PlanVersion) -> dict[str, Any]:
        return shown_summary(self.context["user"], version)

    def get_author_name(self, version: PlanVersion) -> str:
        names: dict[Any, str] = self.context.get("names", {})
        return names.get(version.author_id, "")


class WhatIfInSerializer(serializers.Serializer[Any]):
    operations = OperationSerializer(many=True)


class NothingInSerializer(serializers.Serializer[Any]):
    """An object without fields of its own, or no body at all."""


class LookInSerializer(serializers.Serializer[Any]):
    version_number = serializers.IntegerField(min_value=1)


class SubmitInSerializer(serializers.Serializer[Any]):
    comment = serializers.CharField(required=False, allow_blank=True, max_length=4000, default="")
    reason = serializers.ChoiceField(choices=REASON_CHOICES, required=False, allow_blank=True, default="")
    expected_etag = serializers.CharField(required=False, help_text="Where the header If-Match cannot be sent.")


class WithdrawInSerializer(serializers.Serializer[Any]):
    comment = serializers.CharField(required=False, allow_blank=True, max_length=4000, default="")
    expected_etag = serializers.CharField(required=False)


class ApproveInSerializer(serializers.Serializer[Any]):
    decision = serializers.ChoiceField(choices=["accept", "request_changes"])
    comment = serializers.CharField(required=False, allow_blank=True, max_length=4000, default="")
    version_id = serializers.UUIDField(help_text="The version that you read.")
    content_sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", help_text="Its content, as you read it.")
    rating = serializers.IntegerField(
        required=False, min_value=1, max_value=5, help_text="With an acceptance: how the plan pleases you, 1 to 5."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "rating" in attrs and attrs["decision"] != "accept":
            raise serializers.ValidationError({"rating": "A rating goes with an acceptance."})
        return attrs


class RegenerateInSerializer(serializers.Serializer[Any]):
    race_date = serializers.DateField(required=False)
    goal_time = serializers.CharField(required=False, help_text="h:mm:ss or mm:ss")
    expected_etag = serializers.CharField(required=False)


class ConflictSerializer(serializers.Serializer[Any]):
    session_id = serializers.UUIDField()
    part = serializers.CharField()
    baseline = serializers.JSONField(allow_null=True)
    mine = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)


class RegeneratedSerializer(serializers.Serializer[Any]):
    plan = PlanSerializer()
    version = ReviewedVersionSerializer()
    conflicts = ConflictSerializer(many=True)


class CommentInSerializer(serializers.Serializer[Any]):
    message = serializers.CharField(max_length=4000)
    anchor_id = serializers.UUIDField(required=False, allow_null=True, help_text="A session's id.")
    visibility = serializers.ChoiceField(choices=Visibility.choices, default=Visibility.SHARED)
    parent_id = serializers.UUIDField(required=False, allow_null=True)


class CommentTagSerializer(serializers.Serializer[Any]):
    """What a comment was taken to be about; the model says how likely, a coach just says so."""

    tag = serializers.ChoiceField(choices=TAG_CHOICES)
    probability = serializers.FloatField(
        allow_null=True,
        min_value=0,
        max_value=1,
        help_text="Null from a coach, or where the model cannot read the text.",
    )
    source = serializers.ChoiceField(choices=TagSource.choices)  # type: ignore[assignment]  # ours, not DRF's


class CommentTagsInSerializer(serializers.Serializer[Any]):
    tags = serializers.ListField(
        child=serializers.ChoiceField(choices=TAG_CHOICES),
        min_length=1,
        max_length=len(TAG_CHOICES),
        help_text="The full set; `other` stands alone.",
    )


class CommentSerializer(serializers.ModelSerializer[PlanComment]):
    message = serializers.SerializerMethodField()
    author_name = serializers.SerializerMethodField()
    resolved_at = serializers.SerializerMethodField()
    tags = serializers.SerializerMethodField()

    class Meta:
        model = PlanComment
        fields = (
            "id",
            "anchor_id",
            "parent_id",
            "version_id",
            "author_id",
            "author_name",
            "message",
            "visibility",
            "created_at",
            "resolved_at",
            "tags",
        )
        read_only_fields = fields

    def get_message(self, comment: PlanComment) -> str:
        return str(self.context["ring"].read(comment.athlete_id, comment.message))

    def get_author_name(self, comment: PlanComment) -> str:
        names: dict[Any, str] = self.context.get("names", {})
        return names.get(comment.author_id, "")

    def get_resolved_at(self, comment: PlanComment) -> str | None:
        resolution = getattr(comment, "resolution", None)
        return resolution.created_at.isoformat() if resolution else None

    @extend_schema_field(CommentTagSerializer(many=True, allow_null=True))
    def get_tags(self, comment: PlanComment) -> list[dict[str, Any]] | None:
        """Return the tags that count, the likeliest first; none where nobody tagged it, null for who may not tag."""
        found = self.context.get("tags")
        if found is None:
            return None
        return found[comment.pk].as_json() if comment.pk in found else []


class GuardSerializer(serializers.Serializer[Any]):
    guard = serializers.CharField()
    amount = serializers.FloatField()
    unit = serializers.CharField()
    where = serializers.CharField()
    message = serializers.CharField()
    safety = serializers.BooleanField()
    new = serializers.BooleanField(help_text="Not broken before the edit.")


class SubmissionSerializer(serializers.Serializer[Any]):
    """What a submission would meet: safety guards broken against the machine's version, and whether to say why."""

    guards = GuardSerializer(many=True)
    needs_reason = serializers.BooleanField(help_text="Some edit still lacks a reason; submitting wants one.")


class WhatIfSerializer(serializers.Serializer[Any]):
    """What an edit does to race day: seconds with an 80 % interval (positive is slower), curves, guards, summary."""

    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    delta = serializers.JSONField(allow_null=True)
    days = serializers.ListField(child=serializers.DateField())
    before_series = serializers.JSONField()
    after_series = serializers.JSONField()
    guards = GuardSerializer(many=True)
    submission = SubmissionSerializer()
    summary = serializers.JSONField()


class ChangelogEntrySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=["change", "decision", "comment"])
    at = serializers.DateTimeField()
    user_id = serializers.UUIDField()
    user_name = serializers.CharField()
    version_number = serializers.IntegerField()
    detail = serializers.JSONField()


class ChangelogPageSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    results = ChangelogEntrySerializer(many=True)
