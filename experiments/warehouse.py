"""Experiments' event streams in DuckDB: the rules of `experiments.streams` in SQL, for as many events as there are.

Reads five relations (tables or views, of which `open_files` makes one a Parquet file), a row an event, times as
TIMESTAMP WITH TIME ZONE:

    assignments (id, subject, variant, phase, stratum, at, known_at)
    exposures   (id, subject, variant, cluster, at, known_at)
    consents    (id, subject, granted, at, known_at)
    facts       (id, subject, metric, y, d, at, known_at)
    pauses      (id, paused, at, known_at)

`subject` and `id` may be of any type that has an order; whole numbers are quickest. Names are text. Most subjects were
assigned once, seen in one variant with one coach, and never withdrew; most facts are never corrected. Those are added
up without sorting anything; what is not so is looked at again, and that is little.

Arrivals and late data are not told here: `streams.reduce` alone does that.

DuckDB is the extra [warehouse] and imported where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiments.analysis.moments import Cell, Moments, Table
from experiments.measures import Measure, Shape
from experiments.streams import Reason

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

RELATIONS: Final = ("assignments", "exposures", "consents", "facts", "pauses")
LARGEST_DENSE: Final = 24
"""Whole numbers within 2 to this power are grouped by position where DuckDB can, not by hash."""

_NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
_ENDLESS: Final = 1 << 62
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_PARAMETER: Final = re.compile(r"\$(\w+)")

_KNOWN: Final = '"at" <= $as_of AND known_at <= $as_of'
_BEFORE_END: Final = f'{_KNOWN} AND "at" < $until'

_PAUSED: Final = f"""
CREATE OR REPLACE TEMP TABLE look_paused AS
SELECT "at" AS begins, coalesce(following, $never) AS ends
FROM (
    SELECT "at", paused, lead("at") OVER (ORDER BY "at", known_at, id, paused) AS following
    FROM pauses WHERE {_KNOWN}
)
WHERE paused
"""
_WITHDRAWN: Final = f"""
CREATE OR REPLACE TEMP TABLE look_withdrawn AS
WITH words AS (FROM consents WHERE {_KNOWN})
SELECT subject, "at" AS begins, coalesce(following, $never) AS ends
FROM (
    SELECT subject, "at", granted,
        lead("at") OVER (PARTITION BY subject ORDER BY "at", known_at, id, NOT granted) AS following
    FROM words WHERE subject IN (SELECT subject FROM words WHERE NOT granted)
)
WHERE NOT granted
"""
_GIVEN: Final = f"""
CREATE OR REPLACE TEMP TABLE look_given AS
WITH counting AS NOT MATERIALIZED (
    SELECT a.* FROM assignments AS a
    ANTI JOIN look_paused AS p ON a."at" >= p.begins AND a."at" < p.ends
    WHERE {_KNOWN}
),
again AS (SELECT subject FROM counting GROUP BY subject HAVING count(*) > 1)
SELECT subject, variant, stratum FROM counting ANTI JOIN again USING (subject)
UNION ALL
SELECT subject, variant, stratum FROM counting SEMI JOIN again USING (subject)
QUALIFY row_number() OVER (PARTITION BY subject ORDER BY "at", id, variant, phase, stratum) = 1
"""
_SEEN: Final = f"""
CREATE OR REPLACE TEMP TABLE look_seen AS
SELECT subject, variant, cluster, min("at") AS first_at FROM exposures WHERE {_BEFORE_END} GROUP BY ALL
"""
_AGAIN: Final = """
CREATE OR REPLACE TEMP TABLE look_again AS
WITH again AS (SELECT subject FROM look_seen GROUP BY subject HAVING count(*) > 1),
rows AS (
    SELECT subject, variant, cluster, first_at,
        min(first_at) OVER one AS earliest, min(variant) OVER one <> max(variant) OVER one AS several
    FROM look_seen SEMI JOIN again USING (subject)
    WINDOW one AS (PARTITION BY subject)
)
SELECT *, count(*) OVER (PARTITION BY subject) > 1 AS tied FROM rows WHERE first_at = earliest
"""
_FEW: Final = f"""
CREATE OR REPLACE TEMP TABLE look_few AS
WITH few AS (SELECT subject FROM look_withdrawn UNION SELECT subject FROM look_again WHERE tied),
counting AS (
    SELECT e.subject, e.id, e.variant, e.cluster, e."at"
    FROM (SELECT * FROM exposures SEMI JOIN few USING (subject) WHERE {_BEFORE_END}) AS e
    ANTI JOIN look_withdrawn AS w ON w.subject = e.subject AND e."at" >= w.begins AND e."at" < w.ends
)
SELECT subject, variant, cluster, "at" AS first_at, min(variant) OVER one <> max(variant) OVER one AS several
FROM counting
WINDOW one AS (PARTITION BY subject)
QUALIFY row_number() OVER (PARTITION BY subject ORDER BY "at", id, variant, cluster) = 1
"""
_FIRST: Final = """
CREATE OR REPLACE TEMP VIEW look_first AS
SELECT subject, variant, cluster, first_at, false AS several
FROM look_seen ANTI JOIN look_again USING (subject) ANTI JOIN look_withdrawn USING (subject)
UNION ALL
SELECT subject, variant, cluster, first_at, several
FROM look_again ANTI JOIN look_withdrawn USING (subject) WHERE NOT tied
UNION ALL
SELECT subject, variant, cluster, first_at, several FROM look_few
"""
_EXPOSED: Final = f"""
CREATE OR REPLACE TEMP TABLE look_exposed AS
SELECT f.subject, f.variant AS seen, g.variant, g.stratum, f.cluster, epoch_us(f.first_at) AS exposed_us,
    CASE
        WHEN f.subject IN (SELECT subject FROM look_withdrawn WHERE ends = $never)
            OR f.subject NOT IN (SELECT subject FROM consents WHERE {_KNOWN} AND granted) THEN $withdrawn
        WHEN coalesce(g.variant, '') = '' THEN $not_assigned
        WHEN f.several OR f.variant <> g.variant THEN $several_variants
    END AS reason
