"""Who coaches whom, from when until when."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from common import clock
from common.history import tracked
from common.models import BaseModel


class CoachLink(BaseModel):
    """A coach's assignment to an athlete; `active_until` is the first day on which it no longer holds."""

    coach = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="coach_links")
    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.CASCADE, related_name="coach_links")
    active_from = models.DateField(default=clock.today)
    active_until = models.DateField(null=True, blank=True)

    history = tracked("accounts_coachlink_history")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["coach", "athlete"], condition=models.Q(active_until=None), name="one_open_link_a_pair"
            ),
            models.CheckConstraint(
                condition=models.Q(active_until=None) | models.Q(active_until__gte=models.F("active_from")),
                name="link_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.coach} coaches {self.athlete}"
