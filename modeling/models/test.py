"""Performance tests, and efforts that could be one."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from common.translating.showing import day, shown
from modeling.models.base import HistoryRow


class TestKind(models.TextChoices):
    LAB = "lab", "Laboratory or controlled test"
    RACE = "race", "Race"
    FIELD = "field", "Field effort"


class Test(HistoryRow):
    """A performance on the sport's "higher is better" scale: VDOT for running, watts for cycling."""

    __test__ = False  # pytest takes classes named Test* for its own

    day = models.DateField()
    value = models.FloatField()
    kind = models.CharField(max_length=5, choices=TestKind)
    note = models.CharField(max_length=200, blank=True)
    source_name = models.CharField(max_length=255, default="entered by hand")
    activity = models.ForeignKey(
        "modeling.Activity", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta(HistoryRow.Meta):
        ordering: ClassVar = ["-day", "-id"]
        indexes: ClassVar = [models.Index(fields=["athlete", "day"], name="test_athlete_day")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["athlete", "day", "value"], condition=Q(deleted_at=None), name="one_test_a_day_and_value"
            ),
            models.CheckConstraint(condition=Q(value__gt=0) & Q(value__lt=2500), name="test_value_plausible"),
            models.CheckConstraint(condition=Q(kind__in=TestKind.values), name="test_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{day(self.day, 'j M Y')}, {self.value:g} ({shown(self.get_kind_display())})"


class TestProposal(HistoryRow):
    """A near-maximal effort that a person may accept as a test."""

    __test__ = False

    day = models.DateField()
    value = models.FloatField()
    kind = models.CharField(max_length=5, choices=TestKind, default=TestKind.FIELD)
    reason = models.CharField(max_length=300)
    activity = models.ForeignKey("modeling.Activity", on_delete=models.CASCADE, related_name="+")
    accepted_test = models.OneToOneField("modeling.Test", null=True, on_delete=models.SET_NULL, related_name="+")
    dismissed_at = models.DateTimeField(null=True)

    class Meta(HistoryRow.Meta):
        ordering: ClassVar = ["-day", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["activity", "value"], name="one_proposal_an_effort"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.value:g}: {self.reason}"
