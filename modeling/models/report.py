"""What coaches want to be told about the model."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.models import BaseModel


class ReportPreference(BaseModel):
    """Whether a coach wants the monthly e-mail; no row means yes. The page is there either way."""

    user = models.OneToOneField("accounts.User", on_delete=models.CASCADE, related_name="+")
    wants_mail = models.BooleanField(default=True)

    class Meta:
        db_table = "coach_report_preferences"
        ordering: ClassVar = ["user"]

    def __str__(self) -> str:
        return f"mail {'wanted' if self.wants_mail else 'not wanted'}"
