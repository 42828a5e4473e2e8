"""Exports: what a calendar, a trainer and a watch read back is what the plan says; what a format cannot say is
refused."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from xml.etree.ElementTree import Element

import fitdecode
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import example, given
from hypothesis import strategies as st
from icalendar import Calendar

from plans.document import session_entry
from plans.document.content import faults
from plans.export.calendar import calendar_of, description_of
from plans.export.contract import ScheduledSession
from plans.export.errors import NotExportable
from plans.export.fit import fit_of
from plans.export.text import clipped, one_line, plain
from plans.export.zwo import zwo_of
from plans.pipelines.contract import PlannedSession
from plans.pipelines.intensity import Intensities
from plans.pipelines.sessions import SessionSpec, build_session
from tests.plans.pipelines.golden import cases, plan_of
from tests.plans.pipelines.test_sessions import requests

pytestmark = pytest.mark.pure

NOW = datetime(2026, 1, 4, 12, 30, tzinfo=UTC)
PLANS = (
    ("5k", "beginner"),
    ("10k", "intermediate"),
    ("half_marathon", "elite"),
    ("marathon", "advanced"),
    ("40km_tt", "intermediate"),
    ("gran_fondo", "advanced"),
)
RUNNER = Intensities("r", "running", "intermediate", threshold_pace=255.0, threshold_hr=170.0, performance=50.0)
RIDER = Intensities("c", "cycling", "advanced", ftp_w=280.0, performance=280.0)


def scheduled(session: PlannedSession, version_number: int = 1) -> ScheduledSession:
    return ScheduledSession(
        session.session_id, session.day, session.title, session.kind, session.modality, session.prescribed_work,
        session.load, version_number,
    )  # fmt: skip


def planned(kind: str, focus: str, zones: Intensities, race: str) -> ScheduledSession:
    spec = SessionSpec(
        date(2026, 5, 5), 0, kind, focus, 80, "build", 2, race, zones.level, zones.sport, 1  # type: ignore[arg-type]
    )  # fmt: skip
    return scheduled(build_session(spec, zones))


def handmade(
    *steps: dict[str, Any], modality: str = "running", kind: str = "interval", **work: Any
) -> ScheduledSession:
    return ScheduledSession("s-1", date(2026, 5, 5), "Made", kind, modality, {"steps": list(steps)} | work, 50.0, 1)


def calendar(*sessions: ScheduledSession, name: str = "Plan") -> bytes:
    return calendar_of(sessions, name=name, time_zone="Europe/Berlin", host="plans.example", now=NOW)


def unrolled(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the steps in the order in which they are done."""
    for step in steps:
        for _ in range(step.get("repeat", 1)):
            yield from unrolled(step["steps"]) if "steps" in step else (step,)


@pytest.fixture(scope="module")
def plans() -> list[tuple[list[ScheduledSession], Intensities]]:
    """Six real plans, both sports: their sessions and their athlete's zones."""
    found = []
    for race, level, pipeline in cases():
        if (race, level) in PLANS:
            plan, athlete, _ = plan_of(race, level, pipeline)
            sessions = [scheduled(s) for week in plan.weeks for s in week.sessions]
            found.append((sessions, Intensities.for_athlete(athlete)))
    assert len(found) == len(PLANS)
    return found


# iCalendar


GOLDEN_EVENT = """\
BEGIN:VEVENT
SUMMARY:2×18 min
DTSTART;VALUE=DATE:20260505
DTSTAMP:20260104T123000Z
UID:76f986e4-ad0e-5e87-b3d9-6c1d16033979@plans.example
SEQUENCE:1
CATEGORIES:tempo
DESCRIPTION:15 min warm-up\\, 2 × 18 min at 250–260 W (5 min spin)\\, 14 min at 175–190 W\\, 10 min cool-down\\n\\n\
- 15 min warm-up: 175–190 W\\, endurance\\, you can talk\\n\
- 2 times:\\n\
   - 18 min: 250–260 W\\, sweet spot\\n\
   - 5 min recovery: 130–150 W\\, spin lightly\\n\
- 14 min: 175–190 W\\, endurance\\, you can talk\\n\
- 10 min cool-down: 175–190 W\\, endurance\\, you can talk\\n\\n\
Much work just below threshold for little fatigue.
TRANSP:TRANSPARENT
END:VEVENT
"""


