"""One company and one backup of it for all tests of this folder that only read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.services.erasure import erase_from_command_line
from common.backup.make import make_backup
from tests.backup.making import World, admin_url, fill_company, folders
from tests.support.databases import Databases


@pytest.fixture(scope="module")
def world(
    databases: Databases,
    django_db_setup: None,
    django_db_blocker: Any,
    worker_id: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """A company that was backed up, after which somebody was erased; the list of erasures is in `root`."""
    root = tmp_path_factory.mktemp("company")
    name = databases.copy(f"{worker_id}_company")
    with django_db_blocker.unblock(), folders(root):
        connection.close()
        before, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], name
        try:
            review, proof, erased_id = fill_company()
            made = make_backup(root / "backups", admin_url(name))
            erase_from_command_line(athlete_id=erased_id, reason="asked for it")
            yield World(review, proof, erased_id, made.folder, name)
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before
            databases.drop(name)


@pytest.fixture
def ledger(world: World) -> Path:
    """The list of who was erased, as it outlives the machine."""
    return world.backup.parent.parent / "erasures.ndjson"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """Empty folders, as on a new machine."""
    with folders(tmp_path / "new"):
        yield tmp_path / "new"
