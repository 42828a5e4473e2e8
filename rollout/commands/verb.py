"""One verb of `manage.py rollout …`: its options, what it does, and the words that several verbs share."""

from __future__ import annotations

import sys
from typing import Any, ClassVar, Final
from uuid import UUID

from django.core.management.base import CommandParser

from accounts.models import User
from accounts.scope import require
from common.context import ServiceIdentity, unit_of_work
from common.errors import InvalidInput, NotVisible, WrongState
from common.management.base import EXIT_CODES, MesocycleCommand
from rollout.lifecycle import LIVE, State
from rollout.models import Flag, Rollout

Row = dict[str, Any]
Actor = User | ServiceIdentity
ASKED, OPEN, FAILED = 5, 6, 7
MEANINGS: Final = {
    ASKED: "asked: a second person has to agree before anything reaches more people",
    OPEN: "open: something is missing, inconclusive, has no data or is holding",
    FAILED: "failed: a gate fails, or the run was rolled back",
}
CODES: Final = (
    EXIT_CODES
    + f"""\
  {ASKED}  asked: waits for a second person; nothing reaches more people yet
  {OPEN}  `check`: a gate is inconclusive or has no data; `simulate`: holding; `retire --dry-run`: something is missing
  {FAILED}  `check`, `simulate`, `watch`: a gate fails; the run was rolled back
"""
)


class Verb:
    """`run` returns an exit code (None is 0) and prints through `command`."""

    name: ClassVar[str]
    help: ClassVar[str]

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Do the work."""
        raise NotImplementedError


def add_reason(parser: CommandParser, what: str = "why; goes into the record (required)") -> None:
    """Add `--reason`; the service refuses an empty one, so that a refusal is a JSON document too."""
    parser.add_argument("--reason", default="", metavar="TEXT", help=what)


def add_expected(parser: CommandParser) -> None:
    """Add `--step`, the version of the run that the decision was made on."""
    parser.add_argument(
        "--step",
        type=int,
        dest="expected",
        metavar="N",
        help="refuse (exit code 4) unless the run is still at this step, as `status` shows it",
    )


def add_yes(parser: CommandParser) -> None:
    """Add `--yes`, for what is asked before."""
    parser.add_argument("--yes", action="store_true", help="do not ask first")


def add_wait(parser: CommandParser) -> None:
    """Add for how long a change waits until processes are seen with it."""
    parser.add_argument(
        "--wait",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="how long to wait until every process was seen with the change (default: %(default)s)",
    )


def reader(options: Row) -> Actor:
    """Return who reads about rollouts.

    Raises:
        NotPermitted: not the role's.
    """
    acting_user: Actor = options["acting_user"]
    with unit_of_work(acting_user, read_only=True):
        require(acting_user, "rollout:manage")
    return acting_user


def person(options: Row) -> User:
    """Return the person who acts: whatever may reach more people has a name to it, and a second one later.

    Raises:
        InvalidInput: nobody was named.
    """
    acting_user = options["acting_user"]
    if not isinstance(acting_user, User):
        raise InvalidInput("name who asks with --as USER: a second person has to be another one", pointer="/as")
    return acting_user


def identifier(text: str, pointer: str) -> UUID:
    """Return an id.

    Raises:
        InvalidInput: it is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is no id", pointer=pointer) from None


def flag_named(key: str) -> Flag:
    """Return a flag.

    Raises:
        NotVisible: there is none of this name.
    """
    flag = Flag.objects.filter(name=key).first()
    if flag is None:
        known = ", ".join(Flag.objects.order_by("name").values_list("name", flat=True)[:20])
        raise NotVisible(f"There is no flag {key}; there are: {known or 'none (see seed_feature_flags)'}.")
    return flag


def newest_run(wanted: str) -> Rollout:
    """Return a run by its id, or a flag's live run, else its newest one.

    Raises:
        NotVisible: there is no such run or flag, or the flag never had one.
    """
    rows = Rollout.objects.select_related("flag")
    try:
        found = rows.filter(pk=UUID(wanted)).first()
        if found is None:
            raise NotVisible(f"There is no rollout {wanted}.")
        return found
    except ValueError:
        flag = flag_named(wanted)
    runs = rows.filter(flag=flag)
    live = runs.filter(state__in=sorted([*LIVE, State.DRAFT])).first()
    found = live or runs.order_by("-id").first()
    if found is None:
        raise NotVisible(f"{flag.name} has no rollout yet; `rollout start` asks for one.")
    return found


def live_run(wanted: str) -> Rollout:
    """Return the run that a change is about, by its id or its flag; one that is not over.

    Raises:
        NotVisible: as `newest_run`.
        WrongState: no run of the flag is drafted or live.
    """
    run = newest_run(wanted)
    if State(run.state) not in LIVE and run.state != State.DRAFT:
        state, key = run.state.replace("_", " "), run.flag.name
        raise WrongState(
            f"No rollout of {key} is live (the last one is {state}); `rollout kill {key}` switches it off."
        )
    return run


def confirm(command: MesocycleCommand, question: str, *, yes: bool) -> None:
    """Ask before something is narrowed to nobody.

    Raises:
        InvalidInput: not confirmed; or nobody is there to ask and `--yes` was not given.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput(f"{question} Say --yes: there is nobody here to ask.", pointer="/yes")
    command.note(f"{question} Type yes to go on:")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InvalidInput("Not confirmed; nothing was changed.", pointer="/yes")
