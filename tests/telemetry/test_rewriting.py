"""Compaction and forgetting of Parquet files: killed at any step and read at any step, nothing is lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.dataset as ds
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import clock
from telemetry.forgetting import EXPOSED, FORGOTTEN, Forget, what_is_left
from telemetry.relay import event_of
from telemetry.sinks.files import reading
from telemetry.sinks.parquet import ParquetSink
from telemetry.sinks.rewriting import compact_files, forget_in_files
from tests.telemetry.making import add_schemas, event

pytestmark = pytest.mark.pure
A, B = UUID(int=1), UUID(int=2)
ANN, BEN, CARL = (f"v1:{letter * 64}" for letter in "abc")
FAR = date(2100, 1, 1)
NOBODY = Forget()


class Killed(BaseException):
    pass


@pytest.fixture(autouse=True)
def _schemas(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    add_schemas(monkeypatch)
    yield


def put(folder: Path, *rows: Any) -> None:
    sink = ParquetSink(folder)
    sink.write([event_of(row) for row in rows])
    sink.flush()


def read(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        ds.dataset(str(folder), format="parquet", exclude_invalid_files=True).to_table().to_pylist()
    )
    return found


def ids(folder: Path) -> list[str]:
    return sorted(row["id"] for row in read(folder))


def parquet(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def small_files(folder: Path, count: int = 6) -> list[str]:
    """Write as many files as `count`, of which the last repeats an event of the one before."""
    rows = [event(A, number=number, coach_id=ANN if number % 2 else BEN) for number in range(count)]
    for before, row in zip([None, *rows], rows, strict=False):
        put(folder, *([before, row] if before is rows[-2] else [row]))
    assert len(parquet(folder)) == count
    return sorted(str(row.id) for row in rows)


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Die before the given change of the file system."""
    left = [step]

    def counted(method: Callable[..., Any]) -> Callable[..., Any]:
        def change(self: Path, *args: Any, **kwargs: Any) -> Any:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return method(self, *args, **kwargs)

        return change

    for name in ("rename", "unlink"):
        monkeypatch.setattr(Path, name, counted(getattr(Path, name)))


def test_many_files_of_a_day_become_one_with_each_id_once_and_the_first_time_it_was_recorded(tmp_path: Path) -> None:
    row, others = event(A, number=1), [event(B, number=number) for number in (2, 3)]
    early, late = (datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2))
    for moment, other in zip((late, early), others, strict=True):
        with clock.frozen(moment):
            put(tmp_path, row, other)
    done = compact_files(tmp_path, before=FAR, forget=NOBODY)
    assert (done.files, done.rows, done.duplicates) == (2, 0, 1)
    (one,) = parquet(tmp_path)
    assert one.parent.parent.name == "type=test.happened"
    rows = read(tmp_path)
    assert [found["id"] for found in rows] == sorted(found["id"] for found in rows)
    assert [found["recorded_at"] for found in rows if found["id"] == str(row.id)] == [early]
    assert compact_files(tmp_path, before=FAR, forget=NOBODY).files == 0


def test_today_is_left_alone_and_what_comes_late_joins_its_day(tmp_path: Path) -> None:
    expected = small_files(tmp_path)
    today = datetime.now(UTC).date()
    assert compact_files(tmp_path, before=today - timedelta(days=1), forget=NOBODY).files == 0
    compact_files(tmp_path, before=FAR, forget=NOBODY)
    late = event(A, number=99)
    put(tmp_path, late)
    assert compact_files(tmp_path, before=FAR, forget=NOBODY).files == 2
    assert len(parquet(tmp_path)) == 1
    assert ids(tmp_path) == sorted([*expected, str(late.id)])


def test_columns_that_only_some_files_have_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.telemetry import making

    put(tmp_path, event(A, number=1))
    wider = {**making._PROPERTIES, "mood": {"type": "integer", "description": "New"}}
    monkeypatch.setitem(making.schemas(), (making.HAPPENED, 1), making.schema(making.HAPPENED, wider))
    from telemetry import schema_files

    schema_files._validator.cache_clear()
    put(tmp_path, event(A, number=2, mood=5))
    schema_files._validator.cache_clear()
    compact_files(tmp_path, before=FAR, forget=NOBODY)
    assert sorted((row["data_number"], row["data_mood"]) for row in read(tmp_path)) == [(1, None), (2, 5)]


