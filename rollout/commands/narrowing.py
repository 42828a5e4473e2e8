"""`rollout rollback`, `kill`, `unkill`, `override`. What reaches fewer people never waits for anybody."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.core.management.base import CommandParser

from audit.management.sealing import moment
from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput
from common.management.base import OK, MesocycleCommand
from rollout.commands.explaining import subject_named
from rollout.commands.telling import tell_asked, tell_changed
from rollout.commands.verb import (
    Actor,
    Row,
    Verb,
    add_expected,
    add_reason,
    add_wait,
    add_yes,
    confirm,
    flag_named,
    live_run,
    newest_run,
    person,
    reader,
)
from rollout.errors import SecondPersonNeeded
from rollout.lifecycle import EXPOSING, State
from rollout.models import Rollout
from rollout.runs import policy_of
from rollout.services import flags, rollouts
from rollout.services.approvals import ask_for_override, ask_to_resume

KEPT_OUT_FOR: Final = timedelta(days=30)
"""How long one person's rollback lasts where nobody says until when: an override has an end."""


class Rollback(Verb):
    """Take people out again."""

    name = "rollback"
    help = "take everybody out of a run at once; or back to an earlier stage (--to), or one person (--user)"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the run, and how far back."""
        parser.add_argument("target", metavar="FLAG|ID")
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--to", nargs="?", const="", metavar="STAGE", help="an earlier stage (default: what the policy names)"
        )
        how.add_argument("--user", metavar="ID", help="only this athlete or user, by an override that ends (--until)")
        how.add_argument("--kill", action="store_true", help="kill the flag as well: off above overrides and all")
        parser.add_argument("--until", metavar="WHEN", help="with --user: its end (default: in 30 days)")
        add_reason(parser)
        add_expected(parser)
        add_yes(parser)
        add_wait(parser)

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Roll back as far as was asked."""
        acting_user = reader(options)
        if options["user"]:
            return self._one(command, acting_user, options)
        with unit_of_work(acting_user, read_only=True):
            run = live_run(options["target"])
        _needs_reason(options)
        if options["to"] is not None:
            self._partly(run, acting_user, options)
        else:
            self._wholly(command, run, acting_user, options)
        tell_changed(command, run.flag.name, run_id=run.pk, wait=options["wait"])
        return OK

    def _wholly(self, command: MesocycleCommand, run: Rollout, acting_user: Actor, options: Row) -> None:
        """Take everybody out; of a run that has not begun there is nobody to take out, and it is dropped."""
        # A kill needs no version: nothing may leave it done and the rollback refused.
        expected = None if options["kill"] else options["expected"]
        asked = {"expected": expected, "reason": options["reason"], "acting_user": acting_user}
        if run.state in (State.DRAFT, State.SCHEDULED):
            rollouts.discard(rollout_id=run.pk, **asked)
            return
        share = f"{run.flag.rollout_thousandths / 1000:g} %"
        confirm(command, f"{run.flag.name} goes from {share} to nobody.", yes=options["yes"])
        if options["kill"]:
            flags.kill_flag(key=run.flag.name, reason=options["reason"], acting_user=acting_user)
        if not options["kill"] or State(run.state) in EXPOSING:
            rollouts.rollback(rollout_id=run.pk, **asked)

    def _partly(self, run: Rollout, acting_user: Actor, options: Row) -> None:
        stage = options["to"] or policy_of(run).partial_to
        if not stage:
            raise InvalidInput("This policy names no stage for a partial rollback; name one.", pointer="/to")
        rollouts.step_back(
            rollout_id=run.pk,
            expected=options["expected"],
            stage=stage,
            reason=options["reason"],
            acting_user=acting_user,
        )

    def _one(self, command: MesocycleCommand, acting_user: Actor, options: Row) -> int:
        with unit_of_work(acting_user, read_only=True):
            key = newest_run(options["target"]).flag.name if _is_id(options["target"]) else options["target"]
            subject, who = subject_named(options["user"], flag_named(key).name, acting_user)
        until = moment(options["until"], "/until") or clock.now() + KEPT_OUT_FOR
        row = flags.set_user_override(
            key=key,
            subject_id=UUID(subject.id),
            value=False,
            reason=options["reason"],
            expires_at=until,
            acting_user=acting_user,
        )
        return _tell_override(command, key, {"who": who, "value": row.value, "until": row.expires_at}, options)


