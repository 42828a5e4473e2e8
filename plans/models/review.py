"""What people did with versions: edits, comments, decisions; rows are inserted, never changed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.models import BaseModel, CiphertextField
from plans.document.patch import REASONS


class PlanVersionChange(BaseModel):
    """One change from a version's parent to it; replaying them in order over the parent gives the version."""

    version = models.ForeignKey("plans.PlanVersion", on_delete=models.PROTECT, related_name="changes")
    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()
    session_id = models.UUIDField()
    field_path = models.CharField(max_length=120)
    change_type = models.CharField(
        max_length=8, choices=[("add", "Added"), ("replace", "Replaced"), ("remove", "Removed")]
    )
    old_value = models.JSONField(null=True)
    new_value = models.JSONField(null=True)
    reason = models.CharField(max_length=20, blank=True, choices=list(REASONS.items()))
    note = CiphertextField(null=True, help_text="Free text, encrypted under the athlete's key.")
    comment = models.ForeignKey("plans.PlanComment", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "plan_version_changes"
        ordering: ClassVar = ["version", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "position"], name="one_change_a_position"),
        ]

    def __str__(self) -> str:
        return f"{self.change_type} {self.field_path}"


class Visibility(models.TextChoices):
    COACH = "coach", "Private to coaches"
    SHARED = "shared", "Shared with the athlete"


class PlanComment(BaseModel):
    """A comment on a session (by its id, so that it survives every version) or on the plan as a whole."""

    plan = models.ForeignKey("plans.Plan", on_delete=models.PROTECT, related_name="comments")
    version = models.ForeignKey("plans.PlanVersion", on_delete=models.PROTECT, related_name="+")
    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="+")
    anchor_id = models.UUIDField(null=True)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="replies")
    author_id = models.UUIDField()
    message = CiphertextField(help_text="Encrypted under the athlete's key.")
    visibility = models.CharField(max_length=8, choices=Visibility, default=Visibility.SHARED)

    class Meta:
        db_table = "plan_comments"
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["plan", "id"], name="comments_of_plan")]

    def __str__(self) -> str:
        return f"comment {self.pk}"


class PlanCommentResolution(BaseModel):
    """Somebody settled a thread; a row of its own, since comments never change."""

    comment = models.OneToOneField("plans.PlanComment", on_delete=models.PROTECT, related_name="resolution")
    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="+")
    resolved_by_id = models.UUIDField()

    class Meta:
        db_table = "plan_comment_resolutions"

    def __str__(self) -> str:
        return f"resolution of {self.comment_id}"


class Decision(models.TextChoices):
    SUBMIT = "submit", "Submitted"
    ACCEPT = "accept", "Accepted"
    REQUEST_CHANGES = "request_changes", "Changes requested"
    WITHDRAW = "withdraw", "Withdrawn"


class PlanReview(BaseModel):
    """A decision about a version and the very content that was seen."""

    plan = models.ForeignKey("plans.Plan", on_delete=models.PROTECT, related_name="reviews")
    version = models.ForeignKey("plans.PlanVersion", on_delete=models.PROTECT, related_name="reviews")
    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="+")
    reviewer_id = models.UUIDField()
    decision = models.CharField(max_length=16, choices=Decision)
    content_sha256 = models.CharField(max_length=64)
    submission = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="+", help_text="Which submission this decides."
    )
    is_override = models.BooleanField(default=False, help_text="An administrator decided in the athlete's place.")
    reason = models.CharField(max_length=20, blank=True, choices=list(REASONS.items()))
    comment = CiphertextField(null=True, help_text="Encrypted under the athlete's key.")
    rating = models.PositiveSmallIntegerField(null=True, help_text="How the accepted plan pleases, 1 to 5.")

    class Meta:
        db_table = "plan_reviews"
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            # Of two racing decisions about one submission one wins, whatever the code above does.
            models.UniqueConstraint(fields=["submission"], name="one_decision_a_submission"),
            models.CheckConstraint(
                condition=models.Q(decision__in=["submit", "withdraw"]) ^ models.Q(submission__isnull=False),
                name="decisions_name_their_submission",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision} of {self.version_id}"


class PlanLook(BaseModel):
    """Up to which version a person has looked at a plan."""

    plan = models.ForeignKey("plans.Plan", on_delete=models.CASCADE, related_name="looks")
    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.CASCADE, related_name="+")
    user_id = models.UUIDField()
    version_number = models.PositiveIntegerField()
    looked_at = models.DateTimeField()

    class Meta:
        db_table = "plan_looks"
        constraints: ClassVar = [models.UniqueConstraint(fields=["plan", "user_id"], name="one_look_a_person")]

    def __str__(self) -> str:
        return f"version {self.version_number}"
