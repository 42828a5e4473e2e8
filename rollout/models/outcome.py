"""What a flag's two arms did: facts as they come, and minutes that add up."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.models import BaseModel

ARMS = [("new", "New"), ("control", "Control")]


class OutcomeKind(models.TextChoices):
    ANSWER = "answer", "An answered request"
    DECISION = "decision", "What the athlete decided"
    RATING = "rating", "A rating"
    REPORT = "report", "A support report"


class OutcomeFact(BaseModel):
    """One fact about an answer of an arm; told once by its source. Rolled up it is only kept for reference.

    `stage` is the stage that made the answer, also where the fact (a decision, a rating) comes weeks later.
    """

    rollout = models.ForeignKey("rollout.Rollout", on_delete=models.CASCADE, related_name="facts")
    stage = models.PositiveSmallIntegerField()
    arm = models.CharField(max_length=8, choices=ARMS)
    kind = models.CharField(max_length=10, choices=OutcomeKind)
    source_id = models.UUIDField(help_text="Of what told it: a generation, a review, a report.")
    athlete_id = models.UUIDField(help_text="The subject.")
    invited = models.BooleanField(default=False, help_text="In by an allowlist, not by chance.")
    failed = models.BooleanField(default=False)
    fallback = models.BooleanField(default=False)
    invalid = models.BooleanField(default=False)
    unsafe = models.BooleanField(default=False)
    latency_ms = models.FloatField(null=True)
    cost_seconds = models.FloatField(default=0.0)
    accepted = models.BooleanField(null=True)
    rating = models.PositiveSmallIntegerField(null=True)
    critical = models.BooleanField(default=False)
    rolled_up = models.BooleanField(default=False)

    class Meta:
        db_table = "rollout_facts"
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "source_id"], name="one_fact_a_source"),
            models.CheckConstraint(condition=models.Q(arm__in=["new", "control"]), name="fact_arm_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], name="facts_to_roll_up", condition=models.Q(rolled_up=False)),
            models.Index(fields=["rollout", "stage", "athlete_id"], name="facts_by_subject"),
            models.Index(fields=["athlete_id", "-id"], name="facts_of_an_athlete"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.arm}"


class OutcomeMinute(BaseModel):
    """Both arms in one minute, by the stage that made the answers; also where nothing happened: it was watched."""

    rollout = models.ForeignKey("rollout.Rollout", on_delete=models.CASCADE, related_name="minutes")
    stage = models.PositiveSmallIntegerField()
    minute = models.DateTimeField(help_text="Its beginning.")
    watched_at = models.DateTimeField(null=True, help_text="When it was counted up; null of a stage that was over.")
    killed = models.BooleanField(default=False, help_text="The flag was killed when it was counted up.")
    new_json = models.JSONField(default=dict)
    control_json = models.JSONField(default=dict)

    class Meta:
        db_table = "rollout_minutes"
        ordering: ClassVar = ["rollout", "minute", "stage"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rollout", "stage", "minute"], name="one_row_a_rollout_stage_minute")
        ]

    def __str__(self) -> str:
        return f"{self.minute:%Y-%m-%d %H:%M}"
