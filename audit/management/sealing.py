"""`audit seal`, `audit verify`, `audit heads`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from audit.heads import BadHead, TreeHead
from audit.keys import signing_keys
from audit.management.subcommand import TAMPERED, Subcommand
from audit.services.seal import BATCH, seal
from audit.services.verify import Scope, leaves_to_verify, verify_log
from audit.verification import Report
from common.errors import InvalidInput
from common.management.base import OK, MesocycleCommand


class Seal(Subcommand):
    """Seal what can be sealed."""

    name = "seal"
    help = "seal every event whose transaction has ended, and sign a tree head"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the size of a batch."""
        parser.add_argument("--batch", type=int, default=BATCH, help="events a head at most (default: %(default)s)")

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Seal and say how much."""
        if options["batch"] < 1:
            raise InvalidInput("a batch has at least one event", pointer="/batch")
        done = seal(batch=options["batch"])
        if command.as_json:
            command.emit({"events": done.events, "heads": done.heads, "newest": _shown(done.newest)})
        else:
            size = done.newest.tree_size if done.newest else 0
            command.table([{"sealed": done.events, "heads": done.heads, "events in the log": size}])
        return OK


class PublicKey(Subcommand):
    """Show what others need to check our heads."""

    name = "public-key"
    help = "print the public keys of the signing keys"

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Print them by version."""
        keys = signing_keys()
        versions = sorted({*keys.seeds, *keys.retired})
        rows = [{"version": v, "public_key": keys.public_key(v).hex(), "signs": v == keys.newest} for v in versions]
        if command.as_json:
            command.emit(rows)
        else:
            command.table(rows)
        return OK


class Verify(Subcommand):
    """Verify the log."""

    name = "verify"
    help = "recompute the log and name whatever was altered, removed, inserted, reordered or cut off"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the period and what to hold against the log."""
        parser.add_argument("--from", dest="since", metavar="WHEN", help="only what was sealed after this")
        parser.add_argument("--to", dest="until", metavar="WHEN", help="only what was sealed until this")
        parser.add_argument(
            "--against",
            action="append",
            default=[],
            metavar="HEAD_FILE",
            help="a file with heads that were kept elsewhere (a proof, a head, or one head a line); may be repeated",
        )
        parser.add_argument("--archive", action="store_true", help="verify the archive too, and compare each event")

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Verify with a progress bar, and print what was found."""
        scope = Scope(
            since=moment(options["since"], "/from"),
            until=moment(options["until"], "/to"),
            against=[Path(name) for name in options["against"]],
            archive=options["archive"],
        )
        try:
            with command.progress() as bar:
                task = bar.add_task("verifying", total=leaves_to_verify(scope))
                report = verify_log(scope, lambda leaves: bar.advance(task, leaves))
        except (OSError, BadHead) as error:
            raise InvalidInput(f"cannot read the heads: {error}", pointer="/against") from error
        show(command, report)
        return OK if report.intact else TAMPERED


def show(command: MesocycleCommand, report: Report) -> None:
    """Print a report for people, or as a document."""
    if command.as_json:
        command.emit({**asdict(report), "intact": report.intact})
        return
    if report.findings:
        command.table(
            ({"what": f.kind, "seal": f.seal, "leaf": f.leaf_index, "where": f.detail} for f in report.findings),
            columns=("what", "seal", "leaf", "where"),
        )
    if report.intact:
        verdict = "intact"
    else:
        listed = len(report.findings)
        verdict = f"{report.found} found" + (f", {listed} of them listed" if listed < report.found else "")
    for begin, end in report.head_only:
        command.stdout.write(
            f"leaves {begin} to {end - 1}: dropped, and not read from the archive; verified by leaf hash and head ONLY"
        )
    archived = f", {report.archived} archived" if report.archived else ""
    archived += f", {report.from_archive} dropped ones read from the archive" if report.from_archive else ""
    command.stdout.write(
        f"{verdict}: {report.events} events under {report.seals} seals verified{archived}, "
        f"{report.waiting} wait to be sealed"
    )


def moment(text: str | None, pointer: str) -> datetime | None:
    """Return a day (its beginning) or a moment, UTC where no zone is given.

    Raises:
        InvalidInput: it is neither.
    """
    if not text:
        return None
    try:
        value = datetime.combine(date.fromisoformat(text), time()) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{text!r} is neither a day nor a moment (ISO 8601)", pointer=pointer) from error
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _shown(head: TreeHead | None) -> dict[str, Any] | None:
    return head.as_json() if head else None
