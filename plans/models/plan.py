"""A plan's mutable head; its content lives in immutable versions."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.history import tracked
from common.models import BaseModel


class State(models.TextChoices):
    """States of a plan's head; how they follow each other is `plans/workflow.py`'s table."""

    GENERATED = "generated", "Generated"
    DRAFT = "draft", "Draft"
    COACH_REVIEWED = "coach_reviewed", "Coach reviewed"
    APPROVED = "approved", "Approved"
    PUBLISHED = "published", "Published"
    COMPLETED = "completed", "Completed"
    NEEDS_REVISION = "needs_revision", "Needs revision"
    SUPERSEDED = "superseded", "Superseded"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Plan(BaseModel):
    """The head: state, the version under review and the version that the athlete trains by."""

    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="plans")
    created_by_id = models.UUIDField(editable=False)
    status = models.CharField(max_length=16, choices=State, default=State.GENERATED)
    race = models.CharField(max_length=20)
    race_date = models.DateField()
    goal_seconds = models.FloatField(null=True, blank=True)
    available_days = models.JSONField(default=list)
    pipeline = models.CharField(max_length=12)
    experiment_arm = models.CharField(max_length=60, blank=True)
    active_version = models.ForeignKey(
        "plans.PlanVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    head_version = models.ForeignKey("plans.PlanVersion", null=True, on_delete=models.PROTECT, related_name="+")
    lock_version = models.PositiveIntegerField(default=1)

    history = tracked("plans_history")

    class Meta:
        db_table = "plans"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["athlete", "-id"], name="plan_athlete_newest")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(status__in=State.values), name="plan_status_known"),
        ]

    def __str__(self) -> str:
        return f"{self.race} on {self.race_date}"
