"""Parquet files: whole or not there, readable as one table, and what does not fit refused before anything is kept."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow.parquet as pq
import pytest

from common import clock
from telemetry.relay import event_of
from telemetry.sinks import Refused
from telemetry.sinks import files as module
from telemetry.sinks.parquet import ParquetSink
from tests.telemetry.making import add_schemas, event

pytestmark = pytest.mark.pure
A = UUID(int=1)


@pytest.fixture(autouse=True)
def _schemas(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    add_schemas(monkeypatch)
    yield


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def put(sink: ParquetSink, *rows: Any) -> None:
    sink.write([event_of(row) for row in rows])
    sink.flush()


def test_columns_are_the_envelope_the_data_and_each_scalar(tmp_path: Path) -> None:
    first = event(A, number=1, day="2026-03-01", source="here", codes=["x"], value=None, is_so=True)
    second = event(A, number=2, value=0.5)
    with clock.frozen(datetime(2026, 3, 2, 8, tzinfo=UTC)):
        put(ParquetSink(tmp_path), first, second)
    (path,) = files(tmp_path)
    day = first.occurred_at.date().isoformat()
    assert path.parent == tmp_path / "type=test.happened" / f"day={day}"
    one, two = pq.ParquetFile(path).read().to_pylist()
    assert one["id"] == str(first.id)
    assert (one["source"], one["data_source"], one["subject"]) == ("/mesocycle", "here", str(A))
    assert (one["time"], one["recorded_at"]) == (first.occurred_at, datetime(2026, 3, 2, 8, tzinfo=UTC))
    assert json.loads(one["data"]) == first.data["data"]
    assert (one["data_number"], one["data_day"], one["data_is_so"]) == (1, date(2026, 3, 1), True)
    assert (two["data_number"], two["data_value"], two["data_day"], two["data_coach_id"]) == (2, 0.5, None, None)
    assert "data_codes" not in one
    table = f"read_parquet('{tmp_path}/**/*.parquet', hive_partitioning=true)"
    query = f"SELECT type, count(*), sum(data_number) FROM {table} GROUP BY 1"
    assert duckdb.sql(query).fetchall() == [("test.happened", 2, 3)]


def test_the_same_batch_again_replaces_itself(tmp_path: Path) -> None:
    rows = [event(A, number=1), event(A, number=2)]
    put(ParquetSink(tmp_path), *rows)
    put(ParquetSink(tmp_path), *rows)
    assert len(files(tmp_path)) == 1
    put(ParquetSink(tmp_path), *rows, event(A, number=3))
    assert len(files(tmp_path)) == 2


def test_a_value_that_does_not_fit_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    rows = [event(A, number=1), event(A, number=2**70)]
    sink = ParquetSink(tmp_path)
    with pytest.raises(Refused) as caught:
        sink.write([event_of(row) for row in rows])
    assert caught.value.reasons.keys() == {rows[1].id}
    sink.flush()
    assert files(tmp_path) == []


def test_a_failure_leaves_no_file_and_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError("no space")

    sink = ParquetSink(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", full)
        with pytest.raises(OSError, match="no space"):
            put(sink, event(A, number=1))
    assert files(tmp_path) == []
    sink.flush()
    assert files(tmp_path) == []
    put(sink, event(A, number=2))
    assert len(files(tmp_path)) == 1


def test_what_a_killed_relay_left_is_never_read_and_goes_in_time(tmp_path: Path) -> None:
    put(ParquetSink(tmp_path), event(A, number=1))
    (whole,) = files(tmp_path)
    old, young = (whole.with_name(f".{name}.parquet.1.part") for name in ("old", "young"))
    for part in (old, young):
        part.write_bytes(whole.read_bytes()[:100])
    os.utime(old, (time.time() - 7200,) * 2)
    assert duckdb.sql(f"SELECT count(*) FROM read_parquet('{tmp_path}/**/*.parquet')").fetchall() == [(1,)]
    ParquetSink(tmp_path)
    assert files(tmp_path) == sorted([whole, young])
