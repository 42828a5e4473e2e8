"""A fitted model and its report."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.models import BaseModel


class Grade(models.TextChoices):
    CALIBRATED = "calibrated", "Calibrated"
    PROVISIONAL = "provisional", "Provisional"
    POPULATION = "population", "Population"


class Recomputation(models.TextChoices):
    """What an independent recomputation of a fit's parameters said."""

    AGREES = "agrees", "Agrees"
    CONTRADICTS = "contradicts", "Contradicts"
    INPUTS_CHANGED = "inputs_changed", "Not comparable: its inputs changed"


class Fit(BaseModel):
    """The report of one fit over exactly one set of inputs (`cache_key`).

    The posterior itself is not stored: refitting the same inputs takes milliseconds and gives the same numbers.
    `recomputation` is of those that were sampled to be computed a second time (`modeling.services.recompute_fits`).
    """

    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.CASCADE, related_name="fits")
    cache_key = models.CharField(max_length=64)
    method = models.CharField(max_length=16)
    grade = models.CharField(max_length=12, choices=Grade)
    report = models.JSONField()
    model_version = models.CharField(max_length=40)
    window_from = models.DateField()
    window_until = models.DateField()
    n_tests = models.PositiveIntegerField()
    invalidated_at = models.DateTimeField(null=True, editable=False)
    invalidated_because = models.CharField(max_length=200, blank=True)
    recomputed_at = models.DateTimeField(null=True, editable=False)
    recomputation = models.CharField(
        max_length=14, choices=Recomputation, blank=True, default="", db_default="", editable=False
    )
    deviation = models.FloatField(
        null=True,
        editable=False,
        help_text="Largest distance of a parameter to its recomputation, as a share of its interval's width.",
    )

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["athlete", "cache_key"],
                condition=models.Q(invalidated_at=None),
                name="one_valid_fit_a_key",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["athlete", "-id"], name="fit_athlete_newest")]

    def __str__(self) -> str:
        return f"{self.grade} fit until {self.window_until}"
