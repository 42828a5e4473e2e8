"""Who got which variant and what it followed from; and when the variant first made a difference to them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.models import BaseModel


class StratumCounter(BaseModel):
    """How many arrived in a stratum of a phase: its row is locked while a number is given."""

    phase = models.ForeignKey("experiments.ExperimentPhase", on_delete=models.CASCADE, related_name="strata")
    stratum = models.CharField(max_length=500)
    arrived = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "experiment_strata"
        ordering: ClassVar = ["phase", "stratum"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["phase", "stratum"], name="one_counter_a_stratum")]

    def __str__(self) -> str:
        return f"{self.stratum or 'everybody'}: {self.arrived}"


class ExperimentAssignment(BaseModel):
    """One answer a subject and experiment (C2), kept over phases; `record_json` holds what it can be replayed from."""

    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.PROTECT, related_name="assignments")
    phase = models.ForeignKey("experiments.ExperimentPhase", on_delete=models.PROTECT, related_name="assignments")
    subject = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="experiment_assignments")
    variant = models.CharField(max_length=60, blank=True, help_text="Empty for who is held out.")
    is_holdout = models.BooleanField(default=False)
    bucket = models.PositiveIntegerField(help_text="The place for the variant's salt, 0 to 99,999.")
    stratum = models.CharField(max_length=500, blank=True)
    number = models.PositiveIntegerField(null=True, help_text="The place in the stratum, from 0.")
    propensity = models.FloatField(null=True)
    assigned_at = models.DateTimeField()
    record_json = models.JSONField()

    class Meta:
        db_table = "experiment_assignments"
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["experiment", "subject"], name="one_assignment_a_subject"),
            models.UniqueConstraint(fields=["phase", "stratum", "number"], name="one_subject_a_place"),
            models.CheckConstraint(
                condition=models.Q(is_holdout=True, variant="") | (models.Q(is_holdout=False) & ~models.Q(variant="")),
                name="held_out_or_in_a_variant",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject_id}: {self.variant or 'held out'}"


class ExperimentExposure(BaseModel):
    """A variant was used on a subject (C2): each use once, by what it was. `created_at` is when we knew of it.

    Not always the assigned variant: who is seen in another one is left out of the analysis, and counted.
    """

    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.PROTECT, related_name="exposures")
    subject = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="+")
    variant = models.CharField(max_length=60)
    coach_id = models.UUIDField(null=True, help_text="Who coached them then: athletes of one coach are alike.")
    exposed_at = models.DateTimeField()
    source = models.CharField(max_length=40, help_text="What used it, such as plan.generated.")
    source_id = models.UUIDField(help_text="Which one; told twice, it counts once.")
    preference = models.CharField(max_length=60, blank=True, help_text="What the caller wished for, where asked.")

    class Meta:
        db_table = "experiment_exposures"
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["experiment", "source", "source_id"], name="one_exposure_a_use"),
        ]
        indexes: ClassVar = [models.Index(fields=["experiment", "subject"], name="exposures_of_subject")]

    def __str__(self) -> str:
        return f"{self.subject_id}: {self.variant}"
