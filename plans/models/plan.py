"""A plan's mutable head; its content lives in immutable versions."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common import clock
from common.history import tracked
from common.models import BaseModel
from plans.workflow import PENDING, State

STATE_CHOICES = [(state.value, state.label) for state in State]


class Plan(BaseModel):
    """The head: state, the version under review and the version that the athlete trains by."""

    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="plans")
    created_by_id = models.UUIDField(editable=False)
    status = models.CharField(max_length=16, choices=STATE_CHOICES, default=State.GENERATED.value)
    race = models.CharField(max_length=20)
    race_date = models.DateField()
    goal_seconds = models.FloatField(null=True, blank=True)
    available_days = models.JSONField(default=list)
    pipeline = models.CharField(max_length=12)
    experiment_arm = models.CharField(max_length=125, blank=True, help_text="The experiment's key and the variant.")
    active_version = models.ForeignKey(
        "plans.PlanVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    head_version = models.ForeignKey("plans.PlanVersion", null=True, on_delete=models.PROTECT, related_name="+")
    lock_version = models.PositiveIntegerField(default=1)
    state_since = models.DateTimeField(default=clock.now, help_text="How long the plan has been in this state.")

    history = tracked("plans_history")

    class Meta:
        db_table = "plans"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["athlete", "-id"], name="plan_athlete_newest"),
            models.Index(
                fields=["athlete", "state_since", "id"],
                name="plan_pending",
                condition=models.Q(status__in=sorted(PENDING)),
            ),
            models.Index(
                fields=["state_since", "id"], name="plan_pending_oldest", condition=models.Q(status__in=sorted(PENDING))
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(status__in=[state.value for state in State]), name="plan_status_known"
            ),
        ]

    @property
    def state(self) -> State:
        return State(self.status)

    def __str__(self) -> str:
        return f"{self.race} on {self.race_date}"
