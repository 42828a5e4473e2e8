"""An experiment as people write it, and its phases as they were frozen."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.history import tracked
from common.models import BaseModel
from experiments.lifecycle import State

STATES = [(state.value, state.value.capitalize()) for state in State]
ROSTERS = [("open", "Open: people join while it runs"), ("closed", "Closed: everybody is known at the start")]


class Experiment(BaseModel):
    """The head (C4). While it is a draft everything may be edited; the start freezes it as a phase.

    `version` counts the changes: whoever changes an experiment says which version they saw.
    """

    key = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    owner_id = models.UUIDField(editable=False)
    status = models.CharField(max_length=8, choices=STATES, default=State.DRAFT.value)
    phase = models.PositiveSmallIntegerField(default=1)
    version = models.PositiveIntegerField(default=0)
    start_at = models.DateTimeField(null=True, blank=True, help_text="Empty: when somebody starts it.")
    end_at = models.DateTimeField(null=True, blank=True, help_text="Exclusive.")
    ended_at = models.DateTimeField(null=True, blank=True)
    variant_weights = models.JSONField(default=dict, help_text="Percent by variant, together 100.")
    stratification_keys = models.JSONField(default=list)
    holdout_percentage = models.FloatField(default=0.0)
    traffic_percentage = models.FloatField(default=100.0)
    targeting = models.JSONField(default=dict)
    layer = models.JSONField(null=True, blank=True)
    roster = models.CharField(max_length=6, choices=ROSTERS, default="open")
    block_size = models.PositiveIntegerField(null=True, blank=True)
    protocol = models.JSONField(default=dict, blank=True, help_text="What is asked and how it is judged.")
    protocol_sha256 = models.CharField(max_length=64, blank=True, editable=False, help_text="Set by the start.")
    synthetic = models.BooleanField(default=False, help_text="Its looks are made up, for a demonstration.")
    ended_by = models.CharField(max_length=300, blank=True, help_text="The guardrail that stopped it, if one did.")

    history = tracked("experiments_history")

    class Meta:
        db_table = "experiments"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(status__in=[state.value for state in State]), name="experiment_status_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.status}"


class ExperimentPhase(BaseModel):
    """A configuration as it was frozen, and when it began to assign; append-only. The next phase ends it."""

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="phases")
    number = models.PositiveSmallIntegerField()
    document_json = models.JSONField()
    version = models.CharField(max_length=64, help_text="SHA-256 of the document, canonical JSON, hex.")
    started_at = models.DateTimeField()
    reason = models.CharField(max_length=300)

    class Meta:
        db_table = "experiment_phases"
        ordering: ClassVar = ["experiment", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["experiment", "number"], name="one_phase_a_number"),
        ]

    def __str__(self) -> str:
        return f"phase {self.number}"
