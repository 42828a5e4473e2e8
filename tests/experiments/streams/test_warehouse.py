"""The same streams in SQL: equal counts, equal sums."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta

import duckdb
import pytest

from experiments.streams import Agreed, Assigned, Exposed, Measure, Measured, Paused, Resumed, Shape, reduce
from experiments.warehouse import RELATIONS, look, open_files, tune
from tests.experiments.streams.random_streams import DAYS, MEASURES, Maker
from tests.experiments.streams.test_streams import SEED, cells_of, day, plain_subject, same_cells
from tests.support.databases import ROOT

pytestmark = pytest.mark.pure

STREAMS = 80
TIMES = '"at" TIMESTAMPTZ, known_at TIMESTAMPTZ'
COLUMNS = {
    "assignments": "id TEXT, subject TEXT, variant TEXT, phase INT, stratum TEXT",
    "exposures": "id TEXT, subject TEXT, variant TEXT, cluster TEXT",
    "consents": "id TEXT, subject TEXT, granted BOOL",
    "facts": "id TEXT, subject TEXT, metric TEXT, y DOUBLE, d DOUBLE",
    "pauses": "id TEXT, paused BOOL",
}
KINDS = {Assigned: "assignments", Exposed: "exposures", Agreed: "consents", Measured: "facts"}


@pytest.fixture(scope="module")
def connection():
    connection = duckdb.connect(config={"threads": 1})
    tune(connection)
    for name, columns in COLUMNS.items():
        connection.execute(f"CREATE TABLE {name} ({columns}, {TIMES})")
    yield connection
    connection.close()


def fill(connection, events) -> None:
    rows = {name: [] for name in RELATIONS}
    for event in events:
        if isinstance(event, Paused | Resumed):
            rows["pauses"].append((event.id, isinstance(event, Paused), event.at, event.known_at))
        else:
            rows[KINDS[type(event)]].append(tuple(event))
    for name, found in rows.items():
        connection.execute(f"DELETE FROM {name}")
        if found:
            columns = [list(column) for column in zip(*found, strict=True)]
            values = ", ".join(["unnest(?)"] * len(columns))
            connection.execute(f"INSERT INTO {name} SELECT {values}", columns)


def check(connection, events, **arguments) -> Counter:
    """Compare a look with the reduction; return what was met."""
    expected, found = reduce(events, **arguments), look(connection, **arguments)
    assert found.counts.members == Counter(member.variant for member in expected.members)
    assert found.counts.excluded == expected.excluded
    assert found.counts.assigned == expected.assigned
    assert found.counts.exposed == expected.exposed
    assert found.counts.immature == expected.immature
    assert found.tables.keys() == expected.tables.keys()
    for metric, table in found.tables.items():
        assert same_cells(cells_of(table), cells_of(expected.tables[metric])), metric
    return Counter(expected.excluded) + Counter(member=len(expected.members))


@pytest.mark.chance
def test_sql_says_what_the_reduction_says(connection):
    rng, met = random.Random(SEED + 3), Counter()
    for number in range(STREAMS):
        stream_seed = rng.randrange(2**31)
        events = Maker(stream_seed, rng.choice([5, 20, 60])).stream()
        fill(connection, events)
        until = day(rng.randrange(15, DAYS)) if rng.random() < 0.3 else None
        as_of = day(rng.randrange(12, DAYS + 22))
        try:
            met += check(connection, events, as_of=as_of, until=until, measures=rng.sample(MEASURES, 2))
        except AssertionError as problem:
            problem.add_note(f"MESOCYCLE_SEED={SEED}, stream {number}: Maker({stream_seed}), {as_of}, {until}")
            raise
    assert all(met[name] > STREAMS // 4 for name in ("withdrawn", "not_assigned", "several_variants", "member")), met


def test_files_are_read_as_tables_are(connection, tmp_path):
    events = Maker(7, 40).stream()
    fill(connection, events)
    for name in RELATIONS:
        connection.table(name).to_parquet(str(tmp_path / f"{name}.parquet"))
    with open_files(tmp_path, threads=1) as files:
        met = check(files, events, as_of=day(35), measures=MEASURES)
    assert met["member"] > 5


def test_a_metric_is_a_value_and_never_sql(connection):
    fill(connection, [*plain_subject(), Measured("f", "s", "it's", 2.0, 1.0, day(12), day(12))])
    table = look(connection, as_of=day(20), measures=[Measure("it's", Shape.MEAN)]).tables["it's"]
    assert table.sums[:, 0] == [2]


def test_what_cannot_be_meant_is_refused(connection):
    with pytest.raises(ValueError, match="time zone"):
        look(connection, as_of=datetime(2026, 1, 1))
    twice = [Measure("load", Shape.MEAN), Measure("load", Shape.MEAN, stop=timedelta(days=1))]
    with pytest.raises(ValueError, match="one measure"):
        look(connection, as_of=day(1), measures=twice)


def test_the_module_is_there_where_duckdb_is_not():
    code = "import sys; sys.modules['duckdb'] = None; import experiments.warehouse"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
