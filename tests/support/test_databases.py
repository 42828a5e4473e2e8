"""Nothing of a run stays on the server, and nothing of another run is touched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from tests.support.databases import ADMIN_URL, Databases, drop_databases, leftovers, of_run

pytestmark = pytest.mark.postgres

NOW, DAY = timedelta(0), timedelta(days=1)


@pytest.fixture
def name(databases: Databases, worker_id: str) -> Iterator[str]:
    """A database of this run that nobody uses."""
    name = databases.copy(f"left_{worker_id}")
    yield name
    databases.drop(name)


def test_what_a_killed_run_left_is_found_after_a_day(name: str) -> None:
    assert leftovers(name, NOW) == [name]
    assert leftovers(name, DAY) == []


def test_a_database_in_use_is_no_leftover(name: str) -> None:
    with psycopg.connect(ADMIN_URL, dbname=name):
        assert leftovers(name, NOW) == []


def test_the_end_of_a_run_drops_its_own_alone(databases: Databases, name: str) -> None:
    run_id = databases.template.removeprefix("mesocycle_test_")
    assert {databases.template, name} <= set(of_run(run_id))
    assert of_run(run_id[:-1]) == []
    drop_databases([name, name])
    assert name not in of_run(run_id)
