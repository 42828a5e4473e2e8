"""What a plan said at one time; rows are inserted, never changed."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _

from common.models import BaseModel
from plans.models.plan import STATE_CHOICES


class PlanVersion(BaseModel):
    """An immutable version: who wrote it, from what, and by which model (the answer to "why am I doing this?")."""

    plan = models.ForeignKey("plans.Plan", on_delete=models.PROTECT, related_name="versions")
    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="+")
    version_number = models.PositiveIntegerField()
    parent_version = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    baseline = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=16, choices=STATE_CHOICES)
    author_id = models.UUIDField()
    diff_summary_json = models.JSONField(default=dict)
    content_sha256 = models.CharField(max_length=64)
    weeks_json = models.JSONField(default=list)
    predicted_json = models.JSONField(null=True)
    warnings_json = models.JSONField(default=list)
    relaxed_json = models.JSONField(default=list)
    provenance_json = models.JSONField(default=dict)

    class Meta:
        db_table = "plan_versions"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "version_number"], name="one_version_a_number"),
        ]

    @property
    def adjustments(self) -> list[dict[str, Any]]:
        """Return the sessions that the machine adjusted beforehand, with what they were and why."""
        found: list[dict[str, Any]] = self.provenance_json.get("adjustments", [])
        return found

    @property
    def origin(self) -> str:
        """Return who made it, for people: what became of it since is the plan's state, not the version's."""
        return _("edited") if self.baseline_id else _("generated")

    @property
    def baseline_version_id(self) -> uuid.UUID:
        """Return the version that the machine proposed: this one itself where it has no other."""
        return uuid.UUID(str(self.baseline_id or self.pk))

    def __str__(self) -> str:
        return f"version {self.version_number}"
