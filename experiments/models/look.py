"""What was known of an experiment at a moment."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.models import BaseModel


class ExperimentLook(BaseModel):
    """The sums of one look; append-only, so that a result never changes after it was told. No subject is in it."""

    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.PROTECT, related_name="looks")
    number = models.PositiveIntegerField()
    as_of = models.DateTimeField(help_text="What happened and was known by then counts.")
    document_json = models.JSONField()
    sha256 = models.CharField(max_length=64, help_text="Of the document, canonical JSON, hex.")

    class Meta:
        db_table = "experiment_looks"
        ordering: ClassVar = ["experiment", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["experiment", "number"], name="one_look_a_number"),
            models.UniqueConstraint(fields=["experiment", "as_of"], name="one_look_a_moment"),
        ]

    def __str__(self) -> str:
        return f"look {self.number}"
