"""`audit archive`, `audit restore`, `audit rebase`, `audit export`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from audit.management.sealing import moment
from audit.management.subcommand import Subcommand
from audit.services.archive import SEGMENT, archive, prolong, restore
from audit.services.export_events import Chosen, export_events
from audit.services.rebase import rebase
from common.errors import InvalidInput
from common.management.base import OK, MesocycleCommand, actor_named


class Archive(Subcommand):
    """Archive what was sealed."""

    name = "archive"
    help = "write what was sealed since the last segment to AUDIT_ARCHIVE (a folder, or a bucket with Object Lock)"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the size of a segment and the retention of those that are there."""
        parser.add_argument("--most", type=int, default=SEGMENT, help="events a segment (default: %(default)s)")
        parser.add_argument(
            "--prolong", type=int, metavar="DAYS", help="also lock all segments until so many days from now"
        )

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Archive and say what is new."""
        if options["most"] < 1:
            raise InvalidInput("a segment has at least one event", pointer="/most")
        names = archive(most=options["most"])
        prolonged = prolong(until_days=options["prolong"]) if options["prolong"] else 0
        if command.as_json:
            command.emit({"segments": names, "prolonged": prolonged})
        else:
            command.table([{"new segments": len(names), "last": names[-1] if names else None, "prolonged": prolonged}])
        return OK


class Restore(Subcommand):
    """Restore the log from the archive."""

    name = "restore"
    help = "put back events, leaves and seals that the archive holds and the database lacks"

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Restore and say what was put back."""
        done = asdict(restore())
        if command.as_json:
            command.emit(done)
        else:
            command.table([done])
        return OK


class Rebase(Subcommand):
    """Go on after a restore on another server."""

    name = "rebase"
    help = "let sealing go on where the log was restored on another PostgreSQL server (run as app_owner)"

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Rebase and print the offset."""
        offset = rebase()
        if command.as_json:
            command.emit({"offset": offset})
        else:
            command.table([{"offset": offset}])
        return OK


class Export(Subcommand):
    """Export events."""

    name = "export"
    help = "write events to a CSV file; the export is itself recorded; only compliance (--as) gets personal text"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add which events, and where to."""
        parser.add_argument("file", type=Path, help="file to write; it must not exist")
        parser.add_argument("--from", dest="since", metavar="WHEN", help="only what happened from then on")
        parser.add_argument("--to", dest="until", metavar="WHEN", help="only what happened before then")
        parser.add_argument("--action", help="only this action")
        parser.add_argument("--actor", type=UUID, help="only what this person or service did")
        parser.add_argument("--subject", type=UUID, help="only what concerns this athlete")
        parser.add_argument(
            "--as", dest="as_user", metavar="USER", help="e-mail of whom to act as (default: the command line itself)"
        )

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Export and say how much."""
        chosen = Chosen(
            since=moment(options["since"], "/from"),
            until=moment(options["until"], "/to"),
            action=options["action"],
            actor_id=options["actor"],
            subject_id=options["subject"],
        )
        try:
            done = export_events(options["file"], chosen=chosen, acting_user=actor_named(options["as_user"]))
        except OSError as error:
            raise InvalidInput(f"cannot write {options['file']}: {error.strerror}", pointer="/file") from error
        if command.as_json:
            command.emit(asdict(done))
        else:
            command.table([asdict(done)])
        return OK
