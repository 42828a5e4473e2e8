"""Running the dbt project in this process, which takes a quarter of the time of its command.

It is told all it needs: it asks no server for anything, sends no statistics, and leaves its traces in a folder of ours.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from telemetry.metric_definitions import for_dbt
from telemetry.warehousing.inputs import schemas_for_dbt

PROJECT: Final = Path(__file__).parent.parent / "warehouse"


@dataclass(frozen=True, slots=True)
class Node:
    """What became of a model or a test. status: success, pass, error, fail, skipped, warn.

    query: for a test, what found the rows that fail; those of several columns name them in a column `fault`.
    """

    name: str
    kind: str
    status: str
    seconds: float
    message: str
    rows_failing: int | None = None
    query: str = ""

    @property
    def is_bad(self) -> bool:
        return self.status in ("error", "fail", "skipped")


class DbtFailed(Exception):
    """dbt could not begin; says why."""


def run(command: Sequence[str], *, as_of: datetime, work: Path, environment: Mapping[str, str]) -> list[Node]:
    """Run a dbt command on the project.

    Args:
        work: folder for logs and artifacts; where it is kept, the next run reads only what changed of the project.
        environment: as `profiles.yml` reads it, with the target.

    Raises:
        DbtFailed: the project or the database could not be opened.
    """
    from dbt.cli.main import dbtRunner

    told = {"schemas": schemas_for_dbt(), "metrics": for_dbt()}
    arguments = [
        *command,
        "--project-dir", str(PROJECT),
        "--profiles-dir", str(PROJECT),
        "--log-path", str(work / "logs"),
        "--vars", json.dumps(told),
        "--no-version-check", "--no-use-colors", "--no-send-anonymous-usage-stats",
        "--log-level", "none", *(() if "docs" in command else ("--no-write-json",)),
    ]  # fmt: skip
    given = {"WAREHOUSE_WORK": str(work), "WAREHOUSE_AS_OF": as_of.isoformat(), "DO_NOT_TRACK": "1", **environment}
    with _environment(given):
        try:
            done = dbtRunner().invoke(arguments)
        finally:
            _let_go()
    if done.exception is not None:
        raise DbtFailed(f"dbt: {done.exception}") from done.exception
    return [_node(one) for one in getattr(done.result, "results", [])]


def _let_go() -> None:
    """Close what dbt keeps open in the process: DuckDB's file could not be read with other settings, or swapped."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import reset_adapters

    DuckDBConnectionManager.close_all_connections()
    reset_adapters()


def _node(told: Any) -> Node:
    return Node(
        name=told.node.name,
        kind=str(told.node.resource_type),
        status=str(told.status),
        seconds=told.execution_time,
        message=(told.message or "").strip(),
        rows_failing=told.failures,
        query=getattr(told.node, "compiled_code", None) or "",
    )


@contextmanager
def _environment(told: Mapping[str, str]) -> Iterator[None]:
    """Set variables for a while: profiles read nothing else."""
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