class Kill(Verb):
    """Off for everybody."""

    name = "kill"
    help = "switch a flag off for everybody, above overrides and everything else; killing twice changes nothing"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the flag."""
        parser.add_argument("flag", metavar="FLAG")
        add_reason(parser)
        add_yes(parser)
        add_wait(parser)

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Kill, and wait until the processes know."""
        acting_user = reader(options)
        _needs_reason(options)
        with unit_of_work(acting_user, read_only=True):
            flag = flag_named(options["flag"])
        confirm(command, f"{flag.name} is switched off for everybody.", yes=options["yes"])
        flags.kill_flag(key=flag.name, reason=options["reason"], acting_user=acting_user)
        tell_changed(command, flag.name, run_id=flag.rollout_id, wait=options["wait"])
        return OK


class Unkill(Verb):
    """Take a kill back."""

    name = "unkill"
    help = "take a kill back: what was there holds again; a guarded flag needs a second person (exit code 5)"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the flag."""
        parser.add_argument("flag", metavar="FLAG")
        add_reason(parser)
        add_wait(parser)

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Resume or ask."""
        asked = {"key": options["flag"], "reason": options["reason"], "acting_user": person(options)}
        try:
            flag = flags.resume_flag(**asked)
        except SecondPersonNeeded:
            return tell_asked(command, ask_to_resume(**asked), asked["acting_user"])
        tell_changed(command, flag.name, run_id=flag.rollout_id, wait=options["wait"])
        return OK


class Override(Verb):
    """A flag for one person."""

    name = "override"
    help = "answer a flag for one person until a moment; on, for a guarded flag, needs a second person (exit code 5)"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whom, what and until when."""
        parser.add_argument("flag", metavar="FLAG")
        parser.add_argument("user", metavar="USER", help="as `explain` takes them")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--on", action="store_true")
        what.add_argument("--off", action="store_true")
        what.add_argument("--clear", action="store_true", help="end the override before its time")
        parser.add_argument("--until", metavar="WHEN", help="day or moment (ISO 8601, UTC); required with --on, --off")
        add_reason(parser)
        add_wait(parser)

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Set, ask or clear."""
        acting_user = person(options) if options["on"] or options["clear"] else reader(options)
        key = options["flag"]
        with unit_of_work(acting_user, read_only=True):
            subject, who = subject_named(options["user"], flag_named(key).name, acting_user)
        asked = {
            "key": key,
            "subject_id": UUID(subject.id),
            "reason": options["reason"],
            "acting_user": acting_user,
        }
        if options["clear"]:
            flags.clear_user_override(**asked)
            return _tell_override(command, key, {"who": who, "value": None, "until": None}, options)
        until = _end(options)
        try:
            flags.set_user_override(value=options["on"], expires_at=until, **asked)
        except SecondPersonNeeded:
            return tell_asked(command, ask_for_override(expires_at=until, **asked), acting_user)
        return _tell_override(command, key, {"who": who, "value": options["on"], "until": until}, options)


def _end(options: Row) -> datetime:
    until = moment(options["until"], "/until")
    if until is None:
        raise InvalidInput("An override has an end: say --until.", pointer="/until")
    return until


def _tell_override(command: MesocycleCommand, key: str, override: Row, options: Row) -> int:
    if not command.as_json:
        word = {True: "on", False: "off", None: "as for everybody else"}[override["value"]]
        until = f" until {override['until']:%Y-%m-%d %H:%M} UTC" if override["until"] else ""
        command.stdout.write(f"{key}: {word} for {override['who']}{until}")
    tell_changed(command, key, wait=options["wait"], override=override)
    return OK


def _needs_reason(options: Row) -> None:
    """Refuse before somebody is asked to confirm what the service would refuse."""
    if not options["reason"].strip():
        raise InvalidInput("Say why, with --reason.", pointer="/reason")


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
