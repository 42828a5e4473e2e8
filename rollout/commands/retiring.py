"""`rollout retire`, `rollout stale`: the end of a flag."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandParser

from common import clock
from common.context import unit_of_work
from common.management.base import OK, MesocycleCommand
from rollout.ages import flag_ages
from rollout.commands.standing import flag_row
from rollout.commands.verb import OPEN, Row, Verb, add_reason, flag_named, reader
from rollout.references import references
from rollout.services.retirement import Checklist, checklist, retire_flag
from rollout.services.steps import ENGINE
from rollout.stale import findings

SHOWN: Final = 40


class Retire(Verb):
    """Mark a flag as done with."""

    name = "retire"
    help = "show the deprecation checklist of a flag with the code that mentions it, and mark it as retired"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the flag."""
        parser.add_argument("flag", metavar="FLAG")
        parser.add_argument(
            "--dry-run", action="store_true", help="only the checklist (exit code 6 where something is missing)"
        )
        add_reason(parser)

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Show, and mark."""
        acting_user = reader(options)
        if options["dry_run"]:
            found = checklist(key=options["flag"], acting_user=acting_user)
            _show(command, found, flag_row(flag_named(found.key)))
            return OPEN if found.missing else OK
        if not command.as_json:
            _show_items(command, checklist(key=options["flag"], acting_user=acting_user))
        found = retire_flag(key=options["flag"], reason=options["reason"], acting_user=acting_user)
        _show(command, found, flag_row(flag_named(found.key)), shown_already=not command.as_json)
        return OK


def _show(command: MesocycleCommand, found: Checklist, flag: Row, *, shown_already: bool = False) -> None:
    if command.as_json:
        lines = [{"path": one.path, "line": one.line, "text": one.text} for one in found.references]
        items = [asdict(item) for item in found.items]
        command.emit({"flag": flag, "checklist": items, "ready": not found.missing, "references": lines})
        return
    if not shown_already:
        _show_items(command, found)
    if flag["retired_at"]:
        command.stdout.write(
            f"{found.key} is retired since {flag['retired_at'][:16]} UTC and stays on; `check --database default` "
            "names the code that still asks for it."
        )


def _show_items(command: MesocycleCommand, found: Checklist) -> None:
    word = {(True, True): "yes", (True, False): "yes", (False, True): "MISSING", (False, False): "mind"}
    command.table(
        [{"checklist": i.what, "": word[i.done, i.blocks], "found": i.note} for i in found.items], title=found.key
    )
    code = [one for one in found.references if not one.in_tests]
    tests = len(found.references) - len(code)
    command.stdout.write(f"mentioned in {len(code)} lines of the code and {tests} of the tests")
    for one in found.references[:SHOWN]:
        command.stdout.write(f"  {one}: {one.text[:90]}")
    if len(found.references) > SHOWN:
        command.stdout.write(f"  and {len(found.references) - SHOWN} more (--json has all)")


class Stale(Verb):
    """Flags that outlived their purpose."""

    name = "stale"
    help = "list flags at 100 %% for 30 days or without an answer for 30, with the code that mentions them"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whether to show the others."""
        parser.add_argument("--all", action="store_true", dest="everything", help="also those that are not stale")

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Print the findings."""
        reader(options)
        # The newest answer of a flag is of no person: whose athletes the caller sees must not change it.
        with unit_of_work(ENGINE, read_only=True):
            found = findings(flag_ages(), clock.now())
        rows: list[Row] = [
            {
                "flag": one.key,
                "stale": one.is_stale,
                "reasons": list(one.reasons),
                "use": one.use,
                "references": [str(where) for where in references(settings.BASE_DIR, one.key)],
            }
            for one in found
            if one.is_stale or options["everything"]
        ]
        if command.as_json:
            command.emit(rows)
            return OK
        if not rows:
            command.stdout.write("no flag is stale")
            return OK
        for row in rows:
            command.stdout.write(f"{row['flag']}: {'; '.join(row['reasons']) or 'not stale'} ({row['use']})")
            for where in row["references"]:
                command.stdout.write(f"  {where}")
        return OK
