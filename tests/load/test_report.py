"""Figures of a run under load, and what its report says of them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tests.load.report import Route, Run, Step, as_json, from_json, percentile, report, route_of

pytestmark = pytest.mark.pure


def step(times: Sequence[float], errors: Sequence[str] = (), ramp_errors: Sequence[str] = ()) -> Step:
    quick, slow = route_of("GET /me/week", [10.0] * 3, 0), route_of("POST /plans", [250.0], len(errors))
    log_in = route_of("POST /auth/token", [400.0], 0)
    return Step(50, 2.0, route_of("all", times, len(errors)), [quick, slow], list(errors), [log_in], list(ramp_errors))


@pytest.mark.parametrize(("q", "expected"), [(50, 20.0), (51, 30.0), (75, 30.0), (99, 40.0), (100, 40.0), (1, 10.0)])
def test_percentiles_are_times_that_were_measured(q: float, expected: float) -> None:
    assert percentile([40.0, 10.0, 30.0, 20.0], q) == expected


@pytest.mark.parametrize(("times", "q"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_no_percentile_of_nothing(times: list[float], q: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(times, q)


def test_the_budget_is_the_median_and_no_error_not_even_while_people_arrive() -> None:
    assert step([199.0, 199.0, 5000.0]).held
    assert not step([200.0, 200.0, 1.0]).held
    assert not step([1.0], errors=["POST /plans: 500"]).held
    assert not step([1.0], ramp_errors=["POST /auth/token: 429"]).held


def test_steps_survive_the_way_from_the_client() -> None:
    found = [step([1.0, 2.0], errors=["x: 500"])]
    assert from_json(json.loads(json.dumps(as_json(found)))) == found


def test_the_report_tells_figures_errors_and_what_missed() -> None:
    run = Run(
        facts={"machine": "2 cores"},
        rows={"plans": 10_000},
        steps=[step([10.0, 20.0, 900.0]), step([300.0], errors=["POST /plans: 500"])],
        usage={"web": 12.3},
        lists_rows={"plans": 100_000},
        lists=[Route("coach /api/v1/plans", 30, 0, 12.0, 15.0, 18.0, 18.4)],
    )
    told = report(run)
    assert "| machine | 2 cores |" in told and "10,000 plans" in told and "web 12" in told
    assert "| 50 | 1.5 | 20 | 900 | 900 | 0 | held |" in told
    assert "| 50 | 0.5 | 300 | 300 | 300 | 1 | **missed** |" in told
    assert "- POST /plans: 500" in told
    assert "own median is 200 ms or more: `POST /plans`." in told
    assert "| `POST /auth/token` | 1 | 400 | 400 | 400 | 400 | 0 |" in told
    assert (
        "## List pages with 100,000 plans" in told and "| `coach /api/v1/plans` | 30 | 12 | 15 | 18 | 18 | 0 |" in told
    )
