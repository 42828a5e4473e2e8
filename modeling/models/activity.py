"""One training session as done."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from common.translating.showing import day, shown
from modeling.models.base import HistoryRow


class Activity(HistoryRow):
    """A session, whatever file it came from, with the load that the model counts.

    Durations in seconds, distance in metres, heart rate in beats a minute, power in watts. `day` is the athlete's
    calendar day.
    """

    day = models.DateField()
    started_at = models.DateTimeField(null=True, blank=True)
    sport = models.CharField(max_length=10)
    duration_s = models.FloatField(default=0, verbose_name="duration", help_text="Seconds.")
    moving_s = models.FloatField(null=True, blank=True, verbose_name="moving time", help_text="Seconds.")
    elapsed_s = models.FloatField(null=True, blank=True)
    distance_m = models.FloatField(null=True, blank=True, verbose_name="distance", help_text="Metres.")
    mean_hr = models.FloatField(null=True, blank=True, verbose_name="mean heart rate", help_text="Beats a minute.")
    max_hr = models.FloatField(null=True, blank=True, verbose_name="maximum heart rate", help_text="Beats a minute.")
    normalised_power_w = models.FloatField(null=True, blank=True, verbose_name="normalised power", help_text="Watts.")
    mean_power_w = models.FloatField(null=True, blank=True)
    ascent_m = models.FloatField(null=True, blank=True)
    rpe = models.FloatField(
        null=True, blank=True, verbose_name="RPE", help_text="Rating of perceived exertion, 0 to 10."
    )
    efforts = models.JSONField(default=list, blank=True)

    stated_load = models.FloatField(null=True, blank=True, help_text="As the source gave it.")
    stated_load_unit = models.CharField(max_length=20, blank=True)
    stated_load_source = models.CharField(max_length=10, blank=True)
    load = models.FloatField(help_text="What the model counts.")
    load_unit = models.CharField(max_length=20)
    load_method = models.CharField(max_length=20)
    load_flags = models.JSONField(default=list, blank=True)

    source_name = models.CharField(max_length=255)
    source_line = models.PositiveIntegerField(null=True, blank=True)
    fingerprint = models.CharField(max_length=64)

    class Meta(HistoryRow.Meta):
        ordering: ClassVar = ["-day", "-id"]
        verbose_name_plural = "activities"
        indexes: ClassVar = [models.Index(fields=["athlete", "day"], name="activity_athlete_day")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["athlete", "fingerprint"], condition=Q(deleted_at=None), name="one_activity_a_fingerprint"
            ),
            models.CheckConstraint(condition=Q(load__gte=0) & Q(load__lte=2000), name="activity_load_plausible"),
            models.CheckConstraint(condition=Q(duration_s__gte=0), name="activity_duration_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{day(self.day, 'j M Y')}, {shown(self.sport)}, {self.load:.0f} {self.load_unit}"