def unfolded(feed: bytes) -> str:
    return feed.replace(b"\r\n ", b"").decode().replace("\r\n", "\n")


def test_event_golden() -> None:
    text = unfolded(calendar(planned("tempo", "sweetspot", RIDER, "40km_tt")))
    assert GOLDEN_EVENT in text


def test_calendar_says_its_name_its_zone_and_when_to_come_again() -> None:
    head = unfolded(calendar(name="Ann, Bob; plan\r\nBEGIN:VEVENT")).splitlines()
    assert {"METHOD:PUBLISH", "X-WR-TIMEZONE:Europe/Berlin", "X-PUBLISHED-TTL:PT1H"} <= set(head)
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H" in head
    assert "NAME:Ann\\, Bob\\; plan BEGIN:VEVENT" in head
    assert "X-WR-CALNAME:Ann\\, Bob\\; plan BEGIN:VEVENT" in head
    assert "BEGIN:VEVENT" not in head


def test_later_version_moves_the_same_event() -> None:
    before = planned("easy", "easy", RUNNER, "10k")
    after = replace(before, day=date(2026, 5, 7), version_number=2)
    first, second = (Calendar.from_ical(calendar(s)).walk("VEVENT")[0] for s in (before, after))
    assert first["UID"] == second["UID"] == f"{before.session_id}@plans.example"
    assert (first["SEQUENCE"], second["SEQUENCE"]) == (1, 2)
    assert (first.decoded("DTSTART"), second.decoded("DTSTART")) == (date(2026, 5, 5), date(2026, 5, 7))


@pytest.mark.parametrize("title", ["\ufeff", "\x00", " "])
def test_title_of_nothing_that_shows_gives_way_to_the_kind(title: str) -> None:
    (event,) = Calendar.from_ical(calendar(replace(handmade(), title=title))).walk("VEVENT")
    assert str(event["SUMMARY"]) == "Interval"


def test_events_come_in_the_order_of_days() -> None:
    sessions = [replace(handmade(), session_id=f"s-{day}", day=date(2026, 5, day)) for day in (9, 3, 6)]
    events = Calendar.from_ical(calendar(*sessions)).walk("VEVENT")
    assert [event.decoded("DTSTART").day for event in events] == [3, 6, 9]


def test_now_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        calendar_of([], name="Plan", time_zone="UTC", host="plans.example", now=datetime(2026, 1, 1))


def test_rest_and_race_are_in_the_calendar() -> None:
    rest = handmade(kind="rest", modality="rest", summary="Rest.", purpose="The body adapts.")
    race = planned("race", "", RUNNER, "10k")
    found = [str(e["DESCRIPTION"]) for e in Calendar.from_ical(calendar(rest, race)).walk("VEVENT")]
    assert found[0] == "Rest.\n\nThe body adapts."
    assert "- 10 km: 4:" in found[1] and "Warm up 15 to 20 minutes" in found[1]


def test_short_and_odd_times_are_readable() -> None:
    text = description_of(
        handmade(
            {"type": "work", "duration_min": 0.33, "note": "fast; loose"},
            {"type": "steady", "duration_min": 2.5},
            {"type": "recovery", "distance_m": 400},
            {"type": "work", "distance_m": 2500, "target": {"text": "easy"}},
        )
    )
    assert text.splitlines() == ["- 20 s (fast; loose)", "- 2:30 min", "- 400 m recovery", "- 2.5 km: easy"]


