"""Tables of training: one row a session or a day, with a load or with what a load can be computed from, and tests
beside them.

Two equal rows without clock time: if day, duration, distance and heart rate are all stated and equal they are one
session written twice and are folded; rows that say less (a load, a duration) stay separate sessions and add up.
Reading the file again gives the same fingerprints either way. A row that states a load (or time and distance) of 0 is
a recorded day of rest: load 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import Any, Literal, cast

from modeling.history import values as cells_
from modeling.history.checks import BadValue, make_activity
from modeling.history.columns import Column, load_unit, resolve, strava
from modeling.history.contract import Limits, ParsedActivity, ParsedTest, ParseProblem, ParseResult, Sport, TestKind
from modeling.history.dates import DayOrder, day_order, numbered_day, parse_clock, parse_moment
from modeling.history.limits import BoundedReader, Deadline, Refused
from modeling.history.rows import Record, read_records, read_text
from modeling.history.session import sport_of

_PLAIN = {
    "load": "load",
    "hr": "mean_hr",
    "max_hr": "max_hr",
    "power": "mean_power_w",
    "np": "normalised_power_w",
    "rpe": "rpe",
}
_TIMES = {"duration": "duration_s", "moving": "moving_s", "elapsed": "elapsed_s"}
_MEASURES = ("load", "duration", "moving", "elapsed", "distance")
NOT_A_TABLE = "neither FIT, TCX, GPX nor a table with a date and a load, duration, distance or test"


@dataclass
class _Table:
    """A table with every decision that concerns whole columns."""

    name: str
    columns: Mapping[str, Column]
    records: list[Record]
    width: int
    start: date | None
    sport: Sport | None
    zone: tzinfo
    day_zone: tzinfo
    load_unit: str = "TSS"
    test_kind: TestKind = "lab"
    order: DayOrder = "dmy"
    base: int = 1
    has_clock: bool = True
    decimals: dict[int, str] = field(default_factory=dict)
    units: dict[int, str] = field(default_factory=dict)

    def cell(self, record: Record, name: str) -> tuple[str, int, str | None] | None:
        """Return (text, column index, unit) of a field's first cell that is not blank."""
        column = self.columns.get(name)
        for index, unit in column.sources if column else ():
            if index < len(record.cells) and not cells_.is_blank(record.cells[index]):
                return record.cells[index].strip(), index, unit or self.units.get(index)
        return None

    def texts(self, index: int) -> list[str]:
        """Return the cells of a column that are not blank."""
        return [
            r.cells[index].strip() for r in self.records if index < len(r.cells) and not cells_.is_blank(r.cells[index])
        ]


def read_table(
    reader: BoundedReader,
    name: str,
    *,
    mapping: Mapping[str, str],
    start: date | None,
    sport: Sport | None,
    time_zone: tzinfo | None,
    limits: Limits,
    deadline: Deadline,
) -> ParseResult:
    """Read a table, Strava's activities.csv among them.

    Raises:
        Refused: not a table of training, or a decision over a whole column is not possible.
    """
    headers, delimiter, records = read_records(read_text(reader), limits, deadline)
    from_strava = None if mapping else strava(headers)
    columns = from_strava if from_strava is not None else resolve(headers, mapping)
    if ("date" not in columns and "day" not in columns) or not columns.keys() & {*_MEASURES, "test"}:
        raise Refused(f"{NOT_A_TABLE} (columns: {', '.join(h[:30] for h in headers[:20]) or 'none'})")
    zone = time_zone or UTC
    # Strava writes UTC; other tables mean the athlete's own clock.
    clock_zone = UTC if from_strava is not None else zone
    table = _Table(name, columns, list(records), len(headers), start, sport, clock_zone, zone)
    notes = _decide(table, mapping, delimiter)
    result = _read_rows(table, limits, deadline)
    return ParseResult(
        result.activities,
        result.tests,
        result.problems,
        (*notes, *result.notes),
        "strava" if from_strava is not None else "table",
    )


