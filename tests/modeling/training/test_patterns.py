"""Patterns: an e-process for every night, silent where there is nothing, and about several coaches."""

from __future__ import annotations

import math

import numpy as np
import pytest

from modeling.training.exposed import Exposures
from modeling.training.null_cohorts import Planted, cohort, false_proposals
from modeling.training.patterns import (
    LEAST_COACHES,
    Pattern,
    Units,
    combined,
    family,
    highest,
    highest_of_family,
    measured,
    significant,
    threshold,
    units_of,
)

pytestmark = pytest.mark.pure
SATURDAY = Pattern("shortened", "long", "weekday", "5")
EVERY_NIGHT = [float(night) for night in range(1, 366)]


def test_the_threshold_counts_every_pattern_that_is_looked_at() -> None:
    assert threshold(0.05) == pytest.approx(math.log(len(family()) / 0.05))
    assert len({one.key for one in family()}) == len(family())


def test_a_planted_pattern_is_found_and_described() -> None:
    found = significant(cohort(5, planted=Planted(SATURDAY, 0.5, 0.6)))
    assert [one.pattern for one in found] == [SATURDAY]
    [one] = found
    assert one.inside > one.outside + 0.1
    assert one.factor == pytest.approx(0.85)
    assert one.by_coaches >= LEAST_COACHES


def test_null_cohorts_propose_nothing() -> None:
    """5 cohorts at every night of a year; at most 5 % of such cohorts may propose, so that 3 of 5 would be a chance
    of 1 in 800. The full simulation is `false_proposals` of 200 seeds."""
    found = false_proposals(range(5), coaches=10, submissions=16)
    assert found.cohorts == 5
    assert found.proposed < 3
    assert found.low <= found.rate <= found.high


def test_the_simulation_does_see_a_proposal() -> None:
    assert highest_of_family(cohort(5, planted=Planted(SATURDAY, 0.5, 0.6)), EVERY_NIGHT) >= threshold()


def test_an_e_value_is_at_most_one_on_average_under_the_null() -> None:
    """4,000 sets of 6 coaches with fair differences, few enough that rare large values are seen: the mean of e is at
    most 1, up to 4 standard errors."""
    draw = np.random.default_rng(0)
    found = []
    for _ in range(4_000):
        coach = np.repeat(np.arange(6), 4)
        difference = draw.choice([-0.5, 0.0, 0.5], size=24)
        found.append(math.exp(highest(Units(coach, np.arange(24.0), difference), [24.0])))
    values = np.array(found)
    assert values.mean() <= 1 + 4 * values.std() / math.sqrt(len(values))


def test_ever_reaching_twenty_is_rarer_than_one_in_twenty() -> None:
    """1,500 null sets watched after every unit: Ville's bound is 5 %, and 3 standard errors above it are 6.7 %."""
    draw = np.random.default_rng(1)
    coach = np.tile(np.arange(5), 40)
    nights = np.arange(200.0).tolist()
    reached = sum(
        highest(Units(coach, np.arange(200.0), draw.choice([-1.0, 0.0, 1.0], size=200)), nights) >= math.log(20)
        for _ in range(1_500)
    )
    assert reached / 1_500 < 0.05 + 3 * (0.05 * 0.95 / 1_500) ** 0.5


@pytest.mark.parametrize("doers", [1, 2])
def test_one_or_two_coaches_are_no_pattern_however_sure_they_are(doers: int) -> None:
    logs = np.concatenate([np.full(doers, 500.0), np.zeros(10)])
    assert combined(logs) <= 1e-9
    assert combined(np.full(LEAST_COACHES - 1, 500.0)) == 0.0


def test_three_coaches_are_one() -> None:
    assert combined(np.concatenate([np.full(3, 50.0), np.zeros(10)])) > threshold()


def test_a_coach_who_does_not_do_it_costs_little() -> None:
    doing = np.full(8, 6.0)
    assert combined(np.concatenate([doing, np.full(8, -20.0)])) > 0.4 * combined(doing)


def test_units_compare_a_submission_with_itself_or_pair_a_coachs_submissions() -> None:
    of = cohort(2, coaches=4, submissions=5)
    sessions = of.sessions
    long_runs = sessions.kind == 1
    made = of.did("shortened") & long_runs
    cell = long_runs & (sessions.weekday == 5)
    units = units_of(of, cell, long_runs & ~cell, made)
    expected: list[tuple[int, float, float]] = []
    for coach in range(4):
        alone: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for review in np.flatnonzero(of.reviews.coach == coach):
            for far in (0, 1):
                mine = (sessions.review == review) & (sessions.is_far == far)
                inside, outside = mine & cell, mine & long_runs & ~cell
                day = float(of.reviews.day[review])
                if inside.any() and outside.any():
                    expected.append((coach, day, made[inside].mean() - made[outside].mean()))
                elif inside.any() or outside.any():
                    side = "in" if inside.any() else "out"
                    alone.setdefault((side, far), []).append((day, float(made[inside | outside].mean())))
        for far in (0, 1):
            for (d1, x1), (d2, x2) in zip(alone.get(("in", far), []), alone.get(("out", far), []), strict=False):
                expected.append((coach, max(d1, d2), x1 - x2))
    found = list(zip(units.coach.tolist(), units.day.tolist(), units.difference.tolist(), strict=True))
    assert len(found) == len(expected) > 8
    assert np.array(sorted(found)) == pytest.approx(np.array(sorted(expected)))
    assert (np.diff(units.day) >= 0).all()


def test_the_last_night_is_what_is_measured_now() -> None:
    of = cohort(3, planted=Planted(SATURDAY, 0.4, 0.5))
    now = {one.pattern: one.log_e for one in measured(of)}
    assert now[SATURDAY] <= highest_of_family(of, EVERY_NIGHT) + 0.001


def test_the_same_cohort_gives_the_same_evidence() -> None:
    assert measured(cohort(4)) == measured(cohort(4))


def test_an_empty_history_has_no_pattern() -> None:
    of = cohort(0, coaches=3, submissions=1)
    empty: Exposures = of.of(np.zeros(len(of.sessions.kind), dtype=bool))
    assert significant(empty) == ()