@given(title=st.text(), summary=st.text(), name=st.text())
@example(title="C:\\New", summary="a\\nb\nc", name="\\N;")
@example(title="\ufeff", summary="\ufeffBOM", name="\ufeff")
def test_any_text_survives_the_calendar(title: str, summary: str, name: str) -> None:
    session = replace(handmade(summary=summary), title=title)
    feed = calendar(session, session, name=name)
    lines = feed.split(b"\r\n")
    assert lines[-1] == b"" and all(len(line) <= 75 for line in lines)
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    for line in lines:
        line.decode("utf-8")  # folds only between characters
    escaped = one_line(name).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    assert {f"NAME:{escaped}", f"X-WR-CALNAME:{escaped}"} <= set(unfolded(feed).split("\n"))
    events = Calendar.from_ical(feed).walk("VEVENT")
    assert len(events) == 2
    for event in events:
        assert str(event["SUMMARY"]) == (one_line(title) or "Interval")
        assert str(event.get("DESCRIPTION", "")) == plain(summary)


def test_every_session_of_every_plan_is_an_event(plans: list[tuple[list[ScheduledSession], Intensities]]) -> None:
    for sessions, _ in plans:
        events = Calendar.from_ical(calendar(*sessions)).walk("VEVENT")
        assert len({str(e["UID"]) for e in events}) == len(events) == len(sessions)
        for session, event in zip(sorted(sessions, key=lambda s: s.day), events, strict=True):
            assert event.decoded("DTSTART") == session.day
            assert str(event["SUMMARY"]) == session.title
            text = str(event["DESCRIPTION"])
            assert text.startswith(session.prescribed_work["summary"])
            assert all(step["target"]["text"] in text for step in unrolled(session.prescribed_work["steps"]))


# ZWO


GOLDEN_RIDE = """\
<?xml version='1.0' encoding='utf-8'?>
<workout_file>
  <author>Mesocycle</author>
  <name>2×18 min</name>
  <description>15 min warm-up, 2 × 18 min at 250–260 W (5 min spin), 14 min at 175–190 W, 10 min cool-down</description>
  <sportType>bike</sportType>
  <durationType>time</durationType>
  <workout>
    <Warmup Duration="900" PowerLow="0.625" PowerHigh="0.679" />
    <IntervalsT Repeat="2" OnDuration="1080" OnPower="0.911" OffDuration="300" OffPower="0.500" />
    <SteadyState Duration="840" Power="0.652" />
    <Cooldown Duration="600" PowerLow="0.679" PowerHigh="0.625" />
  </workout>
</workout_file>"""


def zwo(session: ScheduledSession, zones: Intensities) -> Element:
    return fromstring(zwo_of(session, ftp_w=zones.ftp_w, threshold_pace_s_per_km=zones.threshold_pace))


def zwo_seconds(root: Element) -> int:
    return sum(
        int(e.get("Duration") or int(e.attrib["Repeat"]) * (int(e.attrib["OnDuration"]) + int(e.attrib["OffDuration"])))
        for e in root.find("workout") or ()
    )


def zwo_powers(root: Element) -> list[float]:
    return [float(v) for e in root.iter() for name, v in e.attrib.items() if "Power" in name]


def seconds_of(step: dict[str, Any]) -> float:
    """Return a step's seconds; by distance at the middle of its speeds."""
    if "duration_min" in step:
        return float(step["duration_min"]) * 60
    fast, slow = step["target"]["pace_s_per_km"]
    return float(step["distance_m"] / 1000 * 2 / (1 / fast + 1 / slow))


def test_ride_golden() -> None:
    assert zwo_of(planned("tempo", "sweetspot", RIDER, "40km_tt"), ftp_w=280.0).decode() == GOLDEN_RIDE


def test_run_by_distance_becomes_seconds_and_shares_of_the_10k_pace() -> None:
    root = zwo(planned("interval", "vo2", RUNNER, "10k"), RUNNER)
    intervals = root.find("workout/IntervalsT")
    assert root.findtext("sportType") == "run" and intervals is not None
    assert (intervals.attrib["Repeat"], intervals.attrib["OnDuration"]) == ("5", "142")  # 600 m at 3:54 to 3:58
    assert intervals.attrib["pace"] == "2"
    pace = 255.0 / 1.02 / float(intervals.attrib["OnPower"])  # 10 km pace is 2 % faster than threshold
    assert 234 <= pace <= 238


