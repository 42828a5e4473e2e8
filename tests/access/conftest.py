"""Ann's world, built once for a module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.access.world import World, build, kept_for_a_module
from tests.support.databases import Databases


@pytest.fixture(scope="module")
def world(databases: Databases, django_db_setup: None, django_db_blocker: Any, worker_id: str) -> Iterator[World]:
    """Everybody and their clients; a test must take back what it does (`world.undone`)."""
    with kept_for_a_module(databases, django_db_blocker, worker_id, build) as made:
        yield made
