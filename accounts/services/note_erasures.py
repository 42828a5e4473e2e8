"""Keeping outside the database who was erased."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from accounts.ledger import Erasure, append_to_ledger
from accounts.models import ErasureRequest, ErasureState
from common.context import COMMAND_LINE, unit_of_work


def note_erasures() -> int:
    """Append to `ERASURE_LEDGER` who was erased and is not in it; return how many.

    After each erasure, every few minutes and before each backup: what a crash or a full disk left out is made up for.

    Raises:
        OSError: it cannot be written.
    """
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = ErasureRequest.objects.filter(state=ErasureState.DONE).order_by("id")
        done = [
            Erasure(pk, athlete_id, decided_at)
            for pk, athlete_id, decided_at in rows.values_list("pk", "athlete_id", "decided_at")
            if decided_at is not None
        ]
    return append_to_ledger(Path(settings.ERASURE_LEDGER), done)
