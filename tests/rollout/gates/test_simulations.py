"""A healthy feature stays, a bad one is caught; the full runs are in `bench/gates_bench.py`."""

from __future__ import annotations

import math
import random
from datetime import timedelta
from statistics import median

import pytest

from rollout.policy.model import Policy
from tests.rollout.gates.policies import policy_of
from tests.rollout.gates.traffic import exposures_until_caught, false_rollback

pytestmark = pytest.mark.pure

WEEKS = 40
CAUGHT_RUNS = 150


@pytest.fixture(scope="module")
def hourly() -> Policy:
    """Every gate that rolls back, looked at each hour."""
    return policy_of(window_minutes=60)


@pytest.mark.parametrize("error", [0.002, 0.01])
def test_a_week_of_two_equal_arms_rolls_back_in_two_percent_at_most(hourly, error):
    chosen = random.Random(f"weeks {error}")
    tripped = 0
    for _ in range(WEEKS):
        requests = 12 * math.exp(chosen.uniform(math.log(5), math.log(5000)))
        seed = chosen.randrange(2**32)
        week = timedelta(days=7)
        tripped += false_rollback(hourly, 0, a_window=requests, error=error, span=week, seed=seed) is not None
    assert tripped / WEEKS <= 0.02 + 3 * math.sqrt(0.02 * 0.98 / WEEKS)


def test_three_times_the_errors_are_caught_before_3000_exposures_an_arm():
    policy = policy_of()
    found = [
        exposures_until_caught(policy, 0, "errors", a_window=40, most=3000, seed=seed, before=0.01, after=0.03)
        for seed in range(CAUGHT_RUNS)
    ]
    caught = [new for new, _ in filter(None, found)]
    assert len(caught) / CAUGHT_RUNS >= 0.99 - 3 * math.sqrt(0.99 * 0.01 / CAUGHT_RUNS)
    assert median(caught) <= 900
