"""The athlete as a person; the athlete as numbers lives in `modeling`."""

from __future__ import annotations

from typing import ClassVar, Final

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext

from accounts.models.user import Units, validate_time_zone
from common.history import tracked
from common.models import BaseModel


class Sport(models.TextChoices):
    RUNNING = "running", "Running"
    CYCLING = "cycling", "Cycling"


class Level(models.TextChoices):
    BEGINNER = "beginner", "Beginner"
    INTERMEDIATE = "intermediate", "Intermediate"
    ADVANCED = "advanced", "Advanced"
    ELITE = "elite", "Elite"


class Tier(models.TextChoices):
    """Subscription tiers; "subscriber" means any but free."""

    FREE = "free", "Free"
    BASIC = "basic", "Basic"
    GUIDED = "guided", "Guided"
    PREMIUM = "premium", "Premium"
    ELITE = "elite", "Elite"


class Sex(models.TextChoices):
    FEMALE = "female", "Female"
    MALE = "male", "Male"
    UNSPECIFIED = "unspecified", "Not stated"


PERSONAL: Final = ("name", "birth_year", "sex", "resting_heart_rate")
"""What describes the person rather than their training."""


class Athlete(BaseModel):
    """Somebody who trains; may exist without a log-in (a coach keeps the record)."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="athlete"
    )
    name = models.CharField(max_length=120)
    sport = models.CharField(max_length=10, choices=Sport)
    level = models.CharField(max_length=14, choices=Level)
    tier = models.CharField(max_length=10, choices=Tier, default=Tier.FREE)
    birth_year = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1900), MaxValueValidator(2100)]
    )
    sex = models.CharField(max_length=12, choices=Sex, default=Sex.UNSPECIFIED)
    resting_heart_rate = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(25), MaxValueValidator(120)],
        help_text="Beats a minute, on waking.",
    )
    time_zone = models.CharField(max_length=60, default="UTC", validators=[validate_time_zone])
    units = models.CharField(max_length=8, choices=Units, default=Units.METRIC)
    personalised_plans = models.BooleanField(
        null=True,
        blank=True,
        default=None,
        verbose_name="use personalised plan generation",
        help_text="Unset follows the flag; off means the template; on never widens the flag.",
    )
    team = models.ForeignKey("accounts.Team", null=True, blank=True, on_delete=models.SET_NULL, related_name="athletes")
    is_synthetic = models.BooleanField(default=False, editable=False, help_text="Made by the simulator.")

    # Rows of history cannot be erased, so they hold nothing about the person: what these were before is told by the
    # audit log, as ciphertext (`athlete.edit`).
    history = tracked("accounts_athlete_history", excluded_fields=list(PERSONAL))

    class Meta:
        ordering: ClassVar = ["name", "id"]
        indexes: ClassVar = [models.Index(fields=["name", "id"], name="athlete_by_name")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(sport__in=Sport.values), name="athlete_sport_known"),
            models.CheckConstraint(condition=models.Q(level__in=Level.values), name="athlete_level_known"),
            models.CheckConstraint(condition=models.Q(tier__in=Tier.values), name="athlete_tier_known"),
            models.CheckConstraint(condition=models.Q(sex__in=Sex.values), name="athlete_sex_known"),
        ]

    def __str__(self) -> str:
        return gettext("{name} (synthetic)").format(name=self.name) if self.is_synthetic else self.name