def _decide(table: _Table, mapping: Mapping[str, str], delimiter: str) -> list[str]:
    """Settle decimal mark, units, kind of day and order of dates over whole columns; return notes about guesses."""
    notes: list[str] = []
    _decide_dates(table, mapping, notes)
    used = {index for name in (*_PLAIN, *_TIMES, "distance", "test") for index, _ in _sources(table, name)}
    for index in used:
        mark = mapping.get("decimal") or cells_.decimal_mark(table.texts(index), semicolons=delimiter == ";")
        if mark:
            table.decimals[index] = mark
    common = max((".", ","), key=list(table.decimals.values()).count)
    table.decimals = {index: table.decimals.get(index, common) for index in used}
    for name in (*_TIMES, "distance"):
        for index, unit in _sources(table, name):
            setting = mapping.get("distance_unit" if name == "distance" else "duration_unit")
            table.units[index] = setting or unit or _guess_unit(table, name, index, notes)
    if "load" in table.columns:
        table.load_unit = mapping.get("load_unit") or load_unit(table.columns["load"])
    if (kind := mapping.get("test_kind", "lab")) not in ("lab", "race", "field"):
        raise Refused(f"test_kind must be lab, race or field, not {kind!r}")
    table.test_kind = cast(TestKind, kind)
    return notes


def _sources(table: _Table, name: str) -> Sequence[tuple[int, str | None]]:
    column = table.columns.get(name)
    return column.sources if column else ()


def _guess_unit(table: _Table, name: str, index: int, notes: list[str]) -> str:
    texts, decimal = table.texts(index), table.decimals.get(index, ".")
    unit = cells_.distance_unit(texts, decimal) if name == "distance" else cells_.duration_unit(texts, decimal)
    if texts and not any(":" in text for text in texts) or unit == "h:mm":
        notes.append(f"{table.columns[name].header!r} read as {unit} (the header does not say)")
    return unit


def _decide_dates(table: _Table, mapping: Mapping[str, str], notes: list[str]) -> None:
    columns = dict(table.columns)
    name = "date" if "date" in columns else "day"
    texts = [found[0] for record in table.records if (found := table.cell(record, name))]
    numbers = [text for text in texts if text.isdigit() and len(text) < 6]
    if texts and len(numbers) >= 0.9 * len(texts):
        if table.start is None:
            raise Refused("the days are numbers: say the date of the first (start)")
        table.base = 0 if any(int(text) == 0 for text in numbers) else 1
        columns["day"] = columns.pop(name)
    else:
        columns["date"] = columns.pop(name)
        stated = mapping.get("day_order")
        if stated not in (None, "dmy", "mdy"):
            raise Refused(f"day_order must be dmy or mdy, not {stated!r}")
        table.order = cast(Literal["dmy", "mdy"], stated) if stated else day_order(texts)
        if not stated and any("/" in text for text in texts):
            notes.append("dates read as " + ("day/month" if table.order == "dmy" else "month/day"))
        # A spreadsheet writes days as 2024-01-31 00:00:00: midnight throughout is no clock time.
        table.has_clock = "time" in columns or not all("00:00" in text for text in texts)
    if "time" in columns and "duration" not in columns and "date" in columns and not _looks_like_clock(table):
        columns["duration"] = columns.pop("time")
    table.columns = columns


def _looks_like_clock(table: _Table) -> bool:
    return all(":" in text for index, _ in _sources(table, "time") for text in table.texts(index)[:100])


@dataclass
class _Seen:
    """Fingerprints met so far, to tell a row written twice from a second, equal session."""

    counts: dict[str, int] = field(default_factory=dict)
    folded: int = 0


def _read_rows(table: _Table, limits: Limits, deadline: Deadline) -> ParseResult:
    activities: list[ParsedActivity] = []
    tests: list[ParsedTest] = []
    problems: list[ParseProblem] = []
    seen, bad = _Seen(), 0
    for record in table.records:
        deadline.tick()
        for read in (_read_test, _read_activity):
            try:
                found = read(table, record, seen)
            except BadValue as error:
                bad += 1
                problem = ParseProblem(table.name, record.line, str(error))
                if len(problems) < limits.max_problems and problem not in problems[-1:]:
                    problems.append(problem)
                continue
            if isinstance(found, ParsedTest):
                tests.append(found)
            elif found is not None:
                activities.append(found)
    if bad > limits.max_problems:
        problems.append(
            ParseProblem(table.name, None, f"{bad:,} bad rows; only the first {limits.max_problems} are listed")
        )
    if not activities and not tests and not problems:
        problems.append(ParseProblem(table.name, None, "no rows with a value"))
    notes = (f"{seen.folded} repeated rows folded",) if seen.folded else ()
    return ParseResult(tuple(activities), tuple(tests), tuple(problems), notes)


