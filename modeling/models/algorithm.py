"""Training runs and the model versions that came of them: the registry. No athlete is in these tables."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.history import tracked
from common.models import BaseModel


class RunStatus(models.TextChoices):
    RUNNING = "running", "Running"
    PASSED = "passed", "Passed the gate"
    REFUSED = "refused", "Refused by the gate"
    NOTHING = "nothing", "Too little to learn from"
    FAILED = "failed", "Failed"


class TrainingRun(BaseModel):
    """One run of the chain: what went in, how it was judged, what came out; kept also where nothing came."""

    as_of = models.DateTimeField(help_text="What was known then; later rows are not looked at.")
    trigger = models.CharField(max_length=10, choices=[("nightly", "Nightly"), ("person", "By hand")])
    requested_by_id = models.UUIDField()
    dry_run = models.BooleanField(default=False)
    status = models.CharField(max_length=8, choices=RunStatus, default=RunStatus.RUNNING)
    step = models.CharField(max_length=12, blank=True, help_text="Which step it is in, or stopped in.")
    message = models.CharField(max_length=500, blank=True)
    finished_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(
        null=True, help_text="Its process says that it lives until then; later the run counts as failed."
    )
    code_version = models.CharField(max_length=64)
    data_sha256 = models.CharField(max_length=64, blank=True)
    rows_json = models.JSONField(default=dict)
    parameters_json = models.JSONField(default=dict)
    metrics_json = models.JSONField(default=list)
    gate_json = models.JSONField(default=dict)
    tracking_url = models.CharField(max_length=300, blank=True, help_text="The run in MLflow, where that is used.")

    class Meta:
        db_table = "training_runs"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["status"], condition=models.Q(status="running"), name="one_training_run_at_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} run as of {self.as_of:%Y-%m-%d %H:%M}"


class VersionStatus(models.TextChoices):
    CANDIDATE = "candidate", "Candidate"
    CHAMPION = "champion", "Champion"
    RETIRED = "retired", "Retired"


class AlgorithmVersion(BaseModel):
    """A version of the model. The document is what plans use and never changes; the status is an alias that moves.

    Without a champion here the version that ships plans (`modeling.learned.algorithm.SHIPPED`).
    """

    name = models.CharField(max_length=40, unique=True)
    status = models.CharField(max_length=9, choices=VersionStatus, default=VersionStatus.CANDIDATE)
    run = models.OneToOneField(TrainingRun, on_delete=models.PROTECT, related_name="version")
    parent = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="+", help_text="The champion when it was trained."
    )
    document = models.TextField(help_text="Canonical JSON.")
    sha256 = models.CharField(max_length=64, help_text="Of the document, hex.")
    experiment_key = models.CharField(max_length=60, blank=True)
    promoted_at = models.DateTimeField(null=True)
    replaced = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="+", help_text="The champion that it took over from."
    )

    history = tracked("algorithm_versions_history")

    class Meta:
        db_table = "algorithm_versions"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["status"], condition=models.Q(status="champion"), name="one_champion_at_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.status})"
