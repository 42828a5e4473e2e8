"""Random requests: no plan breaks a guard that it did not report, by the product's own check and by an
independent one."""

from __future__ import annotations

import pytest

from plans.pipelines.registry import check_plan, generate
from tests.plans.pipelines.random_requests import random_request
from tests.plans.pipelines.resimulate import unreported

pytestmark = pytest.mark.pure
N = 300
CHUNK = 50


@pytest.mark.parametrize("first", range(0, N, CHUNK))
def test_no_plan_breaks_an_unreported_guard(first: int) -> None:
    for seed in range(first, first + CHUNK):
        pipeline, athlete, goal = random_request(seed)
        plan = generate(pipeline, athlete, goal, seed=seed)
        assert check_plan(plan, athlete, goal) == (), seed
        assert unreported(plan, athlete, goal) == [], seed
        _peak_above_start(plan, athlete, goal, seed)


def _peak_above_start(plan, athlete, goal, seed) -> None:  # type: ignore[no-untyped-def]
    """In plans of 16 weeks and more the peak lies above the start, unless a reported guard or ceiling binds."""
    if (goal.race_date - athlete.today).days < 16 * 7:
        return
    loading = [
        sum(s.load for s in w.sessions)
        for w in plan.weeks
        if w.phase in ("base", "build", "peak") and not w.is_recovery and w.monday >= plan.start
    ]
    excused = plan.relaxed or plan.provenance["binding"]
    assert sum(sorted(loading)[-3:]) > sum(loading[:3]) or excused, seed


def test_same_seed_same_plan() -> None:
    pipeline, athlete, goal = random_request(7)
    assert generate(pipeline, athlete, goal, seed=3) == generate(pipeline, athlete, goal, seed=3)


def test_another_seed_gives_other_session_ids() -> None:
    pipeline, athlete, goal = random_request(7)
    one, two = (generate(pipeline, athlete, goal, seed=s).weeks[0].sessions for s in (1, 2))
    assert not {s.session_id for s in one} & {s.session_id for s in two}
