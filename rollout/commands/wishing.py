"""`rollout start`, `approve`, `refuse`: what needs a second person."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.directory import user_names
from audit.management.sealing import moment
from common import clock
from common.context import unit_of_work
from common.management.base import OK, MesocycleCommand
from rollout.commands.standing import moment_text
from rollout.commands.telling import tell_asked, tell_changed, wish_row
from rollout.commands.verb import Row, Verb, add_reason, add_wait, identifier, person, reader
from rollout.models import Approval
from rollout.services import approvals
from rollout.services.rollouts import request_rollout


class Start(Verb):
    """Ask for a run of a policy."""

    name = "start"
    help = "ask for a rollout of a flag by a policy; it begins once a second person approves it"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add flag, policy and time."""
        parser.add_argument("flag", metavar="FLAG")
        parser.add_argument("--policy", required=True, help="a name, as `rollout policies` lists them")
        parser.add_argument("--at", metavar="WHEN", help="day or moment (ISO 8601, UTC) of its start (default: now)")
        add_reason(parser)

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Ask, and say who may approve: asking is all that this verb does, so that it ends with 0."""
        acting_user = person(options)
        wish = request_rollout(
            key=options["flag"],
            policy_name=options["policy"],
            reason=options["reason"],
            acting_user=acting_user,
            starts_at=moment(options["at"], "/at"),
        )
        tell_asked(command, wish, acting_user)
        return OK


class Approve(Verb):
    """Agree as the second person, or list what waits."""

    name = "approve"
    help = "agree to a wish as the second person (--as); without an ID: list the wishes that wait"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the wish."""
        parser.add_argument("wish", nargs="?", metavar="ID")
        add_reason(parser, "a comment for the record")
        add_wait(parser)

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Agree and print what is true now."""
        if not options["wish"]:
            return _inbox(command, options)
        wish = approvals.approve(
            approval_id=identifier(options["wish"], "/wish"), comment=options["reason"], acting_user=person(options)
        )
        return _decided(command, wish, options["wait"])


class Refuse(Verb):
    """Refuse a wish, or withdraw one's own."""

    name = "refuse"
    help = "refuse a wish (--as), or withdraw your own; a rollout that was only asked for goes with it"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the wish."""
        parser.add_argument("wish", nargs="?", metavar="ID", help="without it: list the wishes that wait")
        add_reason(parser)
        add_wait(parser)

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Refuse and print what is true now."""
        if not options["wish"]:
            return _inbox(command, options)
        wish = approvals.refuse(
            approval_id=identifier(options["wish"], "/wish"), comment=options["reason"], acting_user=person(options)
        )
        return _decided(command, wish, options["wait"])


def _decided(command: MesocycleCommand, wish: Approval, wait: float) -> int:
    if not command.as_json:
        did = "Approved" if wish.approved else "Refused"
        command.stdout.write(f"{did}: {wish.get_kind_display().lower()} of {wish.flag.name}, wish {wish.pk}.")
    tell_changed(command, wish.flag.name, run_id=wish.rollout_id, wait=wait, decided=wish_row(wish, []))
    return OK


def _inbox(command: MesocycleCommand, options: Row) -> int:
    with unit_of_work(reader(options), read_only=True):
        rows = Approval.objects.filter(decided_at=None, expires_at__gt=clock.now()).select_related("flag")
        waiting = list(rows.order_by("id"))
        names = user_names({wish.requested_by_id for wish in waiting})
    if command.as_json:
        command.emit([{**wish_row(wish, []), "requested_by_name": names.get(wish.requested_by_id)} for wish in waiting])
        return OK
    if not waiting:
        command.stdout.write("nothing waits for a second person")
        return OK
    shown = [
        {
            "wish": wish.pk,
            "for": wish.get_kind_display(),
            "flag": wish.flag.name,
            "asked by": names.get(wish.requested_by_id, "a service"),
            "why": wish.reason,
            "void after": moment_text(wish.expires_at),
        }
        for wish in waiting
    ]
    command.table(shown)
    return OK