def _read_test(table: _Table, record: Record, seen: _Seen) -> ParsedTest | None:
    cell = table.cell(record, "test")
    if cell is None or record.problem:
        return None
    value = cells_.parse_number(cell[0], table.decimals[cell[1]])
    if not 0 < value < 10_000:
        raise BadValue(f"test result {value:g} is outside 0–10,000")
    return ParsedTest(table.name, record.line, _when(table, record)[0], value, table.test_kind)


def _read_activity(table: _Table, record: Record, seen: _Seen) -> ParsedActivity | None:
    _check_shape(table, record)
    values = _values(table, record)
    if not values:
        return None
    if values.get("load") is None and not any(values.get(name) for name in (*_TIMES.values(), "distance_m", "mean_hr")):
        values = {"load": 0.0}
    if "load" in values:
        values |= {"load_unit": table.load_unit, "load_source": "table"}
    day, moment = _when(table, record)
    if (identity := table.cell(record, "id")) is not None:
        values["external_id"] = identity[0][:64]
    sport = table.cell(record, "sport")
    fields: dict[str, Any] = {
        "source_name": table.name,
        "line": record.line,
        "sport": (sport_of(sport[0]) if sport else None) or table.sport or "other",
        "started_at": moment,
        "day": None if moment else day,
        "time_zone": table.day_zone,
        **values,
    }
    return _once(fields, seen)


def _check_shape(table: _Table, record: Record) -> None:
    if record.problem:
        raise BadValue(record.problem)
    used = [i for name, column in table.columns.items() if name not in ("test", "id") for i, _ in column.sources]
    if len(record.cells) <= max(used) or any(cell.strip() for cell in record.cells[table.width :]):
        raise BadValue(f"{len(record.cells)} fields where the header has {table.width}")


def _values(table: _Table, record: Record) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in (*_PLAIN, *_TIMES, "distance"):
        cell = table.cell(record, name)
        if cell is None:
            continue
        text, index, unit = cell
        decimal = table.decimals[index]
        unit = table.units.get(index, unit or "")
        if name in _TIMES:
            values[_TIMES[name]] = cells_.parse_duration(text, unit, decimal)
        elif name == "distance":
            values["distance_m"] = cells_.parse_number(text, decimal) * cells_.METRES.get(unit, 1.0)
        else:
            values[_PLAIN[name]] = cells_.parse_number(text, decimal)
    # Strava counts elapsed time; a plain table's "duration" may be the moving time as well.
    if "duration_s" not in values and (known := values.get("moving_s") or values.get("elapsed_s")) is not None:
        values["duration_s"] = known
    return values


def _once(fields: dict[str, Any], seen: _Seen) -> ParsedActivity | None:
    activity = make_activity(**fields)
    count = seen.counts.get(activity.fingerprint, 0)
    seen.counts[activity.fingerprint] = count + 1
    if not count:
        return activity
    says_enough = activity.duration_s and activity.distance_m and activity.mean_hr
    if activity.started_at is not None or says_enough:
        seen.folded += 1
        return None
    return make_activity(**fields, occurrence=count)


def _when(table: _Table, record: Record) -> tuple[date, datetime | None]:
    if "day" in table.columns and "date" not in table.columns:
        cell = table.cell(record, "day")
        if cell is None or table.start is None:
            raise BadValue("no day number")
        return numbered_day(cell[0], table.start, table.base), None
    cell = table.cell(record, "date")
    if cell is None:
        raise BadValue("no date")
    day, moment = parse_moment(cell[0], table.order, table.zone)
    clock = table.cell(record, "time")
    if moment is None and clock is not None:
        moment = parse_clock(day, clock[0], table.zone)
    return day, moment if table.has_clock else None
