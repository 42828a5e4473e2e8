"""Do the schemas of events say what is registered, and may readers rely on them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from common.management.base import PARTLY_FAILED, MesocycleCommand
from telemetry.events import EVENT_TYPES
from telemetry.schema_files import note_new, problems


class Command(MesocycleCommand):
    """Check every schema; part of `make check`."""

    help = "Check the schemas of telemetry events: complete, unchanged since committed, compatible with earlier ones."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--note`."""
        super().add_arguments(parser)
        parser.add_argument("--note", action="store_true", help="first add new schemas to the manifest")

    def run(self, **options: Any) -> int | None:
        """Check."""
        noted = note_new() if options["note"] else []
        types = [(name, one.version, one.data, one.person) for name, one in EVENT_TYPES.items()]
        found = problems(types)
        if self.as_json:
            self.emit({"types": len(types), "noted": noted, "problems": found})
        else:
            for said in found:
                self.note(said)
            self.stdout.write(f"{len(types)} types of events, {len(found)} problems")
        return PARTLY_FAILED if found else None
