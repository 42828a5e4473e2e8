"""Look after what telemetry has already written."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from common.management.base import PARTLY_FAILED, MesocycleCommand
from telemetry.services.compact import compact_due
from telemetry.services.forget import forget_due
from telemetry.sinks import SinkUnavailable


class Command(MesocycleCommand):
    """Forget people, or compact files: what the schedule does, now."""

    help = "Remove from outbox and Parquet files who was erased or withdrew; make one file of many."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to do."""
        super().add_arguments(parser)
        parser.add_argument("what", choices=["forget", "compact"])

    def run(self, **options: Any) -> int | None:
        """Do it."""
        try:
            found = forget_due() if options["what"] == "forget" else compact_due()
        except SinkUnavailable as error:
            raise CommandError(str(error)) from error
        done = {} if found is None else asdict(found)
        if self.as_json:
            self.emit(done)
        else:
            self.note(", ".join(f"{value} {name}" for name, value in done.items() if name != "broken") or "no files")
            for said in done.get("broken", []):
                self.note(said)
        return PARTLY_FAILED if done.get("broken") else None
