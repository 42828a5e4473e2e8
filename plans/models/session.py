"""The content of a version: the document that is hashed, and its sessions as rows."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.models import BaseModel


class PlanContent(BaseModel):
    """The canonical JSON of a version's document, exactly as it was hashed; the rows are its projection.

    A table of its own, so that lists of versions do not carry it.
    """

    version = models.OneToOneField("plans.PlanVersion", on_delete=models.PROTECT, related_name="content")
    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="+")
    document = models.TextField()

    class Meta:
        db_table = "plan_contents"

    def __str__(self) -> str:
        return f"content of {self.version_id}"


class PlanSession(BaseModel):
    """One session of one version; `session_id` stays the same across versions, so that comments stay anchored."""

    version = models.ForeignKey("plans.PlanVersion", on_delete=models.PROTECT, related_name="sessions")
    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="+")
    session_id = models.UUIDField()
    day = models.DateField()
    modality = models.CharField(max_length=20)
    kind = models.CharField(max_length=12)
    title = models.CharField(max_length=60)
    prescribed_work_json = models.JSONField()
    load = models.FloatField()
    key_session = models.BooleanField(default=False)
    locked = models.BooleanField(default=False, help_text="The athlete may not move it.")

    class Meta:
        db_table = "plan_sessions"
        ordering: ClassVar = ["day", "session_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "session_id"], name="one_row_a_session_and_version"),
            models.CheckConstraint(condition=models.Q(load__gte=0), name="session_load_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.title}"
