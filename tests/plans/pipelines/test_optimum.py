"""The weekly optimum: feasible, better than other feasible weeks, the same sparse and dense, and never absurd."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling.core.guards import LIMITS, StartState
from modeling.core.optimum import GROWTH, WeekModel, best_weeks
from plans.pipelines.frames import cycles
from plans.pipelines.response import population_gains

pytestmark = pytest.mark.pure

STATE = StartState(
    ctl=50.0, atl=50.0, reference_week=350.0, longest_session=100.0, ctl_ceiling=81.0, limits=LIMITS["advanced"]
)
SHARES = np.array([0.0, 0.17, 0.13, 0.17, 0.0, 0.18, 0.35])


def weeks(n: int, *, cap: float = 2000.0, sign: float = 1.0) -> list[WeekModel]:
    """Return `n` weeks up to a race on a Sunday, the last two of them taper."""
    roles = ["recovery" if r else "loading" for r in cycles(n - 2, short=False)] + ["taper", "taper"]
    gains = population_gains(7 * n - 1) * sign
    found = []
    for k, role in enumerate(roles):
        shares = SHARES[:6] / SHARES[:6].sum() if k == n - 1 else SHARES
        found.append(WeekModel(role, shares, gains[7 * k : 7 * k + len(shares)], cap))
    return found


def value(models: list[WeekModel], loads: np.ndarray) -> float:
    return float(sum(w.shares @ w.gains * load for w, load in zip(models, loads, strict=True)))


@pytest.mark.parametrize("n", [4, 8, 16, 52])
def test_sparse_and_dense_agree(n: int) -> None:
    sparse, dense = best_weeks(weeks(n), STATE), best_weeks(weeks(n), STATE, sparse=False)
    assert value(weeks(n), sparse.loads) == pytest.approx(value(weeks(n), dense.loads), rel=1e-3)


@pytest.mark.parametrize("n", range(3, 53, 7))
def test_loading_weeks_grow_slowly_and_recovery_weeks_are_lighter(n: int) -> None:
    models = weeks(n)
    loads = best_weeks(models, STATE).loads
    reference = STATE.reference_week
    for model, load in zip(models, loads, strict=True):
        if model.role == "loading":
            assert 0.84 * reference < load <= GROWTH * reference + 1e-6
            reference = load
        elif model.role == "recovery":
            assert 0.55 * reference < load < 0.75 * reference


def test_it_beats_a_steady_plan_of_the_same_start() -> None:
    models = weeks(12)
    loads = best_weeks(models, STATE).loads
    steady = np.array([350.0 * {"loading": 1.0, "recovery": 0.7, "taper": 0.5}[w.role] for w in models])
    assert value(models, loads) > value(models, steady) * 1.1


def test_an_absurd_response_still_gives_a_training_plan() -> None:
    """A fit may say that all load harms; the unguarded optimum would be complete rest."""
    models = weeks(16, sign=-1.0)
    loads = best_weeks(models, STATE).loads
    loading = [load for load, w in zip(loads, models, strict=True) if w.role == "loading"]
    assert min(loading) > 200
    assert np.mean(loading[-3:]) > np.mean(loading[:3])


def test_a_start_too_tired_for_the_floor_of_form_is_said_and_not_an_error() -> None:
    tired = replace(STATE, ctl=40.0, atl=120.0)
    assert best_weeks(weeks(4), tired).slacks["form_floor"] > 1


def test_the_ceiling_that_binds_is_named() -> None:
    assert "session_growth" in best_weeks(weeks(16, cap=400.0), STATE).binding
    assert "ctl_ceiling" in best_weeks(weeks(40), STATE).binding


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 200), st.floats(0, 250), st.floats(30, 1500), st.integers(1, 30), st.floats(20, 3000))
def test_there_is_always_an_answer(ctl: float, atl: float, reference: float, n: int, cap: float) -> None:
    state = replace(STATE, ctl=ctl, atl=atl, reference_week=reference, ctl_ceiling=max(81.0, ctl))
    models = weeks(max(n, 3), cap=cap)
    loads = best_weeks(models, state).loads
    assert np.all(np.isfinite(loads)) and loads.min() >= 0 and loads.max() <= cap + 1e-6
