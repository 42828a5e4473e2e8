"""Sessions: what holds for every one, and what a coach would look for in some."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.pipelines.contract import PlannedSession
from plans.pipelines.intensity import LEVELS, Intensities
from plans.pipelines.sessions import MAX_HARD_SHARE, SessionSpec, build_session, min_load

pytestmark = pytest.mark.pure
DAY = date(2026, 5, 5)
FOCI = {
    "easy": ("easy", "strides", "recovery"),
    "long": ("easy", "progressive", "race_pace"),
    "tempo": ("threshold", "race_pace", "light", "sharpen", "sweetspot", "tempo"),
    "interval": ("vo2", "race_pace", "sharpen"),
    "repetition": ("speed", "hills"),
}
RACES = {"running": ("5k", "10k", "half_marathon", "marathon"), "cycling": ("40km_tt", "gran_fondo")}
RUNNER = Intensities("r", "running", "intermediate", threshold_pace=255.0, threshold_hr=170.0, performance=50.0)
RIDER = Intensities("c", "cycling", "advanced", ftp_w=280.0, performance=280.0)


@st.composite
def requests(draw: st.DrawFn) -> tuple[SessionSpec, Intensities]:
    sport = draw(st.sampled_from(["running", "cycling"]))
    level = draw(st.sampled_from(LEVELS))
    kind = draw(st.sampled_from(sorted(FOCI)))
    known = draw(st.booleans())
    value = draw(st.floats(28, 75) if sport == "running" else st.floats(120, 420))
    pace = draw(st.floats(185, 420)) if sport == "running" and known else None
    zones = Intensities(
        "a", sport, level, pace, value if sport == "cycling" and known else None, draw(st.sampled_from([None, 168.0])),
        draw(st.sampled_from([None, 38.0, 60.0])), value if known else None,
    )  # fmt: skip
    target = draw(st.floats(0, 320))
    spec = SessionSpec(
        DAY, 0, kind, draw(st.sampled_from(FOCI[kind])), target,  # type: ignore[arg-type]
        draw(st.sampled_from(["base", "build", "peak", "taper", "race"])),
        draw(st.integers(1, 8)), draw(st.sampled_from(RACES[sport])), level, sport, draw(st.integers(0, 2**31)),
        draw(st.one_of(st.none(), st.floats(0, 300))), draw(st.one_of(st.none(), st.floats(20, 400))),
    )  # fmt: skip
    return spec, zones


def leaves(steps: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    for step in steps:
        if "steps" in step:
            yield from ((step["repeat"] * n, inner) for n, inner in leaves(step["steps"]))
        else:
            yield 1, step


def minutes(step: dict[str, Any], zones: Intensities) -> float:
    if "duration_min" in step:
        return float(step["duration_min"])
    return float(step["distance_m"]) / zones.assumed_speed(step["target"]["zone"]) / 60


@given(requests())
def test_every_session_keeps_its_ceilings_and_adds_up(request_: tuple[SessionSpec, Intensities]) -> None:
    spec, zones = request_
    session = build_session(spec, zones)
    work = session.prescribed_work
    parts = [(n * minutes(step, zones), step["target"]["zone"]) for n, step in leaves(work["steps"])]
    assert work["duration_min"] % 5 == 0
    assert session.load <= (math.inf if spec.max_load is None else spec.max_load) + 1e-6
    assert work["duration_min"] <= (math.inf if spec.max_minutes is None else spec.max_minutes)
    assert sum(m for m, _ in parts) == pytest.approx(work["duration_min"], abs=1.0)
    load = sum(m / 60 * 100 * zones.factor(zone) ** 2 for m, zone in parts)
    assert session.load == pytest.approx(load, abs=0.06) and session.load == round(session.load, 1)
    assert 0 <= work["hard_min"] <= 0.51 * work["duration_min"]
    assert all(step["target"]["text"] for _, step in leaves(work["steps"]))
    assert session.kind in (spec.kind, "easy", "rest")
    assert len(session.title) <= 10 and work["purpose"]


@pytest.mark.parametrize("most", [None, 50.0, 44.0])
def test_a_ceiling_on_the_load_makes_no_session_harder(most: float | None):
    zones = Intensities("a", "running", "beginner")
    session = build_session(
        SessionSpec(DAY, 0, "tempo", "threshold", 50.0, "base", 8, "10k", "beginner", "running", 1, most, None), zones
    )
    work = session.prescribed_work
    assert work["hard_min"] <= MAX_HARD_SHARE["tempo"] * work["duration_min"]
    assert session.load <= (most or math.inf)


@given(requests())
def test_load_is_as_near_the_target_as_five_minutes_allow(request_: tuple[SessionSpec, Intensities]) -> None:
    spec, zones = request_
    spec = replace(spec, max_load=None, max_minutes=None, target_load=max(spec.target_load, min_load(spec.kind, zones)))
    session = build_session(spec, zones)
    assert session.kind == spec.kind
    assert abs(session.load - spec.target_load) <= 4.1


@given(requests())
def test_the_same_request_gives_the_same_session(request_: tuple[SessionSpec, Intensities]) -> None:
    assert build_session(*request_) == build_session(*request_)


def session(kind: str, focus: str, load: float, zones: Intensities = RUNNER, **more: Any) -> PlannedSession:
    race = "marathon" if zones.sport == "running" else "gran_fondo"
    values: dict[str, Any] = {"phase": "build", "week_in_phase": 1, "race": race, "seed": 1} | more
    return build_session(
        SessionSpec(DAY, 0, kind, focus, load, level=zones.level, sport=zones.sport, **values),
        zones,  # type: ignore[arg-type]
    )


def test_interval_session_reads_like_a_coachs_note() -> None:
    work = session("interval", "vo2", 75.0, phase="peak").prescribed_work
    assert [step["type"] for step in work["steps"]][0] == "warmup"
    block = next(step for step in work["steps"] if "repeat" in step)
    target = block["steps"][0]["target"]
    assert target["pace_s_per_km"][0] == pytest.approx(234, abs=3), "interval pace of VDOT 50 is 3:55 a km"
    assert block["steps"][1]["type"] == "recovery"
    assert "warm-up" in work["summary"] and "/km" in work["summary"] and "cool-down" in work["summary"]


def test_main_sets_grow_over_the_weeks_of_a_phase_and_shrink_in_the_taper() -> None:
    for zones, kind, focus in (
        (RUNNER, "tempo", "threshold"),
        (RUNNER, "interval", "vo2"),
        (RIDER, "tempo", "sweetspot"),
    ):
        hard = [
            session(kind, focus, 110.0, zones, phase="build", week_in_phase=w).prescribed_work["hard_min"]
            for w in range(1, 6)
        ]
        # By metres or by minutes: a variant may be a little shorter than the one before.
        assert hard[-1] > hard[0] and all(b >= a - 2 for a, b in zip(hard, hard[1:], strict=False)), (kind, hard)
        peak = session(kind, focus, 110.0, zones, phase="peak", week_in_phase=3)
        taper = session(kind, focus, 60.0, zones, phase="taper")
        assert taper.prescribed_work["hard_min"] < peak.prescribed_work["hard_min"]


def test_seed_varies_the_sets_and_not_the_load() -> None:
    found = [session("tempo", "threshold", 80.0, seed=seed) for seed in range(6)]
    assert len({s.title for s in found}) > 1
    assert max(s.load for s in found) - min(s.load for s in found) < 5
    assert len({s.session_id for s in found}) == 6


def test_long_run_holds_race_pace_where_the_week_asks_for_it() -> None:
    first, second = (session("long", focus, 140.0) for focus in ("race_pace", "easy"))
    zones = [step["target"]["zone"] for _, step in leaves(first.prescribed_work["steps"])]
    assert "marathon" in zones and first.title.startswith("Long ")
    assert second.prescribed_work["hard_min"] == 0


def test_hard_session_too_small_to_be_one_becomes_easy_and_a_tiny_one_rest() -> None:
    small = session("interval", "vo2", 15.0, key_session=True)
    assert small.kind == "easy" and not small.key_session
    assert session("easy", "easy", 1.0, max_load=2.0).kind == "rest"
    assert session("rest", "", 0.0).prescribed_work["duration_min"] == 0


def test_easy_pace_is_slower_than_marathon_pace_is_slower_than_threshold() -> None:
    paces = [RUNNER.target(z)["pace_s_per_km"][0] for z in ("easy", "marathon", "threshold", "interval", "repetition")]
    assert paces == sorted(paces, reverse=True)


def test_targets_fall_back_from_pace_to_heart_rate_to_effort() -> None:
    blind = Intensities("a", "running", "beginner")
    with_heart = replace(blind, threshold_hr=170.0)
    assert "/km" in RUNNER.target("easy")["text"]
    assert with_heart.target("easy")["text"].startswith("HR 128–150")
    assert blind.target("easy")["text"].startswith("effort 2–3 of 10")
    assert "W" in RIDER.target("sweetspot")["text"]


@pytest.mark.parametrize("zones", [RUNNER, RIDER])
def test_race_is_the_full_distance_at_what_can_be_expected(zones: Intensities) -> None:
    race = session("race", "", 0.0, zones, key_session=True)
    step = race.prescribed_work["steps"][0]
    assert step["distance_m"] == (42195 if zones.sport == "running" else 120000)
    hours = zones.race_seconds("marathon" if zones.sport == "running" else "gran_fondo") / 3600
    assert 50 * hours < race.load < 100 * hours
    goal = session("race", "", 0.0, zones, goal_seconds=4 * 3600.0 + 1)
    assert "goal 4:00:01" in goal.prescribed_work["summary"] and goal.load == race.load


def test_strength_session_names_its_exercises() -> None:
    strength = session("strength", "", 15.0)
    assert strength.modality == "strength" and "squat" in strength.prescribed_work["summary"]
    assert strength.prescribed_work["duration_min"] % 5 == 0
