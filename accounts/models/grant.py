"""Exceptions to the rule of links and teams: access that somebody was given, with a reason and an end."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db import models
from guardian.models import UserObjectPermissionBase

from common.models import BaseModel, CiphertextField


class Grant(BaseModel, UserObjectPermissionBase):  # type: ignore[misc]
    """A guardian permission on one object that ends by itself at `expires_at`.

    It widens whom or what a role reaches, never what the role may do there: `accounts/matrix.py` still decides that.
    """

    expires_at = models.DateTimeField()
    granted_by_id = models.UUIDField(editable=False)
    reason = CiphertextField(help_text="Encrypted under the athlete's key.")

    class Meta(UserObjectPermissionBase.Meta):
        abstract = True

    @property
    def subject_id(self) -> UUID:
        """Return the athlete whom the access is about."""
        raise NotImplementedError

    def __str__(self) -> str:
        return f"{self.user_id} until {self.expires_at:%Y-%m-%d %H:%M}"


class AthleteGrant(Grant):
    """Somebody may look at an athlete whom neither link nor team gives them (`view_athlete`)."""

    content_object = models.ForeignKey("accounts.Athlete", on_delete=models.CASCADE, related_name="grants")

    class Meta(Grant.Meta):
        db_table = "athlete_grants"
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="athlete_grants_by_expiry")]

    @property
    def subject_id(self) -> UUID:
        return UUID(str(self.content_object_id))
