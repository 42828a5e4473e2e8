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

    history = tracked("rollout_flag_history")

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(rollout_thousandths__lte=100_000), name="flag_percentage_in_range"),
            models.CheckConstraint(condition=Q(percent=None) & Q(everyone=None), name="flag_waffle_columns_null"),
            models.CheckConstraint(condition=Q(requires_tier__in=["", *Tier.values]), name="flag_tier_known"),
        ]

    def is_active(self, request: Any, read_only: bool = False) -> bool | None:
        return self.is_active_for_user(request.user)

    def is_active_for_user(self, user: Any) -> bool | None:
        """Answer waffle's callers with the same decision as everybody's; no identity is off."""
        from rollout.selectors import evaluate_for_user

        return evaluate_for_user(self.name, user).value
