"""Dated thresholds: what "hard" meant for this athlete from a day on."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import Sport
from common.translating.showing import day, shown
from modeling.models.base import HistoryRow


class Threshold(HistoryRow):
    """Thresholds of a sport, valid from a day until the next row; a blank field means not known."""

    sport = models.CharField(max_length=10, choices=Sport)
    valid_from = models.DateField()
    ftp_w = models.FloatField(null=True, blank=True, verbose_name="FTP", help_text="Watts.")
    pace_s_per_km = models.FloatField(null=True, blank=True, verbose_name="threshold pace", help_text="Seconds a km.")
    threshold_hr = models.FloatField(
        null=True, blank=True, verbose_name="threshold heart rate", help_text="Beats a minute."
    )
    max_hr = models.FloatField(null=True, blank=True, verbose_name="maximum heart rate", help_text="Beats a minute.")

    class Meta(HistoryRow.Meta):
        ordering: ClassVar = ["-valid_from", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["athlete", "sport", "valid_from"], condition=Q(deleted_at=None), name="one_threshold_a_day"
            ),
            models.CheckConstraint(condition=Q(ftp_w=None) | Q(ftp_w__gte=30, ftp_w__lte=700), name="ftp_plausible"),
            models.CheckConstraint(
                condition=Q(pace_s_per_km=None) | Q(pace_s_per_km__gte=120, pace_s_per_km__lte=900),
                name="pace_plausible",
            ),
            models.CheckConstraint(
                condition=Q(threshold_hr=None) | Q(threshold_hr__gte=80, threshold_hr__lte=230),
                name="threshold_hr_plausible",
            ),
            models.CheckConstraint(
                condition=Q(max_hr=None) | Q(max_hr__gte=100, max_hr__lte=240), name="max_hr_plausible"
            ),
        ]

    def __str__(self) -> str:
        sport = shown(self.get_sport_display())
        return _("{sport}: thresholds from {day}").format(sport=sport, day=day(self.valid_from, "j M Y"))