FROM look_first AS f LEFT JOIN look_given AS g ON g.subject = f.subject
"""
_PLACES: Final = """
CREATE OR REPLACE TEMP TABLE look_places AS
SELECT row_number() OVER () AS place, * FROM (
    SELECT DISTINCT variant, stratum, cluster FROM look_exposed WHERE reason ISNULL
)
"""
_MEMBERS: Final = """
CREATE OR REPLACE TEMP TABLE look_members AS
SELECT e.subject, e.exposed_us, p.place::INT AS place
FROM look_exposed AS e
JOIN look_places AS p ON p.variant = e.variant AND p.stratum = e.stratum AND p.cluster = e.cluster
WHERE reason ISNULL
"""
_STEPS: Final = (_PAUSED, _WITHDRAWN, _GIVEN, _SEEN, _AGAIN, _FEW, _FIRST, _EXPOSED, _PLACES, _MEMBERS)

_SUMS: Final = {
    Shape.MEAN: ("coalesce(sum(y) FILTER (in_window), 0)", "1", "sum(y) FILTER (in_before)"),
    Shape.SHARE: (
        "coalesce(max(y) FILTER (in_window) > 0, false)::INT",
        "1",
        "(max(y) FILTER (in_before) > 0)::INT",
    ),
    Shape.RATIO: (
        "coalesce(sum(y) FILTER (in_window), 0)",
        "coalesce(sum(d) FILTER (in_window), 0)",
        "CASE WHEN sum(d) FILTER (in_before) > 0 THEN sum(y) FILTER (in_before) / sum(d) FILTER (in_before) END",
    ),
}
"""A subject's numerator, denominator and pre-period value (NULL where unknown) by shape; fixed text, nothing bound."""

