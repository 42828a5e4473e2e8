"""Each guard of the table: a plan that keeps it passes, the smallest step over it is found and measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.core import guards as g
from modeling.core.guard_checks import CHECKS, breaches, mornings
from modeling.core.guards import LIMITS, Realised, RealisedSession, RealisedWeek, StartState

pytestmark = pytest.mark.pure

STATE = StartState(
    ctl=40.0, atl=40.0, reference_week=280.0, longest_session=90.0, ctl_ceiling=60.0, limits=LIMITS["intermediate"]
)
RACE_DAY = 7 * 6 + 6
DAY_SHARES = {1: 0.2, 2: 0.15, 3: 0.2, 5: 0.15, 6: 0.3}
LOADS = (290.0, 305.0, 320.0, 235.0, 330.0, 185.0, 95.0)
PHASES = ("build", "build", "build", "build", "peak", "taper", "race")


def good_plan() -> Realised:
    """Return a seven-week plan that keeps every guard: three weeks up, one of recovery, a peak week, 13 days of
    taper."""
    weeks, sessions = [], []
    for k, (load, phase) in enumerate(zip(LOADS, PHASES, strict=True)):
        weeks.append(RealisedWeek(k + 1, 7 * k, 7, phase, k == 3, load))
        shares = dict(DAY_SHARES)
        if phase == "race":
            shares = {1: 0.4, 2: 0.25, 3: 0.35}
        for day, share in shares.items():
            hard = day == 2 and phase != "race"
            kind = "tempo" if hard else "easy"
            sessions.append(RealisedSession(7 * k + day, kind, share * load, share * load, 10.0 if hard else 0.0))
    sessions.append(RealisedSession(RACE_DAY, "race", 150.0, 90.0, 90.0))
    return Realised(0, RACE_DAY, frozenset(range(7)), tuple(weeks), tuple(sessions), STATE)


def names(plan: Realised) -> set[str]:
    return {breach.guard for breach in breaches(plan)}


def with_week(plan: Realised, number: int, factor: float) -> Realised:
    """Return the plan with one week's loads (and its target) scaled."""
    week = plan.weeks[number - 1]
    days = range(week.first, week.first + 7)
    sessions = tuple(
        replace(s, load=s.load * factor) if s.day in days and s.kind != "race" else s for s in plan.sessions
    )
    weeks = tuple(replace(w, target_load=w.target_load * factor) if w is week else w for w in plan.weeks)
    return replace(plan, sessions=sessions, weeks=weeks)


def with_session(plan: Realised, day: int, **changes: object) -> Realised:
    return replace(plan, sessions=tuple(replace(s, **changes) if s.day == day else s for s in plan.sessions))  # type: ignore[arg-type]


def all_sessions(plan: Realised, *, hard_share: float) -> Realised:
    return replace(plan, sessions=tuple(replace(s, hard_minutes=s.minutes * hard_share) for s in plan.sessions))


def without_taper(plan: Realised) -> Realised:
    return replace(plan, weeks=tuple(replace(w, phase="peak") if w.phase == "taper" else w for w in plan.weeks))


def test_every_guard_has_one_check_and_an_order_of_its_own() -> None:
    assert set(CHECKS) == set(g.GUARDS)
    orders = [guard.order for guard in g.GUARDS.values() if guard.order]
    assert sorted(orders) == list(range(1, len(orders) + 1))


def test_a_good_plan_breaks_nothing() -> None:
    assert breaches(good_plan()) == ()


@pytest.mark.parametrize(
    ("guard", "broken"),
    [
        ("available_days", replace(good_plan(), available_days=frozenset({0, 1, 2, 3, 5}))),
        ("rest_day", replace(good_plan(), sessions=good_plan().sessions + (
            RealisedSession(0, "easy", 1, 5, 0), RealisedSession(4, "easy", 1, 5, 0)))),
        ("hard_spacing", with_session(good_plan(), 3, kind="interval")),
        ("daily_cap", with_session(good_plan(), 6, load=221.0)),
        ("session_growth", with_session(good_plan(), 6, load=100.0)),
        ("growth", with_week(good_plan(), 1, 1.08)),
        ("recovery_week", with_week(good_plan(), 4, 1.04)),
        ("week_target", with_session(good_plan(), 6, load=60.0)),
        ("race_form", with_week(good_plan(), 7, 3.0)),
        ("long_share", with_session(with_session(good_plan(), 6, load=98.0), 5, load=10.0)),
        ("easy_share", all_sessions(good_plan(), hard_share=0.31)),
        ("taper_volume", with_week(good_plan(), 6, 1.4)),
        ("taper_length", without_taper(good_plan())),
        ("form_floor", replace(good_plan(), state=replace(STATE, atl=85.0))),
        ("ctl_ceiling", replace(good_plan(), state=replace(STATE, ctl_ceiling=41.0))),
        ("ctl_ramp", replace(good_plan(), state=replace(STATE, ctl=2.0, atl=2.0))),
    ],
)  # fmt: skip
def test_a_step_over_is_found(guard: str, broken: Realised) -> None:
    assert guard in names(broken)


def test_a_race_is_exempt_from_the_limits_on_volume() -> None:
    plan = with_session(good_plan(), RACE_DAY, load=900.0)
    assert breaches(plan) == ()


def test_growth_is_measured_over_the_last_week_that_was_no_recovery_week() -> None:
    plan = good_plan()
    assert "growth" not in names(plan)  # week 5 follows a recovery week of 235 with 330
    found = [b for b in breaches(with_week(plan, 5, 1.10)) if b.guard == "growth"]
    assert [b.week for b in found] == [5]
    assert found[0].amount == pytest.approx(330 * 1.10 - 320 * 1.10, abs=0.01)


def test_four_loading_weeks_in_a_row_are_one_too_many() -> None:
    plan = good_plan()
    weeks = tuple(replace(w, is_recovery=False) for w in plan.weeks)
    assert "recovery_week" in names(replace(plan, weeks=weeks))


def test_short_sessions_may_grow_by_five_minutes() -> None:
    assert g.session_ceiling(0.0) == 25.0
    assert g.session_ceiling(30.0) == 35.0
    assert g.session_ceiling(100.0) == pytest.approx(110.0)


@given(st.floats(0, 150), st.integers(1, 200))
def test_ctl_and_atl_of_steady_load_stay(load: float, n_days: int) -> None:
    import numpy as np

    ctl, atl = mornings(np.full(n_days, load), load, load)
    assert ctl[-1] == pytest.approx(load) and atl[-1] == pytest.approx(load)


@given(st.floats(1.01, 3.0))
def test_a_larger_excess_is_never_a_smaller_breach(factor: float) -> None:
    def growth(f: float) -> float:
        return max((b.amount for b in breaches(with_week(good_plan(), 2, f)) if b.guard == "growth"), default=0.0)

    assert growth(factor * 1.1) >= growth(factor)
