"""Models that say what a comment is about, made from the seed set and people's corrections."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.models import BaseModel


class TagModelRecord(BaseModel):
    """One trained model; earlier ones stay. Where none is in use, the model of the seed set alone serves.

    `document` holds coefficients and intercepts and no text; `learnt_from` names the corrections by the ids of their
    sets, so that it can be told whether one of them may not be used any more.
    """

    version = models.CharField(max_length=40, unique=True)
    document = models.JSONField()
    sha256 = models.CharField(max_length=64)
    metrics = models.JSONField(help_text="By cross-validation on the seed set's held-out groups.")
    learnt_from = models.JSONField(default=list)
    in_use = models.BooleanField(default=False)
    trained_by_id = models.UUIDField()

    class Meta:
        db_table = "tag_models"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["in_use"], condition=models.Q(in_use=True), name="one_tag_model_in_use"),
        ]

    def __str__(self) -> str:
        return self.version
