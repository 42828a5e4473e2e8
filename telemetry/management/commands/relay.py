"""Publish what waits in the outbox."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import CommandParser
from django.db import InterfaceError, OperationalError, connection

from common.management.base import PARTLY_FAILED, MesocycleCommand
from telemetry.services.relay import Relay, Relayed

PAUSE_SECONDS: Final = 1.0


class Command(MesocycleCommand):
    """Relay until stopped, or what waits now; as many relays as there are may run at the same time."""

    help = "Publish telemetry events from the outbox, in order for each aggregate, at least once each."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add how long."""
        super().add_arguments(parser)
        parser.add_argument("--once", action="store_true", help="publish what waits now and end")

    def run(self, **options: Any) -> int | None:
        """Relay."""
        relay = Relay()
        try:
            done = _turn(relay)
            while options["once"] and done.oldest and not done.error and (more := _turn(relay)).published:
                done += more
            while not options["once"]:
                self._tell(done)
                time.sleep(PAUSE_SECONDS)
                done = _turn(relay)
        finally:
            relay.close()
        if self.as_json:
            self.emit(asdict(done))
        else:
            self._tell(done)
        return PARTLY_FAILED if done.error else None

    def _tell(self, done: Relayed) -> None:
        if done.error:
            self.note(done.error)
        if done.published or done.retried or done.dead:
            counts = f"{done.published} published, {done.retried} to be tried again, {done.dead} dead letters"
            self.note(f"{counts}; {'some wait' if done.oldest else 'none waits'}")


def _turn(relay: Relay) -> Relayed:
    """Take a turn; a database that is away is an error of the turn and not the end of the relay."""
    try:
        return relay.turn()
    except (OperationalError, InterfaceError) as error:
        connection.close()
        return Relayed(error=f"the database does not answer: {error}")
