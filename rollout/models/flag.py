"""Feature flags: a waffle flag model whose decision is ours (`rollout.evaluation`)."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from waffle.models import AbstractUserFlag

from accounts.models import Tier
from common.history import tracked
from common.ids import uuid7
from common.models import BaseModel


def new_salt() -> str:
    """Return a salt of one flag: one salt for all would put the same 1 % into every canary."""
    return secrets.token_hex(8)


class Flag(AbstractUserFlag):
    """A flag with tier and percentage; waffle's own `percent` and `everyone` stay NULL: one source of truth.

    `rollout_thousandths` counts thousandths of a percent, 0…100 000, so that 0.1 % is exact.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    description = models.TextField(blank=True)
    enabled = models.BooleanField(default=False)
    requires_tier = models.CharField(max_length=10, choices=Tier, blank=True)
    rollout_thousandths = models.PositiveIntegerField(default=0)
    salt = models.CharField(max_length=32, default=new_salt, editable=False)
    metadata = models.JSONField(default=dict, blank=True)
    killed_at = models.DateTimeField(null=True, blank=True, help_text="Off for everybody, above everything.")
    admin_override = models.BooleanField(null=True, blank=True, default=None, help_text="On or off for everybody.")
    allow_groups = models.ManyToManyField("rollout.FlagGroup", blank=True, related_name="flags")
    guarded = models.BooleanField(
        default=False, editable=False, help_text="Whatever reaches more people needs a second person."
    )
    rollout_id = models.UUIDField(null=True, blank=True, editable=False, help_text="The run that moves it now.")
    rollout_stage = models.PositiveSmallIntegerField(default=0, editable=False)

    history = tracked("rollout_flag_history")

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(rollout_thousandths__lte=100_000), name="flag_percentage_in_range"),
            models.CheckConstraint(condition=Q(percent=None) & Q(everyone=None), name="flag_waffle_columns_null"),
            models.CheckConstraint(condition=Q(requires_tier__in=["", *Tier.values]), name="flag_tier_known"),
        ]

    @classmethod
    def get(cls, name: str) -> Flag:
        """Return a flag for waffle to ask: nothing of its row is needed, so neither cache nor database is looked at."""
        return cls(name=name)

    def flush(self) -> None:
        """Leave waffle's cache alone: nothing is in it, and while it is down a kill must not seem to have failed."""

    def is_active(self, request: Any, read_only: bool = False) -> bool | None:
        return self.is_active_for_user(request.user)

    def is_active_for_user(self, user: Any) -> bool | None:
        """Answer waffle's callers with the same decision as everybody's; no identity is off."""
        from rollout.selectors import evaluate_for_user

        return evaluate_for_user(self.name, user).value


class FlagGroup(BaseModel):
    """A named group of subjects for allowlist stages: the team, power users, early adopters, beta users."""

    name = models.SlugField(max_length=60, unique=True)
    description = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "flag_groups"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class FlagGroupMember(BaseModel):
    """One subject of a group: an athlete or a user, by id."""

    group = models.ForeignKey(FlagGroup, on_delete=models.CASCADE, related_name="members")
    subject_id = models.UUIDField()

    class Meta:
        db_table = "flag_group_members"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["group", "subject_id"], name="one_membership_a_flag_group")
        ]

    def __str__(self) -> str:
        return f"{self.subject_id} in {self.group_id}"


class UserOverride(BaseModel):
    """A flag's answer for one subject, with a reason and an end (I1).

    The history keeps who was switched when; the reason, which may name somebody, only the row and, as ciphertext of the
    subject, the audit event.
    """

    flag = models.ForeignKey("rollout.Flag", on_delete=models.CASCADE, related_name="overrides")
    subject_id = models.UUIDField(help_text="The athlete for plan.* flags, the signed-in user for ui.* flags.")
    value = models.BooleanField()
    reason = models.CharField(max_length=300)
    expires_at = models.DateTimeField()
    set_by_id = models.UUIDField(editable=False)

    history = tracked("user_overrides_history", excluded_fields=["reason"])

    class Meta:
        db_table = "user_overrides"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["flag", "subject_id"], name="one_override_a_flag_and_subject")
        ]

    def __str__(self) -> str:
        return f"{self.flag_id} {'on' if self.value else 'off'} for {self.subject_id}"


class FlagVersion(models.Model):
    """One row whose token changes with every change of a flag, an override or a group (by triggers, also for SQL)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    token = models.CharField(max_length=36)

    class Meta:
        db_table = "flag_version"
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1), name="flag_version_is_one_row")]

    def __str__(self) -> str:
        return self.token
