"""DuckDB and PostgreSQL say the same; what was loaded follows the files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from telemetry import synthetic
from telemetry.synthetic import Cohort
from telemetry.warehousing import postgres
from telemetry.warehousing.build import build, named
from telemetry.warehousing.dbt import Node
from telemetry.warehousing.inputs import inputs_in
from telemetry.warehousing.published import current
from tests.support.databases import ADMIN_URL, PREFIX
from tests.telemetry.warehouse.building import AS_OF, built, places, rows
from tests.telemetry.warehouse.written_out import leave_rows_of_others, written_out

pytestmark = [pytest.mark.postgres]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An empty database for a warehouse."""
    name = f"{PREFIX}warehouse_{synthetic.token(Cohort(), 'database', id(object()))[3:15]}"
    with psycopg.connect(ADMIN_URL, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlunsplit(urlsplit(ADMIN_URL)._replace(path=f"/{name}"))
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_the_same_events_give_the_same_numbers(tmp_path: Path, url: str) -> None:
    told = [*written_out(), *synthetic.events(Cohort(athletes=15, coaches=3, weeks=16, until=AS_OF.date(), seed=3))]
    leave_rows_of_others(tmp_path / "telemetry")
    with places(tmp_path):
        done = built(tmp_path, told)
        assert not done.bad
        ours = _everything()
    with places(tmp_path, url=url):
        done = build(as_of=AS_OF)
        assert not done.bad and done.build is not None and done.build.target == "postgres"
        theirs = _everything()
    assert ours.keys() == theirs.keys() and sum(map(len, ours.values())) > 2000
    for table, expected in ours.items():
        assert len(theirs[table]) == len(expected), table
        for one, other in zip(expected, theirs[table], strict=True):
            assert all(map(_same, one, other)), (table, one, other)


def test_the_loader_reads_what_changed_and_forgets_what_is_gone(tmp_path: Path, url: str) -> None:
    told = written_out()
    folder = tmp_path / "telemetry"
    with places(tmp_path):
        from telemetry.landing import land

        land(told, folder)
        files = inputs_in(folder)
        assert postgres.load(url, files) == len(files)
        assert postgres.load(url, files) == 0
        gone, kept = files[0], files[1:]
        gone.path.unlink()
        kept[0].path.touch()
        assert postgres.load(url, inputs_in(folder)) == 1
        with psycopg.connect(url) as connection:
            names = {name for (name,) in connection.execute("SELECT DISTINCT file FROM warehouse_raw.events")}
            copies = connection.execute(
                "SELECT max(n) FROM (SELECT count(*) n FROM warehouse_raw.events GROUP BY id) x"
            )
            assert names == {one.name for one in kept} and copies.fetchone() == (1,)


def test_a_fault_is_named_with_its_rows(tmp_path: Path, url: str) -> None:
    query = "select 'id: not unique' as fault union all select 'id: not unique' union all select 'week: missing'"
    failed = Node("columns_of_mart_edits", "test", "fail", 0.1, "Got 3 results", 3, query=query)
    with places(tmp_path, url=url):
        assert named(failed).message == "id: not unique (2); week: missing (1)"


def _everything() -> dict[str, list[tuple[Any, ...]]]:
    found = current()
    assert found is not None
    return {table: sorted(rows(f"FROM {table}"), key=repr) for table in found.tables}


def _same(one: Any, other: Any) -> bool:
    """Sums of floating-point numbers are of one order here and of another there."""
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12)
    return bool(one == other)
