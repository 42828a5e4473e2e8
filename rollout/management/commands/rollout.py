"""Flags and staged rollouts, from the command line."""

from __future__ import annotations

import argparse
from typing import Any, Final

from django.core.management.base import CommandParser

from common.management.base import ActorMixin
from rollout.commands.acting import Advance, Check, Hold, Resume, Tick
from rollout.commands.drilling import Drill
from rollout.commands.explaining import Explain
from rollout.commands.narrowing import Kill, Override, Rollback, Unkill
from rollout.commands.planning import Policies, Simulate
from rollout.commands.reading import List, Report, Status
from rollout.commands.retiring import Retire, Stale
from rollout.commands.verb import CODES, MEANINGS, Verb
from rollout.commands.watching import Watch
from rollout.commands.wishing import Approve, Refuse, Start

VERBS: Final[tuple[type[Verb], ...]] = (
    List,
    Policies,
    Status,
    Watch,
    Explain,
    Report,
    Start,
    Approve,
    Refuse,
    Check,
    Advance,
    Hold,
    Resume,
    Rollback,
    Kill,
    Unkill,
    Override,
    Simulate,
    Retire,
    Stale,
    Drill,
    Tick,
)


class Command(ActorMixin):
    """Dispatch to the verbs."""

    help = "See, start, advance, stop, roll back and retire staged rollouts of flags."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser with our exit codes at its end."""
        return super().create_parser(prog_name, subcommand, **{"epilog": CODES, **kwargs})

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the verbs."""
        super().add_arguments(parser)
        parts = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for kind in VERBS:
            part = parts.add_parser(
                kind.name,
                help=kind.help,
                description=kind.help,
                epilog=CODES,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
            # Also behind the verb, where people look for them; absent there, they keep what stood before.
            part.add_argument(
                "--json", action="store_true", dest="as_json", default=argparse.SUPPRESS, help="print one JSON document"
            )
            part.add_argument(
                "--as",
                dest="as_user",
                metavar="USER",
                default=argparse.SUPPRESS,
                help="e-mail of whom to act as (default: the command line itself)",
            )
            kind().add_arguments(part)

    def run(self, **options: Any) -> int | None:
        """Run the one that was named."""
        kinds = {kind.name: kind for kind in VERBS}
        return kinds[options["verb"]]().run(self, **options)

    def _end(self, code: int, message: str, *, is_refusal: bool = True) -> None:
        super()._end(code, MEANINGS.get(code, message), is_refusal=is_refusal)