def test_hills_without_a_pace_are_free_efforts_that_say_what_to_do() -> None:
    root = zwo(planned("repetition", "hills", RUNNER, "10k"), RUNNER)
    free = root.findall("workout/FreeRide")
    assert [e.attrib for e in free] == [{"Duration": "60"}] * 6
    assert {e.attrib["message"] for e in root.iter("textevent")} == {"effort 8–9 of 10, hard uphill, 5 km effort"}
    assert root.find("workout/IntervalsT") is None


def test_every_session_of_every_plan_is_a_zwift_workout_or_a_race(
    plans: list[tuple[list[ScheduledSession], Intensities]],
) -> None:
    refused = []
    for sessions, zones in plans:
        for session in sessions:
            try:
                root = zwo(session, zones)
            except NotExportable:
                refused.append(session.kind)
                continue
            steps = list(unrolled(session.prescribed_work["steps"]))
            assert zwo_seconds(root) == pytest.approx(sum(map(seconds_of, steps)), abs=0.51 * len(steps))
            if all("duration_min" in step for step in steps):
                assert zwo_seconds(root) == pytest.approx(60 * session.prescribed_work["duration_min"], abs=30)
            powers = zwo_powers(root)
            assert powers and all(0.2 <= power <= 2.0 for power in powers)
    assert refused == ["race"] * len(PLANS)


@given(requests())
def test_any_session_is_a_zwift_workout_or_refused(request_: tuple[SessionSpec, Intensities]) -> None:
    spec, zones = request_
    session = scheduled(build_session(spec, zones))
    known = zones.ftp_w if zones.sport == "cycling" else zones.threshold_pace
    steps = list(unrolled(session.prescribed_work["steps"]))
    if known is None or not steps:
        with pytest.raises(NotExportable):
            zwo(session, zones)
        return
    root = zwo(session, zones)
    assert zwo_seconds(root) == pytest.approx(sum(map(seconds_of, steps)), abs=0.51 * len(steps))
    assert all(0.2 <= power <= 2.0 for power in zwo_powers(root))


def watts(low: Any, high: Any) -> dict[str, Any]:
    return {"type": "work", "duration_min": 10, "target": {"power_w": [low, high], "text": "ride"}}


@pytest.mark.parametrize(
    ("session", "thresholds"),
    [
        (handmade(), {"threshold_pace_s_per_km": 250.0}),
        (handmade({"type": "work", "duration_min": 10}, kind="rest"), {"threshold_pace_s_per_km": 250.0}),
        (handmade({"type": "work", "duration_min": 10}), {"threshold_pace_s_per_km": 250.0}),
        (handmade(watts(200, 210), modality="cycling"), {}),
        (handmade(watts(200, 210), modality="cycling"), {"ftp_w": 0.0}),
        (handmade(watts(800, 900), modality="cycling"), {"ftp_w": 250.0}),
        (handmade(watts(30, 40), modality="cycling"), {"ftp_w": 250.0}),
        (handmade(watts(200, 210), modality="swimming"), {"ftp_w": 250.0}),
        (
            handmade(watts(200, 210), {"type": "work", "distance_m": 5000}, modality="cycling"),
            {"ftp_w": 250.0},
        ),
        (handmade({**watts(200, 210), "duration_min": 1e300}, modality="cycling"), {"ftp_w": 250.0}),
        (handmade(*[{"type": "work", "repeat": 100, "steps": [watts(200, 210)] * 11}], modality="cycling"),
         {"ftp_w": 250.0}),
    ],
    ids=["no steps", "rest", "no target", "no FTP", "FTP 0", "too hard", "too easy", "swim", "metres on a bike",
         "endless", "too many"],
)  # fmt: skip
def test_zwift_refuses_what_it_cannot_say(session: ScheduledSession, thresholds: dict[str, float]) -> None:
    with pytest.raises(NotExportable):
        zwo_of(session, **thresholds)


def test_repeated_steps_of_another_shape_are_unrolled() -> None:
    block = {"type": "work", "repeat": 2, "steps": [watts(240, 260), watts(190, 210), watts(140, 160)]}
    alone = {"type": "work", "repeat": 3, "steps": [watts(240, 260)]}
    root = zwo(handmade(block, alone, modality="cycling"), replace(RIDER, ftp_w=200.0))
    assert [e.attrib["Power"] for e in root.iter("SteadyState")] == ["1.250", "1.000", "0.750"] * 2 + ["1.250"] * 3


