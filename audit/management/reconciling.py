"""`audit reconcile`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from audit.management.sealing import moment
from audit.management.subcommand import TAMPERED, Subcommand
from audit.services.reconcile import reconcile
from common.management.base import OK, MesocycleCommand


class Reconcile(Subcommand):
    """Compare the log with the tables."""

    name = "reconcile"
    help = "compare plan versions, decisions and roles with their events, both ways; each discrepancy leaves an event"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the period."""
        parser.add_argument("--from", dest="since", metavar="WHEN", help="only what was written from then on")
        parser.add_argument("--to", dest="until", metavar="WHEN", help="only what was written before then")

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Compare and print what has no counterpart."""
        found = reconcile(since=moment(options["since"], "/from"), until=moment(options["until"], "/to"))
        if command.as_json:
            command.emit({"discrepancies": [asdict(one) for one in found]})
        elif found:
            command.table({"what": one.side, "of": one.reconciliation, "which": one.what} for one in found)
        else:
            command.stdout.write("tables and log agree")
        return TAMPERED if found else OK
