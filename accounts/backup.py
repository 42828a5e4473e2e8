"""What accounts adds to a backup: nobody stays logged in, and who was erased since is erased again."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from accounts.ledger import read_ledger
from accounts.services.erased_again import erase_again
from accounts.services.note_erasures import note_erasures
from common.backup.contributions import CONTRIBUTIONS, CaughtUp, Contribution, Later
from common.errors import InvalidInput
from telemetry.services.forget import forget_due
from telemetry.sinks import SinkUnavailable


def register() -> None:
    """Register it."""
    left_out = ("accounts_refreshtoken",)
    contribution = Contribution(prepare=note_erasures, left_out=left_out, ready=_ready, catch_up=_catch_up)
    CONTRIBUTIONS.register("accounts", contribution)


def _ledgers(later: Later) -> list[Path]:
    own = Path(settings.ERASURE_LEDGER)
    return [*later.ledgers, *([own] if own.exists() else [])]


def _ready(later: Later) -> None:
    """Refuse to go on without a list of who was erased since.

    Raises:
        InvalidInput: there is none and nobody said so, or it cannot be read.
    """
    for path in _ledgers(later):
        read_ledger(path)
    if not _ledgers(later) and not later.unknown:
        raise InvalidInput(
            "who was erased after the backup must not come back: say --erasures with the list that was kept outside "
            "(ERASURE_LEDGER), or --no-erasures-known where it is lost",
            pointer="/erasures",
        )


def _catch_up(later: Later) -> CaughtUp:
    again = erase_again([erasure for path in _ledgers(later) for erasure in read_ledger(path)])
    done = [f"{again.erased} erased again"] if again.erased else []
    done += [f"{again.unknown} erased people are not in this database"] if again.unknown else []
    faults = list(again.faults)
    if again.erased:
        try:
            forgotten = forget_due()
            faults += [f"telemetry cannot be cleaned: {broken}" for broken in forgotten.broken]
        except SinkUnavailable as error:
            faults.append(str(error))
    note_erasures()
    return CaughtUp(done, faults)