# FIT


def fit_messages(data: bytes) -> dict[str, list[dict[str, Any]]]:
    """Return the messages of a FIT file by name, values raw, as they stand in the file; a wrong CRC raises."""
    found: dict[str, list[dict[str, Any]]] = {}
    with fitdecode.FitReader(io.BytesIO(data), check_crc=fitdecode.CrcCheck.RAISE) as reader:
        for frame in reader:
            if isinstance(frame, fitdecode.FitDataMessage):
                fields = {field.name: field.raw_value for field in frame.fields if field.raw_value is not None}
                found.setdefault(frame.name, []).append(fields)
    return found


def steps_in_fit(raw: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the step messages of prescribed steps must hold, in FIT's own numbers."""
    found: list[dict[str, Any]] = []
    for step in raw:
        first = len(found)
        found += [step_in_fit(inner) for inner in step.get("steps", [step])]
        if step.get("repeat", 1) > 1:
            found.append({"duration_type": 6, "duration_step": first, "target_type": 2, "repeat_steps": step["repeat"]})
    return [{"message_index": index} | fields for index, fields in enumerate(found)]


def step_in_fit(step: dict[str, Any]) -> dict[str, Any]:
    target = step.get("target", {})
    found: dict[str, Any] = {"intensity": {"warmup": 2, "recovery": 1, "cooldown": 3}.get(step["type"], 0)}
    if "distance_m" in step:
        found |= {"duration_type": 1, "duration_distance": round(step["distance_m"] * 100)}
    else:
        found |= {"duration_type": 0, "duration_time": round(step["duration_min"] * 60) * 1000}
    long = step.get("duration_min", 0) >= 3 or step.get("distance_m", 0) >= 1000
    if "power_w" in target:
        low, high = (1000 + w for w in target["power_w"])
        return found | {"target_type": 4, "custom_target_power_low": low, "custom_target_power_high": high}
    if "pace_s_per_km" in target:
        high, low = (round(1_000_000 / pace) for pace in target["pace_s_per_km"])
        return found | {"target_type": 0, "custom_target_speed_low": low, "custom_target_speed_high": high}
    if "hr" in target and long:
        low, high = (100 + beats for beats in target["hr"])
        return found | {"target_type": 1, "custom_target_heart_rate_low": low, "custom_target_heart_rate_high": high}
    return found | {"target_type": 2}


def check_fit(session: ScheduledSession) -> None:
    messages = fit_messages(fit_of(session))
    expected = steps_in_fit(session.prescribed_work["steps"])
    (workout,) = messages["workout"]
    assert workout["num_valid_steps"] == len(messages["workout_step"]) == len(expected)
    assert workout["sport"] == {"running": 1, "cycling": 2}[session.modality]
    for fields, step in zip(messages["workout_step"], expected, strict=True):
        assert {name: fields.get(name) for name in step} == step
        others = {name for name in fields if name.startswith("custom_target") or name == "repeat_steps"}
        assert others <= set(step)


GOLDEN_STEPS = """\
0 Warm-up   warmup   20:00 speed 2.825 3.058
1 Work      active   600 m speed 4.202 4.274
2 Recovery  rest     2:00 speed 2.488 2.688
3 5 times from 1
4 Steady    active   23:00 speed 2.825 3.058
5 Cool-down cooldown 10:00 speed 2.825 3.058
"""


def test_fit_golden() -> None:
    data = fit_of(planned("interval", "vo2", RUNNER, "10k"))
    lines = []
    with fitdecode.FitReader(io.BytesIO(data), check_crc=fitdecode.CrcCheck.RAISE) as reader:
        for frame in reader:
            if not isinstance(frame, fitdecode.FitDataMessage) or frame.name != "workout_step":
                continue
            get = frame.get_value
            if get("duration_type") == "repeat_until_steps_cmplt":
                lines.append(f"{get('message_index')} {get('repeat_steps')} times from {get('duration_step')}")
                continue
            if get("duration_type") == "time":
                minutes, seconds = divmod(round(get("duration_time")), 60)
                size = f"{minutes}:{seconds:02d}"
            else:
                size = f"{get('duration_distance'):g} m"
            low, high = get("custom_target_speed_low"), get("custom_target_speed_high")
            head = f"{get('message_index')} {get('wkt_step_name'):<9} {get('intensity'):<8} {size}"
            lines.append(f"{head} {get('target_type')} {low} {high}")
    assert "\n".join(lines) + "\n" == GOLDEN_STEPS


def test_every_session_of_every_plan_is_a_fit_workout_or_a_race(
    plans: list[tuple[list[ScheduledSession], Intensities]],
) -> None:
    refused = []
    for sessions, _ in plans:
        for session in sessions:
            try:
                check_fit(session)
            except NotExportable:
                refused.append(session.kind)
    assert refused == ["race"] * len(PLANS)


@given(requests())
def test_any_session_is_a_fit_workout_or_refused(request_: tuple[SessionSpec, Intensities]) -> None:
    session = scheduled(build_session(*request_))
    if not session.prescribed_work["steps"]:
        with pytest.raises(NotExportable):
            fit_of(session)
        return
    check_fit(session)


def test_strength_is_a_fit_workout_without_a_target() -> None:
    messages = fit_messages(fit_of(planned("strength", "", RUNNER, "10k")))
    assert (messages["workout"][0]["sport"], messages["workout"][0]["sub_sport"]) == (10, 20)
    assert [(s["target_type"], s["duration_time"]) for s in messages["workout_step"]] == [(2, 40 * 60_000)]


def test_heart_rate_is_no_target_of_short_steps() -> None:
    target = {"hr": [150, 160]}
    steps = [{"type": "work", "duration_min": m, "target": target} for m in (2.9, 3)]
    steps += [{"type": "work", "distance_m": m, "target": target} for m in (800, 1000)]
    messages = fit_messages(fit_of(handmade(*steps)))["workout_step"]
    assert [m["target_type"] for m in messages] == [2, 1, 2, 1]
    assert [m.get("custom_target_heart_rate_high") for m in messages] == [None, 260, None, 260]


@pytest.mark.parametrize(
    ("typed", "aim"),
    [
        ([210, 200], (1200, 1210)),
        ([200.4, 209.6], (1200, 1210)),
        ([0, 200], None),
        ([200, 3001], None),
        ([200, float("nan")], None),
        ([200], None),
        ([200, 205, 210], None),
        (["200", 210], None),
        ([True, 210], None),
        (200, None),
        (None, None),
    ],
)
def test_only_two_sensible_numbers_are_a_target(typed: Any, aim: tuple[int, int] | None) -> None:
    step = {"type": "work", "duration_min": 10, "target": {"power_w": typed}}
    (message,) = fit_messages(fit_of(handmade(step, modality="cycling")))["workout_step"]
    low, high = message.get("custom_target_power_low"), message.get("custom_target_power_high")
    assert (low, high) == (aim or (None, None))
    assert message["target_type"] == (4 if aim else 2)


def test_fit_file_is_known_by_session_and_version() -> None:
    session = planned("interval", "vo2", RUNNER, "10k")
    assert fit_of(session) == fit_of(session)
    numbers = [
        fit_messages(fit_of(s))["file_id"][0]["serial_number"]
        for s in (session, replace(session, version_number=2), replace(session, session_id="other"))
    ]
    assert len(set(numbers)) == 3
    file_id = fit_messages(fit_of(session))["file_id"][0]
    assert (file_id["type"], file_id["manufacturer"]) == (5, 255)


@pytest.mark.parametrize(
    "session",
    [
        handmade(),
        handmade({"type": "work", "duration_min": 10}, kind="race"),
        handmade({"type": "work", "duration_min": 10}, modality="rest"),
        handmade({"type": "work", "distance_m": 1e7}),
        replace(handmade({"type": "work", "duration_min": 10}), day=date(1, 1, 1)),
        replace(handmade({"type": "work", "duration_min": 10}), day=date(9999, 12, 31)),
    ],
    ids=["no steps", "race", "rest", "10,000 km", "year 1", "year 9999"],
)
def test_fit_refuses_what_it_cannot_say(session: ScheduledSession) -> None:
    with pytest.raises(NotExportable):
        fit_of(session)


@given(st.text(), st.text(), st.text())
def test_any_text_survives_fit(title: str, summary: str, note: str) -> None:
    session = replace(handmade({"type": "work", "duration_min": 10, "note": note}, summary=summary), title=title)
    messages = fit_messages(fit_of(session))
    assert messages["workout"][0]["wkt_name"] == clipped(one_line(title) or "Interval", 60)
    assert (messages["workout_step"][0].get("notes") or "") == clipped(one_line(note), 200)


# every format


@st.composite
def edited(draw: st.DrawFn) -> ScheduledSession:
    """Draw what a coach's edit may make of a session: everything that the document accepts, sensible or not."""
    anything = st.one_of(
        st.none(), st.booleans(), st.text(max_size=5), st.floats(), st.lists(st.integers(), max_size=3)
    )
    numbers = st.lists(st.one_of(st.integers(-10, 10**6), st.floats(), st.text(max_size=2)), max_size=3)
    target = st.dictionaries(
        st.sampled_from(["power_w", "pace_s_per_km", "hr", "text", "zone"]), st.one_of(anything, numbers), max_size=4
    )
    size = st.floats(min_value=0, exclude_min=True, allow_nan=False, allow_infinity=False)
    leaf = st.builds(
        lambda type_, name, value, target, note: {"type": type_, name: value, "target": target, "note": note},
        st.one_of(st.text(max_size=3), st.sampled_from(["warmup", "work", "cooldown"])),
        st.sampled_from(["duration_min", "distance_m"]),
        st.one_of(size, st.integers(1, 100)), target, anything,
    )  # fmt: skip
    block = st.builds(
        lambda repeat, steps: {"type": "work", "repeat": repeat, "steps": steps},
        st.integers(1, 100), st.lists(leaf, max_size=3),
    )  # fmt: skip
    work = {"steps": draw(st.lists(st.one_of(leaf, block), max_size=4))}
    work |= {name: draw(anything) for name in ("summary", "purpose", "notes")}
    modality = draw(st.sampled_from(["running", "cycling", "strength", "swimming", "mobility", "rest"]))
    session = replace(handmade(modality=modality), title=draw(st.text(max_size=20)), prescribed_work=work)
    return replace(session, day=draw(st.dates()), kind=draw(st.sampled_from(["easy", "race", "rest"])))


@given(edited())
def test_whatever_a_coach_saves_exports_or_is_refused(session: ScheduledSession) -> None:
    entry = session_entry(
        day=session.day.isoformat(), modality=session.modality, kind=session.kind, title="Any", load=1.0,
        prescribed_work=session.prescribed_work, key_session=False,
    )  # fmt: skip
    assert faults(entry) == {}
    assert len(Calendar.from_ical(calendar(session)).walk("VEVENT")) == 1
    for export, read in (
        (lambda s: zwo_of(s, ftp_w=250.0, threshold_pace_s_per_km=250.0), fromstring),
        (fit_of, fit_messages),
    ):
        try:
            data = export(session)
        except NotExportable:
            continue
        assert read(data) is not None


@pytest.mark.parametrize(
    ("typed", "plainly"),
    [
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("bell\x07 null\x00 half\ud83d", "bell null half"),
        ("🚴 ok\tyes ", "🚴 ok\tyes"),
        ("\ufeffno\ufffe mark\uffff", "no mark"),
        (None, ""),
        (3.5, ""),
    ],
)
def test_text_is_plain(typed: Any, plainly: str) -> None:
    assert plain(typed) == plainly


def test_clipping_never_halves_a_character() -> None:
    assert clipped("ab🚴", 5) == "ab" and clipped("ab🚴", 6) == "ab🚴"


def test_exports_need_no_framework() -> None:
    modules = "plans.export.calendar, plans.export.zwo, plans.export.fit"
    code = f"import sys, {modules}; sys.exit(any(m in sys.modules for m in ('django', 'rest_framework', 'celery')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
