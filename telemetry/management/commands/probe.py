"""Look at the service from outside, each minute."""

from __future__ import annotations

import time
from collections import deque
from datetime import UTC, datetime
from typing import Any, Final

from django.core.management.base import CommandParser
from django.db import DatabaseError, connection

from common.errors import InvalidInput
from common.management.base import PARTLY_FAILED, MesocycleCommand
from telemetry.probing import Seen, address_of, look
from telemetry.services.probes import record_probes

MINUTE: Final = 60.0
KEPT: Final = 7 * 24 * 60
"""Minutes that wait in memory while the database is away: a week of them."""


class Command(MesocycleCommand):
    """`probe URL`."""

    help = (
        "Ask URL once a minute and write down whether it answered: the share of time for which the service was up. Run "
        "it on another machine than the service. While the database is away it remembers, up to a week."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to ask."""
        super().add_arguments(parser)
        parser.add_argument("url", metavar="URL", help="such as https://plans.example/health/ready")
        parser.add_argument("--name", default="outside", help="this prober's name (default: %(default)s)")
        parser.add_argument("--timeout", type=float, default=5.0, metavar="S", help="seconds (default: %(default)s)")
        parser.add_argument("--once", action="store_true", help="one look; exit code 1 where it was not answered")

    def run(self, **options: Any) -> int | None:
        """Look until interrupted."""
        url, name, timeout = options["url"], options["name"], options["timeout"]
        address_of(url)
        if not 0 < timeout < MINUTE:
            raise InvalidInput("--timeout is more than 0 and less than 60 seconds.", pointer="/timeout")
        waiting: deque[Seen] = deque(maxlen=KEPT)
        while True:
            now = datetime.now(UTC)
            seen = look(url, minute=now.replace(second=0, microsecond=0), timeout=timeout)
            waiting.append(seen)
            written = self._write(name, waiting)
            if options["once"]:
                self._tell(seen, written)
                return None if seen.is_up and written else PARTLY_FAILED
            if not seen.is_up:
                self.note(f"{seen.minute:%Y-%m-%d %H:%M} down: {seen.failure}")
            time.sleep(MINUTE - time.time() % MINUTE)

    def _write(self, name: str, waiting: deque[Seen]) -> bool:
        """Write what waits; what could not be written goes on waiting."""
        try:
            record_probes(name, list(waiting))
        except DatabaseError as error:
            connection.close()
            self.note(f"{len(waiting)} looks wait for the database: {type(error).__name__}")
            return False
        waiting.clear()
        return True

    def _tell(self, seen: Seen, written: bool) -> None:
        told = {"minute": seen.minute, "up": seen.is_up, "milliseconds": seen.milliseconds, "failure": seen.failure}
        if self.as_json:
            self.emit(told | {"written": written})
        else:
            self.table([told])
