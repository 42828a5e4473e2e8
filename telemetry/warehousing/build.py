"""A build of the warehouse: files in, dbt with its tests, marts out. The marts stay as they were if anything fails."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from common import clock
from common.errors import WrongState
from telemetry.sinks.files import reading
from telemetry.warehousing import dbt, duck, postgres, published
from telemetry.warehousing.dbt import Node
from telemetry.warehousing.inputs import Input, inputs_in
from telemetry.warehousing.published import Build


@dataclass(frozen=True, slots=True)
class Outcome:
    """build: what readers take now, None where the build failed and they take what they took. files: read."""

    build: Build | None
    nodes: tuple[Node, ...]
    files: int
    unreadable: int

    @property
    def bad(self) -> tuple[Node, ...]:
        return tuple(one for one in self.nodes if one.is_bad)


def build(*, as_of: datetime | None = None, publishing: bool = True) -> Outcome:
    """Build everything from the files of events and publish it.

    Args:
        as_of: the moment the numbers are of (default: now); what was recorded later is not there yet.
        publishing: whether readers get it; otherwise it is only tested.

    Raises:
        WrongState: another build runs.
        DbtFailed: the database or the project could not be opened.
        psycopg.Error: PostgreSQL is the target and cannot be reached.
    """
    started, moment = time.monotonic(), as_of or clock.now()
    root = published.root()
    work = root / "dbt"  # kept, so that dbt need not read the whole project again
    work.mkdir(parents=True, exist_ok=True)
    with _alone(root), _database(work):
        with reading(Path(settings.TELEMETRY_DIR)):  # nobody forgets or compacts meanwhile
            inputs = inputs_in(Path(settings.TELEMETRY_DIR))
            environment = _load(inputs)
        nodes = tuple(map(named, dbt.run(["build"], as_of=moment, work=work, environment=environment)))
        unreadable = sum(bool(one.problem) for one in inputs)
        if not publishing or any(one.is_bad for one in nodes):
            return Outcome(None, nodes, len(inputs), unreadable)
        found = _publish(nodes, moment, started)
    return Outcome(found, nodes, len(inputs), unreadable)


def document(folder: Path) -> Path:
    """Write the project's documentation as one page that needs nothing else, and return it.

    Raises:
        DbtFailed: dbt could not begin.
    """
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        with _database(work):
            environment = _load([])
            dbt.run(["docs", "generate", "--static"], as_of=clock.now(), work=work, environment=environment)
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(work / "target" / "static_index.html", folder / "index.html"))


def named(node: Node) -> Node:
    """Return a node that says which columns failed, where it is a test of several."""
    if node.status != "fail" or " as fault" not in node.query:
        return node
    query = f"SELECT fault, count(*) FROM ({node.query}) AS found GROUP BY fault ORDER BY fault"
    url = settings.WAREHOUSE_DATABASE_URL
    found = postgres.ask(url, query) if url else duck.ask(query)
    return replace(node, message="; ".join(f"{fault} ({rows})" for fault, rows in found))


def _load(inputs: list[Input]) -> dict[str, str]:
    """Fill the raw tables and return the environment in which dbt finds them."""
    if settings.WAREHOUSE_DATABASE_URL:
        postgres.load(settings.WAREHOUSE_DATABASE_URL, inputs)
        return postgres.environment(settings.WAREHOUSE_DATABASE_URL)
    duck.load(inputs)
    return {"WAREHOUSE_TARGET": "duckdb", "WAREHOUSE_DUCKDB": duck.PLACE, "WAREHOUSE_RAW": "raw"}


def _publish(nodes: tuple[Node, ...], moment: datetime, started: float) -> Build:
    now = clock.now()
    name = f"{moment:%Y%m%dT%H%M%S}-{time.time_ns() // 1_000_000}"
    tables = published.tables_of(nodes)
    folder = published.root() / "marts" / name
    folder.mkdir(parents=True)
    try:
        if settings.WAREHOUSE_DATABASE_URL:
            postgres.export(settings.WAREHOUSE_DATABASE_URL, tables, folder)
        else:
            duck.export(tables, folder)
        told = _freshness(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    found = Build(
        name=name,
        as_of=moment,
        built_at=now,
        seconds=round(time.monotonic() - started, 2),
        target="postgres" if settings.WAREHOUSE_DATABASE_URL else "duckdb",
        events=told["events"],
        quarantined=told["quarantined"],
        newest_event=told["newest_event"],
        has_synthetic=told["has_synthetic"],
        tests=sum(one.kind in ("test", "unit_test") for one in nodes),
        tables=tables,
    )
    published.publish(found)
    return found


def _freshness(folder: Path) -> dict[str, Any]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(folder / "mart_freshness.parquet") as file:  # `read_table` would import much more
        rows: list[dict[str, Any]] = file.read().to_pylist()
    return rows[0]


@contextmanager
def _database(work: Path) -> Iterator[None]:
    """Have DuckDB's database in memory for a while, if that is where the tables are made."""
    if settings.WAREHOUSE_DATABASE_URL:
        yield
        return
    spill = work / "spill"
    shutil.rmtree(spill, ignore_errors=True)  # of a build that was killed
    try:
        with duck.kept(spill):
            yield
    finally:
        shutil.rmtree(spill, ignore_errors=True)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One build at a time on this machine; the lock goes with the process that held it."""
    with (root / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WrongState("Another build of the warehouse runs.") from None
        yield
