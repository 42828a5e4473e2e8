"""What every row of an athlete's history shares."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.models import BaseModel


class HistoryRow(BaseModel):
    """A fact about an athlete that a person may correct or delete; deleting keeps the row, so old fits stay
    explicable."""

    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.CASCADE, related_name="+")
    deleted_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True
        ordering: ClassVar = ["-id"]
