"""Exact tails and bounds against scipy's distributions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from common.stats import binomial

pytestmark = pytest.mark.pure

counts = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
shares = st.floats(0.001, 0.999)


@given(counts, shares)
def test_tails_are_the_binomials(count, share):
    bad, n = count
    assert binomial.at_least(bad, n, share) == pytest.approx(stats.binom.sf(bad - 1, n, share), rel=1e-6, abs=1e-200)
    assert binomial.at_most(bad, n, share) == pytest.approx(stats.binom.cdf(bad, n, share), rel=1e-6, abs=1e-200)


@given(counts, st.sampled_from([0.001, 0.01, 0.05]))
def test_bounds_are_where_the_tail_is_alpha(count, alpha):
    bad, n = count
    low, high = binomial.lower_bound(bad, n, alpha), binomial.upper_bound(bad, n, alpha)
    assert low <= bad / n <= high
    if bad:
        assert binomial.at_least(bad, n, low) == pytest.approx(alpha)
    if bad < n:
        assert binomial.at_most(bad, n, high) == pytest.approx(alpha)


@given(st.integers(0, 200), st.floats(0.01, 200))
def test_event_tails_are_poissons(events, expected):
    poisson = stats.poisson(expected)
    assert binomial.events_at_least(events, expected) == pytest.approx(poisson.sf(events - 1), rel=1e-6, abs=1e-200)
    assert binomial.events_at_most(events, expected) == pytest.approx(poisson.cdf(events), rel=1e-6, abs=1e-200)


@given(counts, shares)
def test_the_bound_of_a_mean_holds_for_shares_the_widest_of_bounded_values(count, share):
    bad, n = count
    assert binomial.mean_at_most(bad / n, n, share) >= binomial.at_most(bad, n, share) * (1 - 1e-9)
    assert binomial.mean_at_least(bad / n, n, share) >= binomial.at_least(bad, n, share) * (1 - 1e-9)


@pytest.mark.parametrize(("mean", "truth", "chance"), [(0.5, 0.0, 1.0), (0.5, 1.0, 0.0), (1.0, 1.0, 1.0)])
def test_a_truth_at_the_edge_is_judged(mean, truth, chance):
    assert binomial.mean_at_most(mean, 10, truth) == chance


@given(st.integers(0, 3000), st.floats(0.0, 1.0), st.floats(0.0001, 0.9999))
def test_quantiles_are_the_least_counts_that_reach_the_level(n, share, level):
    of_binomial = (binomial.quantiles([level], n, share)[0], stats.binom(n, share))
    of_poisson = (binomial.events_quantile(level, n * share), stats.poisson(n * share))
    for count, distribution in (of_binomial, of_poisson):
        assert distribution.cdf(count) >= level - 1e-9
        assert distribution.cdf(count - 1) <= level + 1e-9
