"""Backups: make, check, thin out, restore."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from common.backup.contributions import Later
from common.backup.make import make_backup, thin_out
from common.backup.opening import faults_of, open_manifest, secrets_here
from common.backup.restore import Restored, Source, catch_up, restore_backup
from common.errors import InvalidInput
from common.management.base import EXIT_CODES, OK, MesocycleCommand

FAULTS = 5
_EXIT_CODES = (
    f"{EXIT_CODES}  5  restored (or checked), but not everything is as it was: faults were printed; let nobody in\n"
)


class Command(MesocycleCommand):
    """Dispatch to the subcommands."""

    help = "Make, check, thin out and restore backups of database, audit archive, signed heads and telemetry files."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser with our exit codes at its end."""
        return super().create_parser(prog_name, subcommand, **{"epilog": _EXIT_CODES, **kwargs})

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the subcommands."""
        super().add_arguments(parser)
        parts = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
        _make_arguments(_part(parts, "make", "write a backup into a new folder, which has its name once it is whole"))
        check = _part(parts, "check", "compare a backup's parts with its manifest, and its keys with those configured")
        check.add_argument("backup", type=Path, help="the backup's folder")
        _part(parts, "keys", "print the secrets as the environment has them, to be encrypted and kept elsewhere")
        thin = _part(parts, "thin-out", "remove old backups, and people's keys from those that are not new any more")
        thin.add_argument("folder", type=Path, help="where the backups are")
        thin.add_argument("--days", type=int, default=35, help="how long backups are kept (default: %(default)s)")
        thin.add_argument(
            "--keys-days", type=int, default=7, help="how long people's keys are kept in them (default: %(default)s)"
        )
        _restore_arguments(_part(parts, "restore", "restore into the empty database that DATABASE_URL names"))
        again = _part(parts, "catch-up", "erase again who was erased since; for a database that was restored otherwise")
        _later_arguments(again)

    def run(self, **options: Any) -> int | None:
        """Run the one that was named."""
        code: int = getattr(self, f"_{options['subcommand'].replace('-', '_')}")(options)
        return code

    def _make(self, options: dict[str, Any]) -> int:
        if not options["url"]:
            raise InvalidInput("say --url or set DATABASE_BACKUP_URL", pointer="/url")
        made = make_backup(options["folder"], options["url"])
        if self.as_json:
            self.emit({**asdict(made), "folder": str(made.folder)})
            return OK
        rows = [{"part": name, "bytes": size} for name, size in sorted(made.parts.items())]
        self.table(rows, title=str(made.folder))
        self.stdout.write(f"{made.rows} rows, {sum(made.parts.values())} bytes, {made.seconds:.1f} s")
        return OK

    def _check(self, options: dict[str, Any]) -> int:
        made = open_manifest(options["backup"])
        faults = faults_of(options["backup"], made)
        if self.as_json:
            self.emit({"made_at": made.made_at, "rows": sum(made.tables.values()), "faults": faults})
        else:
            self._faults(faults)
            self.stdout.write(f"{'damaged' if faults else 'whole'}: {options['backup']}, made at {made.made_at}")
        return FAULTS if faults else OK

    def _keys(self, options: dict[str, Any]) -> int:
        secrets = secrets_here()
        if self.as_json:
            self.emit(secrets)
        else:
            self.stdout.write("\n".join(f"{name}={value}" for name, value in secrets.items()))
        return OK

    def _thin_out(self, options: dict[str, Any]) -> int:
        done = thin_out(options["folder"], days=options["days"], keys_days=options["keys_days"])
        if self.as_json:
            self.emit(asdict(done))
        else:
            rows = [{"backup": name, "gone": "all of it"} for name in done.removed]
            self.table(rows + [{"backup": name, "gone": "people's keys"} for name in done.without_keys])
        return OK

    def _restore(self, options: dict[str, Any]) -> int:
        if not options["admin_url"]:
            raise InvalidInput("say --admin-url or set DATABASE_ADMIN_URL", pointer="/admin-url")
        source = Source(options["backup"], options["subject_keys"], options["keep_files"])
        restored = restore_backup(source, admin_url=options["admin_url"], later=_later(options))
        if self.as_json:
            self.emit(asdict(restored))
        else:
            self._show(restored)
        return FAULTS if restored.faults else OK

    def _catch_up(self, options: dict[str, Any]) -> int:
        found = catch_up(_later(options))
        if self.as_json:
            self.emit(asdict(found))
        else:
            self._faults(found.faults)
            self.stdout.write("; ".join(found.done) or "nothing to do again")
        return FAULTS if found.faults else OK

    def _show(self, restored: Restored) -> None:
        files = [{"folder": name, "files": count} for name, count in restored.files.items()]
        self.table(files + [{"folder": name, "files": None} for name in restored.kept], title=restored.database)
        for done in restored.done_again:
            self.stdout.write(done)
        self._faults(restored.faults)
        verdict = f"{len(restored.faults)} faults" if restored.faults else "whole"
        seconds = ", ".join(f"{name} {value:.1f} s" for name, value in restored.seconds.items())
        self.stdout.write(f"{verdict}: {restored.rows} rows as of {restored.made_at}; {seconds}")

    def _faults(self, faults: list[str]) -> None:
        for fault in faults:
            self.stdout.write(f"FAULT {fault}")


def _part(parts: Any, name: str, text: str) -> Any:
    part = parts.add_parser(
        name,
        help=text,
        description=text,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # Also behind the subcommand, where people look for it; absent there, it keeps what stood before.
    part.add_argument(
        "--json", action="store_true", dest="as_json", default=argparse.SUPPRESS, help="print one JSON document"
    )
    return part


def _make_arguments(part: Any) -> None:
    part.add_argument("folder", type=Path, help="where to; the backup gets a folder of its own in it")
    part.add_argument(
        "--url",
        default=os.environ.get("DATABASE_BACKUP_URL", ""),
        help="postgresql:// URL of the database, by a role with BYPASSRLS (default: $DATABASE_BACKUP_URL)",
    )


def _restore_arguments(part: Any) -> None:
    part.add_argument("backup", type=Path, help="the backup's folder")
    part.add_argument(
        "--admin-url",
        default=os.environ.get("DATABASE_ADMIN_URL", ""),
        help="postgresql:// URL of a superuser of the same server (default: $DATABASE_ADMIN_URL)",
    )
    part.add_argument("--subject-keys", type=Path, metavar="BACKUP", help="take people's keys from this newer backup")
    part.add_argument("--keep-files", action="store_true", help="leave folders that hold files as they are")
    _later_arguments(part)


def _later_arguments(part: Any) -> None:
    part.add_argument(
        "--erasures",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a list of who was erased, as ERASURE_LEDGER has it; may be repeated (ERASURE_LEDGER always counts)",
    )
    part.add_argument("--no-erasures-known", action="store_true", help="go on without any such list: it is lost")


def _later(options: dict[str, Any]) -> Later:
    return Later(tuple(options["erasures"]), options["no_erasures_known"])
