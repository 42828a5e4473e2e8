"""A build of the warehouse: files in, dbt with its tests, marts out. The marts stay as they were if anything fails."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from common import clock
from common.errors import WrongState
from telemetry.sinks.files import reading
from telemetry.warehousing import dbt, duck, postgres, published
from telemetry.warehousing.dbt import Node
from telemetry.warehousing.inputs import Input, inputs_in
from telemetry.warehousing.published import Build

FILE: Final = "build.duckdb"


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
    root.mkdir(parents=True, exist_ok=True)
    with _alone(root), _work(root / "dbt") as work:
        with reading(Path(settings.TELEMETRY_DIR)):  # nobody forgets or compacts meanwhile
            inputs = inputs_in(Path(settings.TELEMETRY_DIR))
            environment = _load(inputs, work)
        nodes = tuple(dbt.run(["build"], as_of=moment, work=work, environment=environment))
        unreadable = sum(bool(one.problem) for one in inputs)
        if not publishing or any(one.is_bad for one in nodes):
            return Outcome(None, nodes, len(inputs), unreadable)
        found = _publish(nodes, moment, started, work)
    return Outcome(found, nodes, len(inputs), unreadable)


def document(folder: Path) -> Path:
    """Write the project's documentation as one page that needs nothing else, and return it.

    Raises:
        DbtFailed: dbt could not begin.
    """
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        environment = _load([], work)
        dbt.run(["docs", "generate", "--static"], as_of=clock.now(), work=work, environment=environment)
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(work / "target" / "static_index.html", folder / "index.html"))


def _load(inputs: list[Input], work: Path) -> dict[str, str]:
    """Fill the raw tables and return the environment in which dbt finds them."""
    if settings.WAREHOUSE_DATABASE_URL:
        postgres.load(settings.WAREHOUSE_DATABASE_URL, inputs)
        return postgres.environment(settings.WAREHOUSE_DATABASE_URL)
    duck.load(work / FILE, inputs)
    return {"WAREHOUSE_TARGET": "duckdb", "WAREHOUSE_FILE": str(work / FILE), "WAREHOUSE_RAW": "raw"}


def _publish(nodes: tuple[Node, ...], moment: datetime, started: float, work: Path) -> Build:
    now = clock.now()
    name = f"{moment:%Y%m%dT%H%M%S}-{time.time_ns() // 1_000_000}"
    tables = published.tables_of(nodes)
    folder = published.root() / "marts" / name
    folder.mkdir(parents=True)
    try:
        if settings.WAREHOUSE_DATABASE_URL:
            postgres.export(settings.WAREHOUSE_DATABASE_URL, tables, folder)
        else:
            duck.export(work / FILE, tables, folder)
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

    rows: list[dict[str, Any]] = pq.read_table(folder / "mart_freshness.parquet").to_pylist()
    return rows[0]


@contextmanager
def _work(folder: Path) -> Iterator[Path]:
    """Return the folder where dbt keeps what it has read of the project; the database in it is of one build.

    The same place each time: with another address of the database dbt would read the project again.
    """
    folder.mkdir(exist_ok=True)
    _remove_database(folder)
    try:
        yield folder
    finally:
        _remove_database(folder)


def _remove_database(folder: Path) -> None:
    for path in folder.glob(f"{FILE}*"):  # with its log, and what DuckDB put aside
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One build at a time on this machine; the lock goes with the process that held it."""
    with (root / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WrongState("Another build of the warehouse runs.") from None
        yield
