"""Rotate the master key."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db.models import Count, QuerySet

from common import keys
from common.context import COMMAND_LINE, unit_of_work
from common.errors import InvalidInput
from common.management.base import MesocycleCommand
from common.models import SubjectKey

BATCH = 500


class Command(MesocycleCommand):
    """Wrap every person's key under the newest master key; what they encrypt is not touched.

    Safe at any time and to be stopped and run again: each batch is a transaction, and keys of both versions work.
    """

    help = (
        "Wrap the keys of all people under the highest version of FIELD_ENCRYPTION_KEYS. Add the new version first, "
        "restart everything, run this; when it says that nothing is left, the old version may be removed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add a look without a touch."""
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="count the keys by version and change nothing")

    def run(self, **options: Any) -> int | None:
        """Rewrap in batches until none is left."""
        newest = max(settings.FIELD_ENCRYPTION_KEYS)
        with unit_of_work(COMMAND_LINE, read_only=True):
            left = _left(newest).count()
            strange = set(_left(newest).values_list("version", flat=True)) - set(settings.FIELD_ENCRYPTION_KEYS)
        if strange:
            raise InvalidInput(f"FIELD_ENCRYPTION_KEYS lacks version {min(strange)}, which still wraps keys.")
        done = 0
        with self.progress() as bar:
            task = bar.add_task("keys", total=left)
            while not options["dry_run"] and (step := _batch()):
                done += step
                bar.update(task, completed=done)
        with unit_of_work(COMMAND_LINE, read_only=True):
            rows = list(_held().values("version").annotate(keys=Count("pk")).order_by("version"))
            left = _left(newest).count()
        if self.as_json:
            self.emit({"newest": newest, "rewrapped": done, "left": left, "by_version": rows})
        else:
            self.table(rows, columns=("version", "keys"), title=f"{done} keys rewrapped, {left} left")
        return None


def _held() -> QuerySet[SubjectKey]:
    return SubjectKey.objects.filter(destroyed_at=None)


def _left(newest: int) -> QuerySet[SubjectKey]:
    return _held().exclude(version=newest)


def _batch() -> int:
    with unit_of_work(COMMAND_LINE):
        return keys.rewrap(limit=BATCH)