_CELLS: Final = """
WITH known AS NOT MATERIALIZED (FROM facts WHERE metric = $metric AND "at" <= $as_of AND known_at <= $as_of),
again AS (SELECT id FROM known GROUP BY id HAVING count(*) > 1),
latest AS NOT MATERIALIZED (
    SELECT subject, y, d, "at" FROM known ANTI JOIN again USING (id)
    UNION ALL
    SELECT subject, y, d, "at" FROM known SEMI JOIN again USING (id)
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY known_at DESC, "at" DESC, y DESC, d DESC, subject DESC) = 1
),
counting AS (
    SELECT e.* FROM latest AS e
    ANTI JOIN look_withdrawn AS w ON w.subject = e.subject AND e."at" >= w.begins AND e."at" < w.ends
    WHERE e."at" < $until
),
mature AS (FROM look_members WHERE exposed_us <= $over_by),
placed AS (
    SELECT m.subject, m.place, f.y, f.d, epoch_us(f."at") - m.exposed_us AS passed,
        passed >= $start AND passed < $stop AS in_window, passed < 0 AND passed >= -$before AS in_before
    FROM counting AS f JOIN mature AS m ON m.subject = f.subject
    WHERE in_window OR in_before
),
subjects AS (
    SELECT any_value(place) AS place, ({y})::DOUBLE AS y, ({d})::DOUBLE AS d, ({before})::DOUBLE AS before,
        coalesce(before, 0) AS z, (before IS NOT NULL)::INT AS k
    FROM placed GROUP BY subject
),
sums AS (
    SELECT place, count(*) AS n, sum(y) AS y, sum(d) AS d, sum(z) AS z, sum(k) AS k,
        sum(y * y) AS yy, sum(y * d) AS yd, sum(d * d) AS dd, sum(y * z) AS yz, sum(y * k) AS yk, sum(d * z) AS dz,
        sum(d * k) AS dk, sum(z * z) AS zz
    FROM subjects GROUP BY place
),
everybody AS (SELECT place, count(*) AS n FROM mature GROUP BY place)
SELECT p.variant, p.stratum, p.cluster, a.n, coalesce(y, 0),
    coalesce(d, 0) + $without * (a.n - coalesce(s.n, 0)), coalesce(z, 0), coalesce(k, 0), coalesce(yy, 0),
    coalesce(yd, 0), coalesce(dd, 0) + $without * (a.n - coalesce(s.n, 0)), coalesce(yz, 0), coalesce(yk, 0),
    coalesce(dz, 0), coalesce(dk, 0), coalesce(zz, 0)
FROM everybody AS a JOIN look_places AS p ON p.place = a.place LEFT JOIN sums AS s ON s.place = a.place
ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """What `streams.Tally` says of subjects, in numbers: members by variant, and the others as they are there."""

    members: Mapping[str, int]
    excluded: Mapping[Reason, int]
    assigned: Mapping[str, int]
    exposed: Mapping[str, int]
    immature: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Look:
    """counts: of subjects. tables: by metric."""

    counts: Counts
    tables: Mapping[str, Table]


def open_files(folder: Path, *, threads: int | None = None) -> DuckDBPyConnection:
    """Return a database in memory whose relations are `folder`'s Parquet files, `exposures.parquet` and so on.

    threads: how many DuckDB may use, None for one a processor. The connection keeps no order of rows.

    Raises:
        duckdb.IOException: a file is missing.
    """
    import duckdb

    connection = duckdb.connect(config={"threads": threads} if threads else {})
    for name in RELATIONS:
        connection.read_parquet(str(folder / f"{name}.parquet")).create_view(name)
    tune(connection)
    return connection


def tune(connection: DuckDBPyConnection) -> None:
    """Set what makes a look quick and changes no result."""
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"SET perfect_ht_threshold = {LARGEST_DENSE}")


def look(
    connection: DuckDBPyConnection,
    *,
    as_of: datetime,
    until: datetime | None = None,
    measures: Sequence[Measure] = (),
) -> Look:
    """Return an experiment's counts and tables as of a moment, as `streams.reduce` does of the same events.

    Leaves temporary tables `look_…` in the connection; the next look replaces them.

    Raises:
        ValueError: a time without a time zone, two measures of one metric, or a sum is not finite.
        duckdb.Error: a relation or a column is missing.
    """
    if as_of.tzinfo is None or (until and until.tzinfo is None):
        raise ValueError("moments have a time zone")
    if len({measure.metric for measure in measures}) < len(measures):
        raise ValueError("one measure a metric")
    values = {"as_of": as_of, "until": until or _NEVER, "never": _NEVER, **{one.value: one.value for one in Reason}}
    for step in _STEPS:
        _run(connection, step, values)
    excluded = _counted(connection, "SELECT reason, count(*) FROM look_exposed WHERE reason NOTNULL GROUP BY ALL")
    members = _counted(connection, "SELECT variant, count(*) FROM look_exposed WHERE reason ISNULL GROUP BY ALL")
    tables = {measure.metric: _table(connection, measure, values) for measure in measures}
    total = sum(members.values())
    counts = Counts(
        members,
        {Reason(name): count for name, count in excluded.items()},
        assigned=_counted(connection, "SELECT variant, count(*) FROM look_given GROUP BY ALL"),
        exposed=_counted(connection, "SELECT seen, count(*) FROM look_exposed GROUP BY ALL"),
        immature={metric: total - round(float(table.n.sum())) for metric, table in tables.items()},
    )
    return Look(counts, tables)


def _table(connection: DuckDBPyConnection, measure: Measure, values: Mapping[str, Any]) -> Table:
    y, d, before = _SUMS[measure.shape]
    asks = measure.stop is not None and measure.shape is not Shape.RATIO
    over = min(values["as_of"], values["until"]) - _EPOCH
    window = {
        "metric": measure.metric,
        "start": _microseconds(measure.start),
        "stop": _ENDLESS if measure.stop is None else _microseconds(measure.stop),
        "before": _microseconds(measure.before),
        "over_by": _microseconds(over - measure.stop) if asks and measure.stop else _ENDLESS,
        "without": 0 if measure.shape is Shape.RATIO else 1,  # the denominator of who has no fact
    }
    query = _CELLS.format(y=y, d=d, before=before)
    rows = _run(connection, query, {**values, **window}).fetchall()
    return Table.of(
        Cell(variant, Moments(*map(float, sums)), stratum, cluster) for variant, stratum, cluster, *sums in rows
    )


def _run(connection: DuckDBPyConnection, query: str, values: Mapping[str, Any]) -> DuckDBPyConnection:
    """Run a query with those of the values that it names, always bound."""
    return connection.execute(query, {name: values[name] for name in _PARAMETER.findall(query)})


def _counted(connection: DuckDBPyConnection, query: str) -> dict[str, int]:
    return dict(connection.execute(query).fetchall())


def _microseconds(span: timedelta) -> int:
    return span // _MICROSECOND
