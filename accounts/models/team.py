"""Groups of athletes and the staff who look after them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from common.models import BaseModel


class Team(BaseModel):
    name = models.CharField(max_length=120, unique=True)
    staff = models.ManyToManyField(settings.AUTH_USER_MODEL, through="accounts.TeamMembership", related_name="teams")

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class TeamMembership(BaseModel):
    """A member of staff (coach or support) assigned to a team's athletes."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="team_memberships")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["team", "user"], name="one_membership_a_team")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"
