"""Django's `migrate`, made fit for a service that goes on working meanwhile: it waits for no lock for long.

A statement that waits for a lock on a table makes everybody wait who comes after it, also those who only read. So it
gives up after a moment, what it had begun is rolled back, the queue behind it runs, and it tries again.
"""

from __future__ import annotations

import io
import time
from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import OperationalError, connections
from django.db.migrations import Migration

from common.errors import Busy
from common.management.base import MesocycleCommand
from common.problem import is_lock_timeout

LOCK_SECONDS = 2.0
TRIES = 20
# Between tries: doubled each time, up to the longest; all of them together take some eight minutes.
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0


class Command(MesocycleCommand, DjangoMigrate):
    """Migrate with a lock timeout and tries; on SQLite, exactly Django's command."""

    help = (
        "Bring the tables up to date, or to a named migration. On PostgreSQL no statement waits for a lock longer than "
        "--lock-timeout; a migration that had to is rolled back and tried again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add Django's arguments, the lock timeout and the number of tries."""
        super().add_arguments(parser)
        parser.add_argument(
            "--lock-timeout", type=float, default=LOCK_SECONDS, metavar="SECONDS",
            help="how long to wait for a lock, and to keep others waiting (default: %(default)s; 0: for ever)",
        )  # fmt: skip
        parser.add_argument(
            "--tries", type=int, default=TRIES, help="how often to try where locks are held (default: %(default)s)"
        )

    def run(self, **options: Any) -> int | None:
        """Migrate; with `--json`, say how many tries it took, and what Django said.

        Raises:
            Busy: locks were held at each try; the migrations before the one that is named are applied.
        """
        self._alias: str = options["database"]
        self._lock_timeout: float = options["lock_timeout"]
        self._at: Migration | None = None
        said = io.StringIO()
        out = self.stdout
        if self.as_json:
            self.stdout = type(out)(said)
        try:
            tries = self._until_done(options)
        finally:
            self.stdout = out
        if self.as_json:
            self.emit({"tries": tries, "said": said.getvalue()})
        return None

    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
        """Set the timeout of the migration that begins, and let the server show its name.

        One that is not atomic is left to wait: it builds or drops an index concurrently, which keeps nobody waiting,
        and would leave an invalid index behind if it gave up.
        """
        super().migration_progress_callback(action, migration, fake)
        if action in ("apply_start", "unapply_start"):
            self._at = migration
            seconds = self._lock_timeout if migration.atomic else 0.0
            self._on_postgres(
                "SELECT set_config('application_name', %s, false), set_config('lock_timeout', %s, false)",
                f"migrate {migration}"[:63],
                f"{round(seconds * 1000)}ms",
            )
        elif action in ("apply_success", "unapply_success"):
            self._at = None

    def _until_done(self, options: dict[str, Any]) -> int:
        """Return how many tries it took."""
        tries = options["tries"]
        for number in range(1, tries + 1):
            try:
                DjangoMigrate.handle(self, **options)
                self._on_postgres("RESET lock_timeout; RESET application_name")
                return number
            except OperationalError as error:
                if not is_lock_timeout(error) or connections[self._alias].vendor != "postgresql":
                    raise
                _renew(self._alias)
                self.note(f"\n{self._at or 'migrate'}: a lock is held; try {number} of {tries} was undone")
                if number < tries:
                    time.sleep(min(PAUSE_SECONDS * 2 ** (number - 1), LONGEST_PAUSE_SECONDS))
        raise Busy(
            f"{self._at or 'migrate'} got no lock in {tries} tries; what stands before it is applied. "
            "A long transaction holds a table: end it, or migrate later."
        )

    def _on_postgres(self, statement: str, *values: str) -> None:
        connection = connections[self._alias]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(statement, values or None)


def _renew(alias: str) -> None:
    """Connect anew: a schema editor that failed at its deferred statements leaves its transaction open."""
    connection = connections[alias]
    del connections[alias]
    if connection.connection is not None:
        connection.connection.close()
