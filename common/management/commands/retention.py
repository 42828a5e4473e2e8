"""How long rows are kept, and removing what is over."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from common.management.base import MesocycleCommand
from common.retention import apply_retention


class Command(MesocycleCommand):
    """Apply the rules that the apps registered."""

    help = (
        "Remove rows whose time is over (settings RETENTION_…); legal holds keep theirs. Append-only tables are only "
        "listed, unless DATABASE_URL connects as app_owner (on SQLite: unless you own the file); of the audit log "
        "whole segments go that the archive holds."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--dry-run`."""
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="only count what would go")

    def run(self, **options: Any) -> int | None:
        """Apply, and print a line for each rule."""
        outcomes = apply_retention(dry_run=options["dry_run"], as_owner=True)
        if self.as_json:
            self.emit({"dry_run": options["dry_run"], "rules": [asdict(outcome) for outcome in outcomes]})
            return None
        self.table(
            [
                {
                    "table": outcome.table,
                    "kept": _span(outcome.keep_days),
                    "over": outcome.due,
                    "removed": outcome.removed,
                    "how": outcome.how,
                    "why": outcome.why,
                }
                for outcome in outcomes
            ],
            title="what would go" if options["dry_run"] else "what went",
        )
        parts = [{"table": outcome.table, **asdict(part)} for outcome in outcomes for part in outcome.parts]
        if parts:
            self.table(parts, title="parts that go together or not at all")
        return None


def _span(days: int) -> str:
    if not days:
        return "for ever"
    return f"{days / 366:g} years" if days % 366 == 0 and days > 366 else f"{days} day{'s' if days > 1 else ''}"
