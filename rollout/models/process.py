"""Which processes decide flags, and by which snapshot: a change is done when all of them have it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class FlagProcess(models.Model):
    """A process that was seen deciding; it says so itself when its snapshot changes and every few seconds."""

    name = models.CharField(primary_key=True, max_length=120, help_text="host:pid:start")
    snapshot_version = models.CharField(max_length=36)
    snapshot_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "flag_processes"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
