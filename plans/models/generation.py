"""What each request for a plan asked, was routed to and came to: the two pipelines' outcome record."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.models import BaseModel


class Outcome(models.TextChoices):
    PENDING = "pending", "Pending"
    OK = "ok", "As routed"
    FALLBACK = "fallback", "Fell back to the template"
    FAILED = "failed", "Failed"


class PlanGeneration(BaseModel):
    """One request. The unique slot makes the daily limit (G7) hold under any number of racing requests."""

    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.CASCADE, related_name="+")
    requested_by_id = models.UUIDField()
    day = models.DateField()
    slot = models.PositiveSmallIntegerField()
    goal_json = models.JSONField()
    wish = models.CharField(max_length=12, blank=True)
    routed_to = models.CharField(max_length=12)
    routing_reason = models.CharField(max_length=40)
    flag_json = models.JSONField(default=dict)
    seed = models.PositiveIntegerField()
    job_id = models.UUIDField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.PENDING)
    pipeline = models.CharField(max_length=12, blank=True)
    failure = models.CharField(max_length=300, blank=True, help_text="Of the arm, also where the template stepped in.")
    latency_ms = models.FloatField(null=True)
    settled_at = models.DateTimeField(null=True, help_text="When its outcome was known.")
    experiment_json = models.JSONField(default=dict, help_text="The arm that chose the pipeline, if one did.")
    plan = models.ForeignKey("plans.Plan", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "plan_generations"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["requested_by_id", "athlete", "day", "slot"], name="one_generation_a_slot"),
        ]

    def __str__(self) -> str:
        return f"{self.routed_to} for {self.athlete_id} on {self.day}"
