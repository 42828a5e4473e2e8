"""What data scientists made of coaches' overrides: heuristics, and patterns that were found. No person is in here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from common.history import tracked
from common.models import BaseModel


class HeuristicStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    ACTIVE = "active", "Active"
    RETIRED = "retired", "Retired"


class HeuristicRow(BaseModel):
    """A heuristic (`modeling.learned.heuristics`): condition and adjustment never change, the status does."""

    name = models.CharField(max_length=60, unique=True)
    status = models.CharField(max_length=7, choices=HeuristicStatus, default=HeuristicStatus.DRAFT)
    document_json = models.JSONField()
    created_by_id = models.UUIDField(editable=False)
    experiment_key = models.CharField(max_length=60, blank=True, help_text="The experiment that tries it.")

    history = tracked("modeling_heuristics_history")

    class Meta:
        db_table = "modeling_heuristics"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.status})"


class PatternStatus(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    ADOPTED = "adopted", "Adopted"
    DISMISSED = "dismissed", "Dismissed"


class OverridePattern(BaseModel):
    """A pattern that became significant; kept whatever is decided, so that a dismissed one does not come back."""

    key = models.CharField(max_length=64, unique=True, help_text="Hash of change, kind of session and context, hex.")
    pattern_json = models.JSONField()
    evidence_json: Any = models.JSONField(help_text="As it was when it was found.")
    log_e = models.FloatField(help_text="Natural logarithm of the e-value.")
    data_sha256 = models.CharField(max_length=64)
    status = models.CharField(max_length=9, choices=PatternStatus, default=PatternStatus.PROPOSED)
    decided_by_id = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.CharField(max_length=300, blank=True)
    heuristic = models.OneToOneField(HeuristicRow, null=True, on_delete=models.PROTECT, related_name="pattern")
    experiment_key = models.CharField(max_length=60, blank=True)

    history = tracked("override_patterns_history")

    class Meta:
        db_table = "override_patterns"
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.status} pattern {self.key[:8]}"
