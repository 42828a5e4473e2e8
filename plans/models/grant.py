"""One plan shared with somebody who is neither its athlete nor their coach."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db import models

from accounts.models import Grant


class PlanGrant(Grant):
    """Somebody may read and comment on one plan (`view_plan`)."""

    content_object = models.ForeignKey("plans.Plan", on_delete=models.CASCADE, related_name="grants")
    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.CASCADE, related_name="+")

    class Meta(Grant.Meta):
        db_table = "plan_grants"
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="plan_grants_by_expiry")]

    @property
    def subject_id(self) -> UUID:
        return UUID(str(self.athlete_id))
