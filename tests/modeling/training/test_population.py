"""Many athletes' posteriors at once, and the population that is estimated from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modeling.core.posterior import fit_posterior
from modeling.core.priors import DEFAULT_PRIORS
from modeling.training.grid import moments, statistics, unit_moments
from modeling.training.histories import History, histories
from modeling.training.population import Population, _slopes, estimate, published
from modeling.training.simulate.athletes import Athletes, simulate_athletes
from tests.modeling.training.cohorts import AS_OF, TableStore

pytestmark = pytest.mark.pure

PLANTED = replace(
    DEFAULT_PRIORS,
    mean=(0.85, 0.32, 0.08, 0.0),
    sd=(0.12, 0.06, 0.03, 0.10),
    tau1_days=55.0,
    tau1_log_sd=0.2,
    tau2_days=8.0,
    tau2_log_sd=0.3,
)


def cohort(n: int, seed: int = 1, **more: object) -> tuple[Athletes, list[History]]:
    made = simulate_athletes(n, seed=seed, sports=("running",), **more)  # type: ignore[arg-type]
    return made, histories(TableStore(made.tables), as_of=AS_OF)


def as_numbers(of: object) -> tuple[np.ndarray, np.ndarray]:
    mean = [*of.mean, np.log(of.tau1_days), np.log(of.tau2_days)]  # type: ignore[attr-defined]
    return np.array(mean), np.array([*of.sd, of.tau1_log_sd, of.tau2_log_sd])  # type: ignore[attr-defined]


@pytest.mark.parametrize("priors", [DEFAULT_PRIORS, PLANTED], ids=["published", "planted"])
def test_the_moments_are_those_of_the_fit_that_plans_use(priors):
    _, people = cohort(6)
    seen = moments(statistics(people, priors), *as_numbers(priors))
    for row, one in enumerate(people):
        fit = fit_posterior(one.series, one.tests, priors=priors)
        # The fit leaves out nodes that hold 0.2 % of the weight together.
        assert seen.mean[row, :4] == pytest.approx(fit.weight @ fit.mean, abs=2e-3)
        assert seen.mean[row, 4:] == pytest.approx(
            [fit.weight @ np.log(fit.tau1), fit.weight @ np.log(fit.tau2)], abs=4e-3
        )
        second = fit.weight @ (np.einsum("kii->ki", fit.cov) + fit.mean**2) - (fit.weight @ fit.mean) ** 2
        assert seen.variance[row, :4] == pytest.approx(second, rel=0.02)


def test_with_two_tests_on_one_day_alone_nothing_but_their_difference_is_said_beyond_the_unit():
    _, people = cohort(5)
    one_test = [replace(one, tests=one.tests[:1]) for one in people]
    found = statistics(one_test, DEFAULT_PRIORS)
    seen, before = moments(found, *as_numbers(PLANTED)), unit_moments(found, *as_numbers(PLANTED))
    assert seen.mean == pytest.approx(before.mean, abs=1e-9)
    assert seen.variance == pytest.approx(before.variance, abs=1e-9)
    # One test is its own unit: all populations make it equally likely.
    assert np.ptp(seen.log_evidence - before.log_evidence) == pytest.approx(0.0, abs=1e-6)


def test_slopes_are_the_derivatives_of_the_evidence():
    _, people = cohort(8)
    found, now = statistics(people, DEFAULT_PRIORS), published()
    slopes, _ = _slopes(found, now)
    for index in range(12):
        step = np.zeros(12)
        step[index] = 1e-4

        def moved(sign: float, by: np.ndarray = step) -> Population:
            return replace(now, mean=now.mean + sign * by[:6] * now.sd, sd=now.sd * np.exp(sign * by[6:]))

        difference = (_slopes(found, moved(1.0))[1] - _slopes(found, moved(-1.0))[1]) / 2e-4
        assert slopes[:, index] == pytest.approx(difference, abs=2e-4)


def test_a_planted_population_is_found_within_its_errors():
    _, people = cohort(900, planted=lambda *_: PLANTED)
    found = estimate(statistics(people, PLANTED), published())
    mean, sd = as_numbers(PLANTED)
    apart = (found.mean - mean) / np.array(found.errors)
    # The pull towards the published means is part of the estimate; six numbers within 3 errors of the truth.
    assert np.all(np.abs(apart) < 3.0), apart
    assert np.abs(np.log(found.sd / sd)).max() < 0.35
    assert min(found.effective) > 20.0


def test_a_population_as_published_is_left_where_it_is():
    _, people = cohort(600, seed=4)
    found = estimate(statistics(people, DEFAULT_PRIORS), published())
    start = published()
    assert np.all(np.abs(found.mean - start.mean) < 3.0 * np.array(found.errors))


def test_a_few_odd_athletes_do_not_move_it():
    _, people = cohort(300, seed=2)
    odd = [
        replace(
            one,
            tests=tuple(replace(test, value=test.value * (1.6 if i % 2 else 0.7)) for i, test in enumerate(one.tests)),
        )
        for one in people[:6]
    ]
    clean = estimate(statistics(people[6:], DEFAULT_PRIORS), published())
    spoiled = estimate(statistics([*odd, *people[6:]], DEFAULT_PRIORS), published())
    assert np.all(np.abs(spoiled.mean - clean.mean) < 1.5 * np.array(clean.errors))


def test_what_the_tests_do_not_tell_stays_where_it_was():
    _, people = cohort(30, tests=2)
    found = estimate(statistics([replace(one, tests=one.tests[:1]) for one in people], DEFAULT_PRIORS), published())
    assert found.mean == pytest.approx(published().mean, abs=1e-6)
    assert found.sd == pytest.approx(published().sd, rel=1e-6)
    assert max(found.effective) == pytest.approx(0.0, abs=1e-6)
