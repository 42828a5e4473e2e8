"""Week shapes: every combination of race, phase, level and days, not samples."""

from __future__ import annotations

from itertools import chain, combinations, product

import pytest

from plans.pipelines.microcycle import HARD_KINDS, WeekShape, gap, week_shape

pytestmark = pytest.mark.pure
RACES = {"running": ("5k", "10k", "half_marathon", "marathon"), "cycling": ("40km_tt", "gran_fondo")}
PHASES = ("base", "build", "peak", "taper", "race", "recovery")
LEVELS = ("beginner", "intermediate", "advanced", "elite")
DAYS = [frozenset(d) for d in chain.from_iterable(combinations(range(7), n) for n in range(1, 8))]
ALL_DAYS = frozenset(range(7))


def every_shape(days: list[frozenset[int]]) -> list[tuple[str, str, str, frozenset[int], bool, WeekShape]]:
    found = []
    for (sport, races), phase, level, available, rest in product(RACES.items(), PHASES, LEVELS, days, (False, True)):
        for race in races:
            shape = week_shape(sport, race, phase, level, available, is_recovery=rest)
            found.append((race, phase, level, available, rest, shape))
    return found


def test_every_shape_keeps_the_rules_of_a_week() -> None:
    for race, phase, level, available, rest, shape in every_shape(DAYS):
        days = [s.weekday for s in shape.slots]
        where = (race, phase, level, sorted(available), rest)
        assert set(days) <= available and len(set(days)) == len(days) and days == sorted(days), where
        assert 1 <= len(days) <= 6, where
        assert sum(s.share for s in shape.slots) == pytest.approx(1.0), where
        assert all(gap(a, b) >= 2 for a, b in combinations(shape.hard_days, 2)), where
        assert sum(s.kind == "long" for s in shape.slots) <= 1, where
        if len(days) >= 4:
            assert max(s.share for s in shape.slots) <= 0.35, where
        if rest or phase == "recovery":
            assert len(shape.hard_days) <= 1 and not any(s.key_session for s in shape.slots), where


@pytest.mark.parametrize(
    ("level", "base", "build"), [("beginner", 3, 4), ("intermediate", 4, 5), ("advanced", 5, 6), ("elite", 6, 6)]
)
def test_sessions_a_week_follow_the_level(level: str, base: int, build: int) -> None:
    assert len(week_shape("running", "10k", "base", level, ALL_DAYS).slots) == base
    assert len(week_shape("running", "10k", "build", level, ALL_DAYS).slots) == build


@pytest.mark.parametrize("level", LEVELS)
def test_taper_keeps_frequency_and_quality_of_the_peak(level: str) -> None:
    peak = week_shape("running", "marathon", "peak", level, ALL_DAYS)
    taper = week_shape("running", "marathon", "taper", level, ALL_DAYS)
    assert len(taper.slots) >= 0.8 * len(peak.slots)
    assert [s.kind for s in taper.slots] == [s.kind for s in peak.slots]


def test_long_session_lies_on_the_weekend_and_apart_from_hard_days() -> None:
    shape = week_shape("running", "marathon", "build", "advanced", ALL_DAYS)
    assert next(s.weekday for s in shape.slots if s.kind == "long") == 6
    assert shape.hard_days == (1, 3)
    saturday = week_shape("running", "marathon", "build", "advanced", frozenset({1, 3, 5}))
    assert next(s.weekday for s in saturday.slots if s.kind == "long") == 5


def test_after_the_race_everything_is_easy() -> None:
    for level in LEVELS:
        shape = week_shape("cycling", "gran_fondo", "recovery", level, ALL_DAYS, is_recovery=True)
        assert {s.kind for s in shape.slots} == {"easy"}
        assert not HARD_KINDS & {s.kind for s in shape.slots}


def test_no_day_is_refused() -> None:
    with pytest.raises(ValueError, match="available days"):
        week_shape("running", "5k", "base", "elite", frozenset())
