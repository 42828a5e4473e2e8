"""What became of the plan: sessions done, the calendar that athletes subscribe to, what they thought of the cycle."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.models import BaseModel, CiphertextField


class CompletionStatus(models.TextChoices):
    DONE = "done", "Done"
    PARTLY = "partly", "Partly done"
    SKIPPED = "skipped", "Skipped"


class SessionCompletion(BaseModel):
    """What became of a planned session; the newest row of a session counts, earlier ones stay as history."""

    plan = models.ForeignKey("plans.Plan", on_delete=models.PROTECT, related_name="completions")
    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="+")
    session_id = models.UUIDField()
    day = models.DateField()
    status = models.CharField(max_length=8, choices=CompletionStatus)
    duration_min = models.FloatField(null=True)
    distance_km = models.FloatField(null=True)
    rpe = models.PositiveSmallIntegerField(null=True, help_text="Borg CR10, 0 to 10.")
    note = CiphertextField(null=True, help_text="Encrypted under the athlete's key.")
    activity = models.ForeignKey("modeling.Activity", null=True, on_delete=models.PROTECT, related_name="+")
    is_placeholder = models.BooleanField(default=False, help_text="The activity was made from what the athlete said.")
    recorded_by_id = models.UUIDField()

    class Meta:
        db_table = "session_completions"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["athlete", "session_id", "-id"], name="completion_of_session")]

    def __str__(self) -> str:
        return f"{self.status} on {self.day}"


class CalendarFeed(BaseModel):
    """A subscription address of an athlete's schedule; the address holds a secret, the table only its hash."""

    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.CASCADE, related_name="+")
    token_sha256 = models.CharField(max_length=64, unique=True)
    created_by_id = models.UUIDField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "calendar_feeds"

    def __str__(self) -> str:
        return f"feed of {self.athlete_id}"


class CycleFeedback(BaseModel):
    """What an athlete thought of a cycle (CSAT, 1 to 5)."""

    plan = models.ForeignKey("plans.Plan", on_delete=models.PROTECT, related_name="feedback")
    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="+")
    score = models.PositiveSmallIntegerField()
    comment = CiphertextField(null=True, help_text="Encrypted under the athlete's key.")

    class Meta:
        db_table = "cycle_feedback"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan"], name="one_feedback_a_cycle"),
            models.CheckConstraint(condition=models.Q(score__gte=1, score__lte=5), name="score_1_to_5"),
        ]

    def __str__(self) -> str:
        return f"{self.score} of 5"
