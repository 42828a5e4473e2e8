"""Loads and tests of the store, as the fit wants them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from modeling.core.series import LoadSeries
from modeling.training.histories import histories, sampled, share_of
from modeling.training.simulate.athletes import simulate_athletes
from tests.modeling.training.cohorts import AS_OF, TableStore

pytestmark = pytest.mark.pure


def changed(table: pa.Table, name: str, values: list[object]) -> pa.Table:
    index = table.column_names.index(name)
    return table.set_column(index, name, pa.array(values, table.schema.field(name).type))


def test_every_history_is_what_plain_loops_make_of_the_rows():
    made = simulate_athletes(12, seed=3, days=120, tests=4)
    rows = made.tables["activities"].to_pylist()
    for number, row in enumerate(rows):
        row["sport"] = ("running", "cycling", "other", row["sport"])[number % 4]
        row["load_unit"] = "TRIMP" if number % 7 == 0 else "TSS"
    activities = made.tables["activities"]
    activities = changed(activities, "sport", [row["sport"] for row in rows])
    activities = changed(activities, "load_unit", [row["load_unit"] for row in rows])
    found = histories(TableStore(made.tables | {"activities": activities}), as_of=AS_OF)
    tests = made.tables["tests"].to_pylist()
    profiles = {row["athlete"]: row for row in made.tables["athletes"].to_pylist()}
    assert [one.athlete for one in found] == sorted(profiles)
    for one in found:
        daily: dict = {}
        for row in rows:
            if row["athlete"] == one.athlete and row["sport"] in (one.sport, "other") and row["load_unit"] == "TSS":
                daily[row["day"]] = daily.get(row["day"], 0.0) + row["load"]
        mine = sorted((row["day"], row["value"], row["kind"]) for row in tests if row["athlete"] == one.athlete)
        days = [*daily, *(day for day, *_ in mine)]
        series = LoadSeries.from_daily(daily, start=min(days), until=max(days))
        assert one.series.start == series.start
        assert one.series.loads == pytest.approx(series.loads)
        assert np.array_equal(one.series.known, series.known)
        assert [(test.day, test.value, test.kind) for test in one.tests] == mine
        assert (one.sport, one.level) == (profiles[one.athlete]["sport"], profiles[one.athlete]["level"])


def test_what_became_known_later_changes_nothing():
    made = simulate_athletes(6, seed=3, days=120, tests=5)
    cut = datetime(2026, 9, 20, tzinfo=UTC)
    early = histories(TableStore(made.tables), as_of=cut)
    late = dict(made.tables)
    for name, column in (("tests", "value"), ("activities", "load")):
        rows = late[name].to_pylist()
        values = [row[column] * (3.0 if row["available_at"] > cut else 1.0) for row in rows]
        late[name] = changed(late[name], column, values)
    again = histories(TableStore(late), as_of=cut)
    assert [(one.athlete, one.tests, one.series.loads.tolist()) for one in again] == [
        (one.athlete, one.tests, one.series.loads.tolist()) for one in early
    ]
    assert any(len(one.tests) < 5 for one in early)


def test_a_withdrawn_test_and_impossible_values_are_left_out():
    made = simulate_athletes(3, seed=1, days=120, tests=4)
    tests = made.tables["tests"]
    gone = [AS_OF - timedelta(days=1) if number == 0 else None for number in range(tests.num_rows)]
    values = [-1.0 if number == 1 else value for number, value in enumerate(tests.column("value").to_pylist())]
    tests = changed(changed(tests, "withdrawn_at", gone), "value", values)
    found = histories(TableStore(made.tables | {"tests": tests}), as_of=AS_OF)
    assert len(found[0].tests) == 2
    assert len(found[1].tests) == 4


@pytest.mark.parametrize("missing", ["athletes", "activities", "tests"])
def test_without_rows_there_is_nobody(missing):
    made = simulate_athletes(3, seed=1, days=60, tests=4)
    assert histories(TableStore(made.tables | {missing: made.tables[missing].slice(0, 0)}), as_of=AS_OF) == []


def test_a_sample_does_not_depend_on_the_order_and_keeps_who_was_in_a_smaller_one():
    found = histories(TableStore(simulate_athletes(20, seed=1, days=60, tests=2).tables), as_of=AS_OF)
    few, more = sampled(found, 5, "x"), sampled(found[::-1], 9, "x")
    assert {one.athlete for one in few} < {one.athlete for one in more}
    assert len(more) == 9
    assert 0.0 <= share_of("somebody") < 1.0
