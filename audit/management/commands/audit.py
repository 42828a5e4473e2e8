"""The audit log, from the command line."""

from __future__ import annotations

import argparse
from typing import Any, Final

from django.core.management.base import CommandParser

from audit.management.archiving import Archive, Export, Rebase, Restore
from audit.management.reconciling import Reconcile
from audit.management.sealing import PublicKey, Seal, Verify
from audit.management.subcommand import Subcommand
from common.management.base import EXIT_CODES, MesocycleCommand

SUBCOMMANDS: Final[tuple[type[Subcommand], ...]] = (
    Seal,
    Verify,
    Archive,
    Restore,
    Rebase,
    Reconcile,
    Export,
    PublicKey,
)
_EXIT_CODES: Final = (
    f"{EXIT_CODES}  5  the log does not verify, or does not agree with the tables; findings were printed\n"
)


class Command(MesocycleCommand):
    """Dispatch to the subcommands."""

    help = "Seal, verify, archive, restore, reconcile and export the audit log."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser with our exit codes at its end."""
        return super().create_parser(prog_name, subcommand, **{"epilog": _EXIT_CODES, **kwargs})

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the subcommands."""
        super().add_arguments(parser)
        parts = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
        for kind in SUBCOMMANDS:
            part = parts.add_parser(
                kind.name,
                help=kind.help,
                description=kind.help,
                epilog=_EXIT_CODES,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
            # Also behind the subcommand, where people look for it; absent there, it keeps what stood before.
            part.add_argument(
                "--json", action="store_true", dest="as_json", default=argparse.SUPPRESS, help="print one JSON document"
            )
            kind().add_arguments(part)

    def run(self, **options: Any) -> int | None:
        """Run the one that was named."""
        kinds = {kind.name: kind for kind in SUBCOMMANDS}
        return kinds[options["subcommand"]]().run(self, **options)
