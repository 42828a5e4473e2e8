"""One piece of `manage.py audit …`: its options and what it does."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.core.management.base import CommandParser

from common.management.base import MesocycleCommand

TAMPERED: Final = 5


class Subcommand:
    """`run` returns an exit code (None is 0) and prints through `command`."""

    name: ClassVar[str]
    help: ClassVar[str]

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Do the work."""
        raise NotImplementedError
