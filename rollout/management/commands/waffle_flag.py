"""Stands in front of waffle's command, which would write past order, second person and audit log."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from waffle.management.commands.waffle_flag import Command as WaffleCommand

from common.errors import NotPermitted
from common.management.base import MesocycleCommand


class Command(MesocycleCommand):
    """Take what waffle's command takes, and refuse."""

    help = "Refused: waffle's own switches decide nothing here. Use `manage.py rollout` or the admin."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add waffle's arguments, so that whoever types them is told why rather than how."""
        super().add_arguments(parser)
        WaffleCommand.add_arguments(self, parser)  # type: ignore[arg-type]

    def run(self, **options: Any) -> int | None:
        """Refuse.

        Raises:
            NotPermitted: always.
        """
        raise NotPermitted(
            "waffle_flag changes nothing here: it knows neither kill nor overrides, nor the audit log. "
            "Use `manage.py rollout` (kill, override, advance, rollback) or the admin."
        )
