"""Describe athletes to the warehouse who never were."""

from __future__ import annotations

from typing import Any

from accounts.services.describe import describe_missing
from common.context import COMMAND_LINE
from common.management.base import MesocycleCommand


class Command(MesocycleCommand):
    """Run once where athletes were there before the event was."""

    help = "Emit athlete.described for every athlete of whom the outbox holds none; run again, it changes nothing."

    def run(self, **options: Any) -> int | None:
        """Describe and print how many."""
        count = describe_missing(acting_user=COMMAND_LINE)
        if self.as_json:
            self.emit({"described": count})
        else:
            self.stdout.write(f"{count} athlete{'s' if count != 1 else ''} described")
        return None
