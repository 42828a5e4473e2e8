"""Erase a person."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from accounts.services.erasure import Erased, erase_from_command_line, what_would_go
from common.context import COMMAND_LINE
from common.management.base import MesocycleCommand


class Command(MesocycleCommand):
    """Erase one athlete, or show what that would do."""

    help = (
        "Erase an athlete for good: the keys of what was written about them are destroyed, and every table is treated "
        "as docs/governance.md lists. Refused under a legal hold."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whom and why."""
        super().add_arguments(parser)
        parser.add_argument("athlete", type=UUID, help="the athlete's id")
        parser.add_argument("--reason", required=True, help="who asked, and how; goes with the athlete's key")
        parser.add_argument("--dry-run", action="store_true", help="only show what would go")

    def run(self, **options: Any) -> int | None:
        """Erase and print what was done, table by table."""
        if options["dry_run"]:
            erased = what_would_go(athlete_id=options["athlete"], acting_user=COMMAND_LINE)
        else:
            erased = erase_from_command_line(athlete_id=options["athlete"], reason=options["reason"])
        if self.as_json:
            self.emit({"dry_run": options["dry_run"], **asdict(erased)})
        else:
            self._show(erased, dry_run=options["dry_run"])
        return None

    def _show(self, erased: Erased, *, dry_run: bool) -> None:
        rows = [
            {"table": line.table, "rows": line.rows, "changed": line.changed, "what": line.does}
            for line in erased.tables
            if line.rows
        ]
        self.table(rows, title="what would be done" if dry_run else "what was done")
        keys = f"{erased.keys} key{'s' if erased.keys != 1 else ''}"
        self.stdout.write(f"{keys} would be destroyed." if dry_run else f"{keys} destroyed; this cannot be undone.")
