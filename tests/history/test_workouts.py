"""Workout files: what is read from them, and that the format does not matter."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from modeling.core.loads import Thresholds, best_load, tss
from modeling.history.contract import ParsedActivity
from modeling.history.match import is_richer, same_activity
from modeling.history.parse import parse_file
from tests.history.builders import START, gpx, northward, tcx

pytestmark = pytest.mark.pure

Reader = Callable[[str], ParsedActivity]
THRESHOLDS = Thresholds(ftp_w=315, threshold_pace_s_per_km=255, threshold_hr=172, max_hr=190, resting_hr=50)


def only(name: str, data: bytes) -> ParsedActivity:
    result = parse_file(name, data)
    assert result.problems == ()
    (activity,) = result.activities
    return activity


@pytest.fixture
def workout(shared_data: Path) -> Reader:
    return lambda name: only(name, (shared_data / "workouts" / name).read_bytes())


@pytest.mark.shared_data
def test_normalised_power_agrees_with_the_device_within_one_percent(workout: Reader) -> None:
    ride = workout("ride_power_edge810.fit")
    assert ride.normalised_power_w == pytest.approx(301, rel=0.01)
    assert ride.mean_power_w == pytest.approx(276, rel=0.01)
    assert tss(ride.duration_s, ride.normalised_power_w, ride.stated_ftp_w) == pytest.approx(118.7, rel=0.01)
    assert (ride.sport, ride.load, ride.load_source, ride.stated_ftp_w) == ("cycling", 118.7, "device", 315)


@pytest.mark.shared_data
@pytest.mark.parametrize("files", [("ride_a.fit", "ride_a.tcx", "ride_a.gpx"), ("session_b.tcx", "session_b.gpx")])
def test_one_activity_in_several_formats_is_one_and_has_one_load(workout: Reader, files: tuple[str, ...]) -> None:
    activities = [workout(name) for name in files]
    by_heart = [best_load(activity, THRESHOLDS, order=("hr",)) for activity in activities]
    first = by_heart[0]
    assert first is not None
    for activity, load in zip(activities, by_heart, strict=True):
        assert load is not None and load.value == pytest.approx(first.value, rel=1e-6)
        assert all(same_activity(activity, other) and same_activity(other, activity) for other in activities)
        assert activity.distance_m == pytest.approx(activities[0].distance_m, rel=0.03)


@pytest.mark.shared_data
def test_the_record_with_power_is_the_richer_one(workout: Reader) -> None:
    with_power, without = workout("session_b.tcx"), workout("session_b.gpx")
    assert is_richer(with_power, without) and not is_richer(without, with_power)


@pytest.mark.shared_data
def test_different_workouts_are_different(workout: Reader) -> None:
    names = ["ride_a.fit", "session_b.tcx", "run_fenix2.fit", "run_fenix5.fit", "ride_power_edge810.fit"]
    activities = [workout(name) for name in names]
    assert [same_activity(a, b) for i, a in enumerate(activities) for b in activities[i + 1 :]] == [False] * 10


@pytest.mark.shared_data
def test_runs_agree_with_the_device_summary(workout: Reader) -> None:
    run, short = workout("run_fenix2.fit"), workout("run_fenix5.fit")
    assert (run.sport, run.day) == ("running", date(2015, 8, 15))
    assert run.distance_m == pytest.approx(9008, rel=0.001)
    assert run.duration_s == pytest.approx(2832, abs=2)
    assert [effort.name for effort in run.efforts] == ["1k", "3k", "5k"]
    assert short.duration_s == pytest.approx(56.9, abs=1)
    assert short.mean_hr == pytest.approx(90, abs=1.5)


@pytest.mark.shared_data
def test_a_gzip_compressed_file_is_the_same_file(shared_data: Path) -> None:
    data = (shared_data / "workouts" / "ride_a.gpx").read_bytes()
    assert only("a.gpx.gz", gzip.compress(data)).fingerprint == only("a.gpx", data).fingerprint


def test_the_fastest_kilometre_is_found_with_its_time() -> None:
    slow, fast = northward(900, 2.5), northward(400, 4.0)
    end = slow[-1]
    points = slow + [(end[0] + s, end[1] + lat - 50, lon) for s, lat, lon in fast[1:]]
    efforts = {effort.name: effort for effort in only("x.gpx", gpx(points)).efforts}
    assert efforts["1k"].seconds == pytest.approx(250, abs=1)
    assert efforts["3k"].seconds == pytest.approx(400 + 1400 / 2.5, abs=2)
    assert efforts["1k"].mean_hr == 150


def test_a_pause_counts_neither_as_time_nor_as_distance() -> None:
    before = northward(600, 3.0)
    after = [(s + 1800, lat + 0.05, lon) for s, lat, lon in northward(600, 3.0)]
    activity = only("x.gpx", gpx(before + after))
    assert activity.duration_s == pytest.approx(1200)
    assert activity.elapsed_s == pytest.approx(2400)
    assert activity.distance_m == pytest.approx(3600, rel=0.001)


def test_standing_still_is_not_moving_time() -> None:
    still = [(600.0 + s, northward(600, 3.0)[-1][1], 8.0) for s in range(1, 301)]
    activity = only("x.gpx", gpx(northward(600, 3.0) + still))
    assert (activity.duration_s, activity.moving_s) == (900, 600)


def test_smart_recording_gives_the_same_as_every_second() -> None:
    dense, sparse = only("x.gpx", gpx(northward(1200, 3.0))), only("x.gpx", gpx(northward(1200, 3.0, step=6)))
    assert sparse.duration_s == dense.duration_s
    assert sparse.distance_m == pytest.approx(dense.distance_m, rel=1e-6)


def test_best_twenty_minutes_of_power() -> None:
    ride = only("x.tcx", tcx([150] * 600 + [250] * 1200 + [100] * 600))
    efforts = {effort.name: effort.watts for effort in ride.efforts}
    assert efforts["20min"] == pytest.approx(250)
    assert efforts["5min"] == pytest.approx(250)
    assert "60min" not in efforts


def test_a_session_belongs_to_the_day_of_the_athletes_time_zone() -> None:
    data = gpx(northward(600, 3.0), start=START.replace(hour=23))
    days = [parse_file("x", data, time_zone=zone).activities[0].day for zone in (None, ZoneInfo("Asia/Tokyo"))]
    assert days == [date(2024, 5, 1), date(2024, 5, 2)]


def test_two_intervals_recorded_one_after_the_other_stay_two() -> None:
    first = only("a.gpx", gpx(northward(60, 4.0)))
    second = only("b.gpx", gpx(northward(60, 4.0), start=START + timedelta(seconds=100)))
    assert not same_activity(first, second)


def test_another_device_that_started_late_recorded_the_same_run() -> None:
    watch = only("a.gpx", gpx(northward(3600, 3.0)))
    phone = only("b.gpx", gpx(northward(3540, 3.06), start=START + timedelta(seconds=50)))
    assert same_activity(watch, phone)


def test_several_tracks_in_one_file_are_several_activities() -> None:
    one, two = gpx(northward(600, 3.0)), gpx(northward(600, 3.0), start=START + timedelta(hours=5))
    track = two[two.index(b"<trk>") : two.index(b"</gpx>")]
    result = parse_file("x.gpx", one.replace(b"</gpx>", track + b"</gpx>"))
    assert len(result.activities) == 2


def test_sport_comes_from_the_file_and_else_from_the_caller() -> None:
    said = parse_file("x", gpx(northward(600, 3.0), kind="Trail Run"), sport="cycling").activities[0]
    silent = parse_file("x", gpx(northward(600, 3.0), kind=""), sport="cycling").activities[0]
    assert (said.sport, silent.sport) == ("running", "cycling")
