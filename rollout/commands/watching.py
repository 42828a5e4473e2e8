"""`rollout watch`: a run as it moves."""

from __future__ import annotations

import sys
import time
from typing import Any, Final

from django.core.management.base import CommandParser
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from common.context import unit_of_work
from common.management.base import OK, MesocycleCommand
from rollout.commands.standing import arm_table, flag_words, gate_table, headline, standing
from rollout.commands.verb import FAILED, Actor, Row, Verb, newest_run, reader
from rollout.lifecycle import ENDED, State
from rollout.runs import policy_of
from rollout.status import verdicts_of

STYLES: Final = {
    "pass": "green",  # nosec B105  # a colour
    "fail": "bold red",
    "inconclusive": "yellow",
    "no data": "magenta",
}
ARM_ROWS: Final = ("answered", "failed", "fallback", "p50 ms", "p95 ms", "accepted", "critical")


class Watch(Verb):
    """A live view."""

    name = "watch"
    help = "show a run live until it ends (Ctrl+C leaves it alone); exit code 7 where it was rolled back"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add which, and how long."""
        parser.add_argument("target", metavar="FLAG|ID")
        parser.add_argument("--once", action="store_true", help="look once")
        parser.add_argument(
            "--for", type=float, dest="seconds", metavar="SECONDS", help="end after so long (default: with the run)"
        )
        parser.add_argument(
            "--every", type=float, default=2.0, metavar="SECONDS", help="how often to look (default: %(default)g)"
        )

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Look until it is over; where nobody watches, a line is printed whenever something changed."""
        acting_user = reader(options)
        until = time.monotonic() + (0 if options["once"] else options["seconds"] or float("inf"))
        on_screen = not command.as_json and not options["once"] and sys.stdout.isatty()
        console = Console(file=sys.stdout if on_screen else sys.stderr)
        found, shown, said = _look(options["target"], acting_user)
        try:
            with Live(shown, console=console, auto_refresh=False, screen=False) if on_screen else _Quiet() as live:
                self._say(command, said, on_screen=on_screen)
                while found["run"]["state"] not in ENDED and time.monotonic() < until:
                    time.sleep(max(min(options["every"], until - time.monotonic()), 0))
                    before = said
                    found, shown, said = _look(str(found["run"]["id"]), acting_user)
                    live.update(shown, refresh=True)
                    if said != before:
                        self._say(command, said, on_screen=on_screen)
        except KeyboardInterrupt:
            command.note("The run goes on.")
        if command.as_json:
            command.emit(found)
        return FAILED if found["run"]["state"] in (State.ROLLING_BACK, State.ROLLED_BACK) else OK

    def _say(self, command: MesocycleCommand, said: str, *, on_screen: bool) -> None:
        if not on_screen and not command.as_json:
            command.stdout.write(said)
            command.stdout.flush()


class _Quiet:
    """Stands where a live view would be."""

    def __enter__(self) -> _Quiet:
        return self

    def __exit__(self, *args: object) -> None:
        return None

    def update(self, shown: Group, *, refresh: bool) -> None:
        """Show nothing."""


def _look(target: str, acting_user: Actor) -> tuple[Row, Group, str]:
    """Return what is known of the run, as a picture and as a line that changes when something happens."""
    with unit_of_work(acting_user, read_only=True):
        run = newest_run(target)
        found, policy, words = standing(run), policy_of(run), flag_words(run.flag)
        rows = gate_table(verdicts_of(run.verdicts_json), policy)
    outcomes = [row["outcome"] for row in rows]
    counts = ", ".join(f"{outcomes.count(name)} {name}" for name in STYLES if name in outcomes) or "not judged yet"
    about = found["run"]
    line = (
        f"{about['flag']}: stage {about['stage_number']} of {about['stages']} ({about['stage']}), "
        f"{about['state'].replace('_', ' ')}, {about['percent']:g} %, step {about['step']}; gates: {counts}"
    )
    if about["waits_for"]:
        line += f"; waits for: {about['waits_for']}"
    return found, Group(Text("\n".join([*headline(found), words])), _gates(rows), _arms(found)), line


def _gates(rows: list[Row]) -> Table:
    table = Table(title="Gates, as the last tick saw them", title_justify="left")
    for name in ("gate", "does", "outcome", "n", "observed", "control"):
        table.add_column(name, justify="right" if name == "n" else "left")
    for row in rows:
        cells = [row["gate"], row["does"] or "–", row["outcome"], str(row["n"]), row["observed"] or "–"]
        table.add_row(*cells, row["control"] or "–", style=STYLES.get(row["outcome"]))
    return table


def _arms(found: Row) -> Table:
    table = Table(title="Since the stage's evidence counts", title_justify="left")
    rows = [row for row in arm_table(found["arms"]) if row[""] in ARM_ROWS]
    for name in rows[0]:
        table.add_column(name, justify="right" if name else "left")
    for row in rows:
        table.add_row(*("–" if v is None else f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()))
    return table
