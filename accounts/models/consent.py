"""What an athlete agreed to, by purpose and version of the text."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.history import tracked
from common.models import BaseModel


class Purpose(models.TextChoices):
    EXPERIMENTS = "experiments", "Experiments"
    TRAINING = "training", "Training of models"


class Consent(BaseModel):
    """The standing answer for a purpose; no row means that nobody asked, which counts as no."""

    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.CASCADE, related_name="consents")
    purpose = models.CharField(max_length=12, choices=Purpose)
    text_version = models.CharField(max_length=20)
    granted = models.BooleanField()

    history = tracked("accounts_consent_history")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["athlete", "purpose"], name="one_consent_a_purpose"),
            models.CheckConstraint(condition=models.Q(purpose__in=Purpose.values), name="consent_purpose_known"),
        ]

    def __str__(self) -> str:
        return f"{self.athlete}: {self.purpose} {'yes' if self.granted else 'no'}"
