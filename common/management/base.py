"""The base of our commands: exit codes, `--json`, errors in one line, and the options that several commands share."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, time
from typing import Any, ClassVar
from uuid import UUID

import structlog
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import InterfaceError, OperationalError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from common import clock
from common.context import COMMAND_LINE, Actor, RequestInfo, requested_by
from common.errors import DomainError, InvalidInput, NotPermitted, Unavailable
from common.ids import uuid7
from common.problem import is_database_away

OK, PARTLY_FAILED, BAD_INPUT, REFUSED, CONFLICT = range(5)

EXIT_CODES = """\
exit codes:
  0  done
  1  partly failed, or failed unexpectedly; what went wrong was printed
  2  bad usage or input; nothing was changed
  3  refused: not permitted
  4  conflict, wrong state or limit reached; nothing was changed
"""

_EXIT_CODE_BY_STATUS = {401: REFUSED, 403: REFUSED, 409: CONFLICT, 412: CONFLICT, 428: CONFLICT, 429: CONFLICT}
_WIDTH = 120


def exit_code_for(error: DomainError) -> int:
    """Return the exit code of a domain error."""
    if error.status >= 500:
        return PARTLY_FAILED
    return _EXIT_CODE_BY_STATUS.get(error.status, BAD_INPUT)


class MesocycleCommand(BaseCommand):
    """Subclasses implement `run(**options)` and return an exit code (None is 0).

    With `--json`, standard output carries exactly one JSON document (also on refusal: `{"error": problem}`); everything
    for people goes to standard error. Called from the command line the process ends with the code; `call_command`
    raises `CommandError` with it as `returncode`.
    """

    _called_from_command_line: bool

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with `--json` and the exit codes at the end of `--help`."""
        kwargs.setdefault("epilog", EXIT_CODES)
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON document")
        return parser

    def run(self, **options: Any) -> int | None:
        """Do the work; return an exit code."""
        raise NotImplementedError

    def enter(self, stack: ExitStack, options: dict[str, Any]) -> None:
        """Prepare what options ask for; mixins extend this and call super."""
        info = stack.enter_context(requested_by(RequestInfo(request_id=uuid7())))
        stack.enter_context(structlog.contextvars.bound_contextvars(request_id=str(info.request_id)))

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, and turn refusals into one line and an exit code."""
        self.as_json: bool = options.get("as_json", False)
        try:
            with ExitStack() as stack:
                self.enter(stack, options)
                code = self.run(**options) or OK
        except DomainError as error:
            self._refuse(error)
            return
        except (OperationalError, InterfaceError) as error:
            if options.get("traceback") or not is_database_away(error):
                raise
            self.note(f"The database does not answer: {str(error).strip()}")
            self._refuse(Unavailable())
            return
        if code:
            self._end(code, "the command failed in part", is_refusal=False)

    def emit(self, document: Any) -> None:
        """Print the JSON document (call once, only with `--json`)."""
        self.stdout.write(json.dumps(document, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))

    def note(self, text: str) -> None:
        """Tell the person something that is no result."""
        self.stderr.write(text, style_func=str)

    def table(
        self, rows: Iterable[Mapping[str, Any]], *, columns: Sequence[str] | None = None, title: str | None = None
    ) -> None:
        """Print rows as a table for people; the columns are those of the first row unless named."""
        listed = list(rows)
        names = list(columns or (listed[0].keys() if listed else ()))
        table = Table()
        for name in names:
            numeric = bool(listed) and all(isinstance(row.get(name), int | float | None) for row in listed)
            whole = any(isinstance(row.get(name), UUID) for row in listed)  # an id is there to be copied
            table.add_column(name, justify="right" if numeric else "left", no_wrap=whole)
        for row in listed:
            table.add_row(*(_cell(row.get(name)) for name in names))
        if title:  # a line of its own: rich would break it at the table's width, and a path in it could not be copied
            self.stdout.write(title)
        self.stdout.write(rendered(table))

    def progress(self) -> Progress:
        """Return a progress bar on standard error, silent where nobody watches."""
        console = Console(file=sys.stderr)
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def _refuse(self, error: DomainError) -> None:
        if self.as_json:
            self.emit({"error": error.as_problem()})
        others = [e for e in error.errors if e["detail"] != error.detail]
        parts = [f"{e['pointer'].removeprefix('#/')}: {e['detail']}" for e in others]
        self._end(exit_code_for(error), "; ".join([error.detail, *parts]))

    def _end(self, code: int, message: str, *, is_refusal: bool = True) -> None:
        """Leave with the code, as the caller expects it; who ran to the end found something, and that is no error."""
        if self._called_from_command_line and code == PARTLY_FAILED:
            raise SystemExit(code)
        if self._called_from_command_line and not is_refusal:
            self.note(message[:1].upper() + message[1:] + ".")
            raise SystemExit(code)
        raise CommandError(message, returncode=code)


def rendered(renderable: Any) -> str:
    """Return something of rich's as plain text."""
    buffer = io.StringIO()
    Console(file=buffer, width=_WIDTH, color_system=None).print(renderable)
    return buffer.getvalue().rstrip("\n")


class AsOfMixin(MesocycleCommand):
    """`--as-of`: run as if it were then (a day means its noon, UTC)."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--as-of`."""
        super().add_arguments(parser)
        parser.add_argument("--as-of", type=moment, metavar="WHEN", help="day or moment (ISO 8601) to take for now")

    def enter(self, stack: ExitStack, options: dict[str, Any]) -> None:
        """Let the clock stand still at that moment."""
        super().enter(stack, options)
        if options.get("as_of") is not None:
            stack.enter_context(clock.frozen(moment(options["as_of"])))


class SeedMixin(MesocycleCommand):
    """`--seed`: the same seed gives the same result."""

    default_seed: ClassVar[int] = 0

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--seed`."""
        super().add_arguments(parser)
        parser.add_argument(
            "--seed", type=int, default=self.default_seed, help="seed of everything random (default: %(default)s)"
        )


class ActorMixin(MesocycleCommand):
    """`--as USER`: act as that person, with what they may do; `run` gets `acting_user`."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--as`."""
        super().add_arguments(parser)
        parser.add_argument(
            "--as", dest="as_user", metavar="USER", help="e-mail of whom to act as (default: the command line itself)"
        )

    def enter(self, stack: ExitStack, options: dict[str, Any]) -> None:
        """Find the person."""
        super().enter(stack, options)
        options["acting_user"] = actor_named(options.get("as_user"))


def actor_named(email: str | None) -> Actor:
    """Return the user with this e-mail address, the command line itself without one.

    Raises:
        InvalidInput: nobody has this address.
        NotPermitted: the account is not active.
    """
    if not email:
        return COMMAND_LINE
    users = get_user_model()._default_manager
    user = users.filter(**{f"{get_user_model().USERNAME_FIELD}__iexact": email}).first()
    if user is None:
        raise InvalidInput(f"nobody has the e-mail address {email}", pointer="/as")
    if not user.is_active:
        raise NotPermitted(f"the account of {email} is not active")
    return user


def moment(value: str | date | datetime) -> datetime:
    """Return a moment that somebody wrote as ISO 8601, for `type=` of an argument; a day means its noon, UTC.

    Raises:
        ArgumentTypeError: it is neither.
    """
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{value!r} is neither a day nor a moment (ISO 8601)") from None
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(12))
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)
