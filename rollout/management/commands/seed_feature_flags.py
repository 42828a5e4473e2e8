"""Seed the flags that ship."""

from __future__ import annotations

from typing import Any

from common.management.base import ActorMixin
from rollout.models import Flag
from rollout.services.flags import seed_flags


class Command(ActorMixin):
    """Add missing flags; those that people changed stay as they are."""

    help = "Add the flags that ship and do not exist yet; never overwrites what people changed."

    def run(self, **options: Any) -> int | None:
        """Seed and list."""
        added = seed_flags(acting_user=options["acting_user"])
        rows = [
            {
                "flag": flag.name,
                "enabled": flag.enabled,
                "tier": flag.requires_tier,
                "percent": flag.rollout_thousandths / 1000,
                "added": flag.name in added,
            }
            for flag in Flag.objects.order_by("name")
        ]
        if self.as_json:
            self.emit({"flags": rows})
        else:
            self.table(rows)
        return None
