"""While the outbox is cleaned of somebody no relay is at work, which could still bring a file what is to go."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from common.context import COMMAND_LINE, unit_of_work
from telemetry.services import emit
from telemetry.services.relay import Relay, hold_all_partitions
from tests.telemetry.making import HAPPENED, add_types


@pytest.mark.postgres
def test_no_relay_is_at_work_while_the_outbox_is_cleaned(
    committed_database: str, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TELEMETRY_DIR = str(tmp_path)
    add_types(monkeypatch)
    with unit_of_work(COMMAND_LINE):
        emit(HAPPENED, aggregate_id=UUID(int=1), data={"number": 1})
    turns: list[int] = []

    def relay() -> None:
        turns.append(Relay().turn().published)
        connection.close()

    with unit_of_work(COMMAND_LINE):
        hold_all_partitions()
        thread = threading.Thread(target=relay)
        thread.start()
        thread.join(20)
    assert turns == [0]
    assert Relay().turn().published == 1