@pytest.mark.parametrize("step", range(8))
def test_compaction_killed_anywhere_loses_nothing_and_ends_when_it_runs_again(tmp_path: Path, step: int) -> None:
    expected = small_files(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        killed_at(step, patch)
        try:
            compact_files(tmp_path, before=FAR, forget=NOBODY)
        except Killed:
            assert sorted(set(ids(tmp_path))) == expected
    compact_files(tmp_path, before=FAR, forget=NOBODY)
    assert len(parquet(tmp_path)) == 1
    assert ids(tmp_path) == expected


def test_a_file_that_cannot_be_read_leaves_its_day_as_it_is(tmp_path: Path) -> None:
    small_files(tmp_path)
    broken = parquet(tmp_path)[0]
    broken.write_bytes(b"PAR1 and then nothing")
    before = parquet(tmp_path)
    done = compact_files(tmp_path, before=FAR, forget=NOBODY)
    assert (done.files, done.broken) == (0, [f"{broken.relative_to(tmp_path)} cannot be read (ArrowInvalid)"])
    assert parquet(tmp_path) == before
    assert len(forget_in_files(tmp_path, Forget(people=frozenset({ANN}))).broken) == 1


def test_whoever_holds_the_readers_lock_meets_no_file_that_vanishes(tmp_path: Path) -> None:
    expected = small_files(tmp_path)
    compacting = threading.Thread(target=compact_files, args=(tmp_path,), kwargs={"before": FAR, "forget": NOBODY})
    with reading(tmp_path):
        listed = parquet(tmp_path)
        compacting.start()
        compacting.join(0.2)
        assert compacting.is_alive()
        assert parquet(tmp_path) == listed
    compacting.join(10)
    assert len(parquet(tmp_path)) == 1
    assert ids(tmp_path) == expected


def test_a_reader_without_the_lock_sees_every_event_at_each_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, seen = small_files(tmp_path), 0
    unlink = Path.unlink

    def look(self: Path, *args: Any, **kwargs: Any) -> None:
        nonlocal seen
        assert sorted(set(ids(tmp_path))) == expected
        seen += 1
        unlink(self, *args, **kwargs)

    monkeypatch.setattr(Path, "unlink", look)
    compact_files(tmp_path, before=FAR, forget=NOBODY)
    assert seen == 6


@pytest.mark.parametrize("step", range(4))
def test_who_is_forgotten_goes_from_every_file_also_where_it_was_killed(tmp_path: Path, step: int) -> None:
    small_files(tmp_path)
    put(tmp_path, event(B, number=50, mate=ANN), event(B, number=51, mate=CARL))
    forget = Forget(people=frozenset({ANN}))
    with pytest.MonkeyPatch.context() as patch:
        killed_at(step, patch)
        with pytest.raises(Killed):
            forget_in_files(tmp_path, forget)
    forget_in_files(tmp_path, forget)
    rows = read(tmp_path)
    assert sorted(row["data_number"] for row in rows) == [0, 2, 4, 4, 51]
    assert not any(ANN.encode() in path.read_bytes() or ANN in repr(rows) for path in parquet(tmp_path))
    assert forget_in_files(tmp_path, forget).files == 0


def test_compaction_drops_what_came_late_about_somebody_who_was_forgotten(tmp_path: Path) -> None:
    put(tmp_path, event(A, number=1, coach_id=ANN), event(A, number=2, coach_id=BEN))
    done = compact_files(tmp_path, before=FAR, forget=Forget(people=frozenset({ANN})))
    assert (done.rows, [row["data_number"] for row in read(tmp_path)]) == (1, [2])
    put(tmp_path, event(B, number=3, coach_id=BEN))
    compact_files(tmp_path, before=FAR, forget=Forget(people=frozenset({BEN})))
    assert parquet(tmp_path) == []


TOKENS = st.sampled_from([ANN, BEN, CARL])
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(
    athlete=TOKENS,
    coach=TOKENS,
    people=st.frozensets(TOKENS),
    withdrawn=st.dictionaries(TOKENS, st.integers(-2, 2)),
    name=st.sampled_from([FORGOTTEN, EXPOSED, "plan.generated"]),
    arm=st.sampled_from(["", "taper:short"]),
)
def test_what_is_left_follows_the_rules(
    athlete: str, coach: str, people: frozenset[str], withdrawn: dict[str, int], name: str, arm: str
) -> None:
    data = {"athlete": athlete, "coach_id": coach, "experiment_arm": arm, "score": 3}
    forget = Forget(people, {token: NOON + timedelta(hours=hours) for token, hours in withdrawn.items()})
    left = what_is_left(forget, name=name, time=NOON, text=json.dumps(data), data=data)
    if name == FORGOTTEN:
        assert left == data
    elif {athlete, coach} & people:
        assert left is None
    elif not any(withdrawn.get(token, -1) >= 0 for token in (athlete, coach)):
        assert left is data
    elif name == EXPOSED:
        assert left is None
    else:
        assert left == {**data, "experiment_arm": ""}
    if left is not None:
        assert what_is_left(forget, name=name, time=NOON, text=json.dumps(left), data=left) is left
