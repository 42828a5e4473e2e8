"""Tables: guessed columns, units, dates, tests beside loads, bad rows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from modeling.history.contract import Limits, ParseResult
from modeling.history.match import match_activities
from modeling.history.parse import parse_file
from tests.history.builders import gpx, northward

pytestmark = pytest.mark.pure


def read(text: str, **options: object) -> ParseResult:
    return parse_file("t.csv", text.encode(), **options)  # type: ignore[arg-type]


def clean(text: str, **options: object) -> ParseResult:
    result = read(text, **options)
    assert result.problems == ()
    return result


@pytest.mark.shared_data
def test_the_cyclist_has_165_days_of_load_and_nine_tests(shared_data: Path) -> None:
    data = (shared_data / "banister" / "cyclist_165_days.csv").read_bytes()
    result = parse_file("c.csv", data, start=date(2020, 1, 1), sport="cycling")
    assert result.problems == ()
    assert len(result.activities) == 165 and len(result.tests) == 9
    assert [a.load for a in result.activities[:4]] == [46.46, 26.7, 177.37, 0]
    assert result.activities[0].day == date(2020, 1, 1)
    assert (result.tests[0].day, result.tests[0].value) == (date(2020, 2, 14), 271)
    assert {(a.load_unit, a.sport) for a in result.activities} == {("TSS", "cycling")}


@pytest.mark.shared_data
def test_numbered_days_need_a_start(shared_data: Path) -> None:
    result = parse_file("c.csv", (shared_data / "banister" / "cyclist_165_days.csv").read_bytes())
    assert "start" in result.problems[0].reason and result.activities == ()


@pytest.mark.shared_data
def test_the_runner_has_1055_runs_and_a_second_import_has_none_new(shared_data: Path) -> None:
    data = (shared_data / "history" / "runner_2022_2026.csv").read_bytes()
    first, again = (parse_file("r.csv", data, sport="running") for _ in range(2))
    assert first.problems == () and len(first.activities) == 1055
    assert len({a.fingerprint for a in first.activities}) == 1055
    assert match_activities(first.activities, again.activities) == list(range(1055))
    earlier = first.activities[:1000]
    assert match_activities(earlier, again.activities)[1000:] == [None] * 55
    row = first.activities[0]
    assert (row.day, row.distance_m, row.moving_s, row.mean_hr, row.load) == (
        date(2022, 3, 31),
        13867.66,
        3604,
        156,
        74,
    )


STRAVA = (
    "Activity ID,Activity Date,Activity Name,Activity Type,Elapsed Time,Distance,Max Heart Rate,Relative Effort,"
    "Elapsed Time,Moving Time,Distance,Average Heart Rate,Weighted Average Power\n"
    '1,"Aug 1, 2023, 6:12:33 AM","Morning, ""easy""\nwith a friend",'
    "Run,3700,10.02,171,55,3700.0,3600.0,10020.4,151.2,\n"
    '2,"Aug 2, 2023, 5:00:00 PM",Ride,Virtual Ride,5400,40.10,165,80,,5300,,140,210\n'
    '3,"Aug 3, 2023, 5:00:00 PM",Gym,Weight Training,1800,0,,5,1800,1800,0,,\n'
)


def test_stravas_export_is_read_with_its_repeated_columns() -> None:
    result = clean(STRAVA)
    run, ride, gym = result.activities
    assert result.file_format == "strava"
    assert (run.sport, ride.sport, gym.sport) == ("running", "cycling", "other")
    assert run.started_at == datetime(2023, 8, 1, 6, 12, 33, tzinfo=UTC)
    assert (run.distance_m, run.moving_s, run.elapsed_s, run.mean_hr) == (10020.4, 3600, 3700, 151.2)
    assert (ride.distance_m, ride.elapsed_s, ride.normalised_power_w) == (40_100, 5400, 210)
    assert (run.load, run.load_unit, run.external_id) == (55, "relative effort", "1")


def test_stravas_distance_alone_is_kilometres() -> None:
    text = (
        'Activity ID,Activity Date,Activity Type,Elapsed Time,Distance\n1,"1 août 2023 à 06:12:33",Run,3700,"10,02"\n'
    )
    (run,) = clean(text.replace(" à ", ", ")).activities
    assert (run.distance_m, run.day) == (pytest.approx(10_020), date(2023, 8, 1))


@pytest.mark.parametrize(
    ("header", "cell", "seconds"),
    [
        ("duration_s", "3600", 3600),
        ("Duration (min)", "90", 5400),
        ("Dauer [h]", "1.5", 5400),
        ("Time", "1:02:03", 3723),
        ("Time", "45:30", 2730),
        ("Time", "1:30", 5400),
        ("Duration (h:mm)", "12:30", 45_000),
        ("Duration (mm:ss)", "12:30", 750),
        ("duration", "75", 4500),
        ("duration", "4500", 4500),
        ("duration", "1h 15m", 4500),
        ("TimeTotalInHours", "0.5", 1800),
    ],
)
def test_durations_in_many_units(header: str, cell: str, seconds: float) -> None:
    (activity,) = clean(f"date,{header},hr\n2024-01-01,{cell},140\n").activities
    assert activity.duration_s == seconds


@pytest.mark.parametrize(
    ("header", "cell", "metres"),
    [("dist_m", "5000", 5000), ("Distance (km)", "5.5", 5500), ("miles", "3", 4828.032), ("Distanz", "12", 12_000)],
)
def test_distances_in_many_units(header: str, cell: str, metres: float) -> None:
    (activity,) = clean(f"date,min,{header}\n2024-01-01,60,{cell}\n").activities
    assert activity.distance_m == pytest.approx(metres)


def test_a_german_table_with_semicolons_and_decimal_commas_in_latin_1() -> None:
    text = "Datum;Dauer (min);Strecke (km);Puls;Gefühl\n31.12.2023;62,5;12,34;151;gut\n01.01.2024;30;5,1;140;müde\n"
    result = parse_file("t.csv", text.encode("latin-1"))
    first, second = result.activities
    assert result.problems == ()
    assert (first.day, first.duration_s, first.mean_hr) == (date(2023, 12, 31), 3750, 151)
    assert first.distance_m == pytest.approx(12_340)
    assert second.day == date(2024, 1, 1)


def test_the_order_of_day_and_month_is_decided_over_the_whole_column() -> None:
    days = [a.day for a in clean("date,load\n03/04/2024,50\n13/04/2024,60\n").activities]
    assert days == [date(2024, 4, 3), date(2024, 4, 13)]
    days = [a.day for a in clean("date,load\n03/04/2024,50\n04/13/2024,60\n").activities]
    assert days == [date(2024, 3, 4), date(2024, 4, 13)]


def test_an_ambiguous_or_contradictory_column_of_dates_is_refused() -> None:
    assert "no row tells" in read("date,load\n03/04/2024,50\n05/06/2024,60\n").problems[0].reason
    assert "others only" in read("date,load\n13/04/2024,50\n04/13/2024,60\n").problems[0].reason
    (activity,) = clean("date,load\n03/04/2024,50\n", mapping={"day_order": "mdy"}).activities
    assert activity.day == date(2024, 3, 4)


LEAP_DAY = (
    "2024-02-29",
    "20240229",
    "29.02.2024",
    "29 Feb 2024",
    "Feb 29, 2024",
    "29. Februar 2024",
    "2024-02-29 00:00:00",
)


@pytest.mark.parametrize("written", LEAP_DAY)
def test_dates_as_people_write_them(written: str) -> None:
    (activity,) = clean(f'date,load\n"{written}",50\n').activities
    assert (activity.day, activity.started_at) == (date(2024, 2, 29), None)


def test_a_clock_time_with_an_offset_is_kept_as_utc() -> None:
    (activity,) = clean("date,duration_min,hr\n2024-03-01T06:30:00+02:00,60,150\n").activities
    assert activity.started_at == datetime(2024, 3, 1, 4, 30, tzinfo=UTC)


def test_a_mapping_overrides_the_guess() -> None:
    text = "when,w1,load\n2024-01-01,77,5\n"
    (activity,) = clean(text, mapping={"date": "when", "load": "w1", "load_unit": "TRIMP"}).activities
    assert (activity.load, activity.load_unit) == (77, "TRIMP")


@pytest.mark.parametrize(
    ("mapping", "expected"), [({"load": "nope"}, "no column 'nope'"), ({"lod": "load"}, "unknown field 'lod'")]
)
def test_a_wrong_mapping_is_refused(mapping: dict[str, str], expected: str) -> None:
    assert expected in read("date,load\n2024-01-01,5\n", mapping=mapping).problems[0].reason


def test_a_bad_row_is_reported_with_its_line_and_the_others_are_kept() -> None:
    rows = ["50", "NaN", "-3", "99999", "inf", "many", "60"]
    dated = "".join(f"2024-01-{i:02d},{row}\n" for i, row in enumerate(rows, start=1))
    text = f"date,load\n{dated}2024-13-01,5\n,7\n"
    result = read(text)
    assert [a.load for a in result.activities] == [50, 60]
    assert [p.line for p in result.problems] == [3, 4, 5, 6, 7, 9, 10]
    assert "negative" in result.problems[1].reason and "2000" in result.problems[2].reason
    assert str(result.problems[1]).startswith("t.csv, line 4: ")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("-60,5,150", "negative"),
        ("10000,5,150", "duration"),
        ("30,900,150", "not possible"),
        ("30,5,400", "heart rate"),
        ("30,5", "3 fields where the header has 4"),
        ("30,5,150,9,9", "fields"),
    ],
)
def test_absurd_sessions_are_reported(row: str, expected: str) -> None:
    result = read(f"date,duration_min,km,hr\n2024-01-01,60,10,150\n2024-01-02,{row}\n", sport="running")
    assert len(result.activities) == 1
    assert expected in result.problems[0].reason and result.problems[0].line == 3


def test_a_stray_quote_spoils_one_line_only() -> None:
    result = read('date,load\n2024-01-01,50\n2024-01-02,"60\n2024-01-03,70\n2024-01-04,80\n')
    assert [a.load for a in result.activities] == [50, 70, 80]
    assert [p.line for p in result.problems] == [3]


def test_a_bad_test_result_loses_neither_load_nor_other_tests() -> None:
    result = read("date,load,5k test\n2024-01-01,50,-4\n2024-01-02,60,300\n2024-01-03,,310\n")
    assert [a.load for a in result.activities] == [50, 60]
    assert [t.value for t in result.tests] == [300, 310]
    assert [p.line for p in result.problems] == [2]


def test_a_table_of_tests_alone_is_read() -> None:
    result = clean("date,test\n2024-01-01,50\n2024-02-01,51\n", mapping={"test_kind": "race"})
    assert [(t.value, t.kind) for t in result.tests] == [(50, "race"), (51, "race")]


def test_rows_that_say_all_the_same_are_one_session_rows_that_say_little_are_two() -> None:
    full = clean("date,min,km,hr\n2024-01-01,60,10,150\n2024-01-01,60,10,150\n")
    assert len(full.activities) == 1 and "folded" in full.notes[-1]
    text = "date,load\n2024-01-01,50\n2024-01-01,50\n"
    short, again = clean(text), clean(text)
    assert [a.load for a in short.activities] == [50, 50]
    assert match_activities(short.activities, again.activities) == [0, 1]


def test_equal_intervals_are_matched_one_to_one() -> None:
    known = clean("date,min,m\n2024-01-01,4,1000\n2024-01-01,4,1001\n").activities
    incoming = clean("date,min,m\n2024-01-01,4,1000\n2024-01-01,4,1001\n2024-01-01,4,1002\n").activities
    assert match_activities(known, incoming) == [0, 1, None]


def test_a_stated_zero_is_a_day_of_rest_and_a_blank_is_nothing() -> None:
    result = clean("date,load\n2024-01-01,0\n2024-01-02,\n2024-01-03,5\n")
    assert [(a.day.day, a.load) for a in result.activities] == [(1, 0), (3, 5)]


def test_too_many_rows_are_refused() -> None:
    result = read("date,load\n" + "2024-01-01,5\n" * 101, limits=Limits(max_rows=100))
    assert result.activities == () and "more than 100 rows" in result.problems[0].reason


def test_a_table_row_and_a_recorded_file_of_the_same_run_are_one() -> None:
    recorded = parse_file("a.gpx", gpx(northward(3600, 3.0))).activities
    rows = clean("date,km,time\n2024-05-01,10.8,1:00:10\n2024-05-01,5.0,25:00\n", sport="running").activities
    assert match_activities(recorded, rows) == [0, None]
