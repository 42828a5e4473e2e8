"""Two ways of computing the same posterior agree, and mistakes of one show."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from modeling.core import posterior
from modeling.core.posterior import fit_posterior
from modeling.core.priors import DEFAULT_PRIORS, PRIOR_GRID, Priors
from modeling.core.recomputation import TOLERANCE, Deviation, deviations, recomputed
from modeling.core.series import LoadSeries, PerformanceTest
from tests.modeling.simulator import START, simulate
from tests.support import chance

pytestmark = pytest.mark.pure


def deviating(series: LoadSeries, tests, priors: Priors = DEFAULT_PRIORS) -> tuple[Deviation, ...]:
    found = fit_posterior(series, tests, priors=priors).parameters()
    report = {name: {"value": one.value, "interval": [one.low, one.high]} for name, one in found.items()}
    return deviations(report, recomputed(series, tests, priors))


def athlete(rng: random.Random, gap: bool = False):
    one = simulate(rng, n_tests=rng.randint(1, 25), noise=rng.choice([0.005, 0.015, 0.04]))
    known = np.ones(len(one.loads), dtype=np.bool_)
    if gap:
        known[40:75] = False
    series = LoadSeries(START, np.where(known, one.loads, 0.0), known)
    return series, [
        PerformanceTest(one.day(day), value, rng.choice(["lab", "race", "field"])) for day, value in one.tests
    ]


@pytest.mark.chance
def test_fresh_athletes_with_any_priors_and_gaps_agree():
    seed = chance.seed()
    rng, shares = random.Random(seed), []
    for i in range(12):
        found = deviating(*athlete(rng, gap=i % 3 == 0), rng.choice((DEFAULT_PRIORS, *PRIOR_GRID)))
        assert not any(one.contradicts for one in found), (seed, found)
        shares.append(max(one.share for one in found))
    assert np.median(shares) < TOLERANCE / 10, seed


@pytest.mark.shared_data
def test_the_real_series_agree(cyclist, runner):
    for series, tests in (cyclist, runner):
        assert not any(one.contradicts for one in deviating(series, tests))


@pytest.mark.parametrize(
    ("broken", "by"),
    [
        ("_sums_at", lambda days, loads, taus, same_day: _sums(days, loads, taus, not same_day)),
        ("_log_prior", lambda tau1, tau2, priors: np.zeros(len(tau1))),
        ("gap_variance", lambda known, days: np.full(len(days), 0.05**2)),
    ],
    ids=["a day's own load left out", "no prior for time constants", "noise that is not there"],
)
def test_a_mistake_in_the_fit_contradicts(monkeypatch, broken, by):
    rng = random.Random(11)
    cases = [athlete(rng) for _ in range(6)]
    monkeypatch.setattr(posterior, broken, by)
    assert any(one.contradicts for series, tests in cases for one in deviating(series, tests))


_sums = posterior._sums_at


def test_other_priors_than_the_fits_contradict():
    series, tests = athlete(random.Random(5))
    found = fit_posterior(series, tests, priors=replace(DEFAULT_PRIORS, tau2_days=7.0)).parameters()
    report = {name: {"value": one.value, "interval": [one.low, one.high]} for name, one in found.items()}
    assert any(one.contradicts for one in deviations(report, recomputed(series, tests, DEFAULT_PRIORS)))


def test_what_is_no_number_or_has_no_width_contradicts():
    report = {name: {"value": 1.0, "interval": [1.0, 1.0]} for name in ("tau1", "tau2", "k1", "k2", "p0")}
    found = deviations(report, dict.fromkeys(report, 1.0) | {"k1": float("nan")})
    assert all(one.contradicts for one in found)
