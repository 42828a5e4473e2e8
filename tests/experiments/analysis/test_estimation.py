"""Estimates against textbook formulas, computed here from single subjects."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.analysis import Cell, Moments, NotIdentified, Pair, Table, estimate, fixed

pytestmark = pytest.mark.pure

SUBJECTS = {"by_cluster": False}
PLAIN = {"by_cluster": False, "by_stratum": False, "with_before": False}


def sample(seed, n=90, missing=0.0, coaches=9):
    """Return arm, value, pre-period value, stratum and coach of n subjects."""
    rng = np.random.default_rng(seed)
    arm, sport, coach = rng.integers(0, 2, n), rng.integers(0, 3, n), rng.integers(0, coaches, n)
    before = rng.normal(20, 3, n)
    value = 5 + before + sport + 0.4 * coach + rng.normal(0, 1 + arm, n)
    before[rng.random(n) < missing] = np.nan
    return arm, value, before, sport, coach


def table(arm, value, **columns):
    names = np.array(["control", "treatment"])[arm]
    return Table.of_subjects(names, value, **{key: given for key, given in columns.items() if given is not None})


def pair_of(found):
    assert isinstance(found, Pair), found
    return found


@given(st.integers(0, 10_000))
def test_means_are_compared_by_welchs_test(seed):
    arm, value, *_ = sample(seed)
    found = fixed(pair_of(estimate(table(arm, value), "treatment", "control", **PLAIN)))
    expected = stats.ttest_ind(value[arm == 1], value[arm == 0], equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.pair.df == pytest.approx(expected.df, rel=1e-9)
    assert (found.interval.low, found.interval.high) == pytest.approx((interval.low, interval.high), abs=1e-9)


@given(st.integers(0, 10_000))
def test_a_ratio_has_the_variance_of_the_delta_method(seed):
    arm, value, before, *_ = sample(seed)
    found = pair_of(estimate(table(arm, value, denominators=before), "treatment", "control", **PLAIN))
    y, d = value[arm == 1], before[arm == 1]
    r, n = y.mean() / d.mean(), len(y)
    cov = np.cov(y, d)
    expected = (cov[0, 0] - 2 * r * cov[0, 1] + r * r * cov[1, 1]) / d.mean() ** 2 / n
    assert found.mean_treatment == pytest.approx(r, rel=1e-9)
    assert found.variance_treatment == pytest.approx(expected, rel=1e-9)


@given(st.integers(0, 10_000))
def test_what_the_pre_period_explains_is_taken_off_with_one_coefficient(seed):
    arm, value, before, *_ = sample(seed)
    found = pair_of(estimate(table(arm, value, before=before), "treatment", "control", **SUBJECTS))
    covariance = sum((arm == a).sum() * np.cov(value[arm == a], before[arm == a], ddof=0) for a in (0, 1))
    adjusted = value - covariance[0, 1] / covariance[1, 1] * (before - before.mean())
    expected = stats.ttest_ind(adjusted[arm == 1], adjusted[arm == 0], equal_var=False)
    assert found.mean_control == pytest.approx(adjusted[arm == 0].mean(), rel=1e-9)
    assert fixed(found).p_value == pytest.approx(expected.pvalue, rel=1e-8)
    assert found.before_missing == 0
    explained = covariance[0, 1] ** 2 / (covariance[0, 0] * covariance[1, 1])
    assert found.variance_reduction == pytest.approx(explained, rel=1e-9)


@given(st.integers(0, 10_000))
def test_a_ratio_is_adjusted_as_its_linearisation(seed):
    arm, value, before, _, coach = sample(seed)
    data = table(arm, value, denominators=1 + coach, before=before)
    found = pair_of(estimate(data, "treatment", "control", **SUBJECTS))
    ratio = np.array([value[arm == a].sum() / (1 + coach[arm == a]).sum() for a in (0, 1)])
    scale = np.array([(1 + coach[arm == a]).mean() for a in (0, 1)])
    linear = ratio[arm] + (value - ratio[arm] * (1 + coach)) / scale[arm]
    as_mean = pair_of(estimate(table(arm, linear, before=before), "treatment", "control", **SUBJECTS))
    assert found.difference == pytest.approx(as_mean.difference, abs=1e-9)
    assert found.variance == pytest.approx(as_mean.variance, rel=1e-9)


@given(st.integers(0, 10_000))
def test_who_has_no_pre_period_value_is_kept_and_counted(seed):
    """The same as least squares on arms, the value (the mean where unknown) and an indicator."""
    arm, value, before, *_ = sample(seed, missing=0.2)
    known = ~np.isnan(before)
    filled = np.where(known, before, np.nanmean(before))
    design = np.column_stack([arm == 0, arm == 1, filled, known])
    coefficients = np.linalg.lstsq(design.astype(float), value, rcond=None)[0]
    found = pair_of(estimate(table(arm, value, before=before), "treatment", "control", **SUBJECTS))
    assert found.difference == pytest.approx(coefficients[1] - coefficients[0], abs=1e-8)
    assert found.before_missing == (~known).sum()
    assert found.n_treatment + found.n_control == len(arm)


def test_a_pre_period_value_that_nobody_or_everybody_shares_changes_nothing():
    arm, value, *_ = sample(1)
    plain = pair_of(estimate(table(arm, value), "treatment", "control", **SUBJECTS))
    same = pair_of(estimate(table(arm, value, before=np.full(len(arm), 7.0)), "treatment", "control", **SUBJECTS))
    assert plain.before_missing is None
    assert same.difference == pytest.approx(plain.difference)
    assert same.variance == pytest.approx(plain.variance)


@given(st.integers(0, 10_000))
def test_strata_are_weighted_by_all_their_subjects(seed):
    arm, value, _, sport, _ = sample(seed)
    found = pair_of(estimate(table(arm, value, stratum=sport.astype(str)), "treatment", "control", **SUBJECTS))
    difference = variance = 0.0
    for s in range(3):
        weight = (sport == s).mean()
        one, two = value[(sport == s) & (arm == 1)], value[(sport == s) & (arm == 0)]
        difference += weight * (one.mean() - two.mean())
        variance += weight**2 * (one.var(ddof=1) / len(one) + two.var(ddof=1) / len(two))
    assert found.difference == pytest.approx(difference, abs=1e-9)
    assert found.variance == pytest.approx(variance, rel=1e-9)


def test_strata_without_two_subjects_of_an_arm_are_joined_not_left_out():
    arm, value, _, sport, _ = sample(3)
    names = sport.astype(str).astype("<U9")
    names[np.flatnonzero(arm == 1)[0]] = "rowing"
    names[np.flatnonzero(arm == 0)[:3]] = "swimming"
    found = pair_of(estimate(table(arm, value, stratum=names), "treatment", "control", **SUBJECTS))
    assert found.collapsed == 3  # both, and the smallest of the others: one subject alone is no stratum
    assert found.n_treatment + found.n_control == len(arm)
    joined = np.where(np.isin(names, ["rowing", "swimming"]), "rest", names)
    sizes = {name: (joined == name).sum() for name in "012"}
    joined = np.where(joined == "rest", min(sizes, key=sizes.__getitem__), joined)
    expected = pair_of(estimate(table(arm, value, stratum=joined), "treatment", "control", **SUBJECTS))
    assert found.difference == pytest.approx(expected.difference)


@given(st.integers(0, 10_000))
def test_equal_coaches_in_both_arms_give_the_sandwich_cr1(seed):
    """Least squares on an intercept and the arm: (X'X)^-1 (sum of cluster scores' squares) (X'X)^-1 G / (G - 1)."""
    _, value, *_ = sample(seed, n=108)
    coach, arm = np.arange(108) % 9, np.arange(108) // 9 % 2
    found = pair_of(estimate(table(arm, value, cluster=coach.astype(str)), "treatment", "control"))
    x = np.column_stack([np.ones(len(arm)), arm])
    bread = np.linalg.inv(x.T @ x)
    residual = value - x @ bread @ x.T @ value
    scores = np.array([x[coach == g].T @ residual[coach == g] for g in range(9)])
    expected = (bread @ (scores.T @ scores) @ bread)[1, 1] * 9 / 8
    assert found.variance == pytest.approx(expected, rel=1e-9)
    assert (found.df, found.clusters) == (8, 9)
    p = 2 * stats.t.sf(abs(found.difference) / math.sqrt(expected), 8)
    assert fixed(found).p_value == pytest.approx(p, rel=1e-8)


@given(st.integers(0, 10_000))
def test_unequal_coaches_give_the_sandwich_cr2(seed):
    """Least squares on arm by sport: residuals of a cluster times (I - H)^(-1/2), by eigenvectors."""
    arm, value, _, sport, coach = sample(seed, n=240)
    data = table(arm, value, stratum=sport.astype(str), cluster=coach.astype(str))
    found = pair_of(estimate(data, "treatment", "control"))
    x = (np.arange(6) == (3 * arm + sport)[:, None]).astype(float)
    bread = np.linalg.inv(x.T @ x)
    residual, hat = value - x @ bread @ x.T @ value, x @ bread @ x.T
    weight = np.array([(sport == s).mean() for s in range(3)])
    contrast = np.concatenate([-weight, weight])
    expected = 0.0
    for g in range(9):
        own = coach == g
        values, vectors = np.linalg.eigh(np.eye(own.sum()) - hat[np.ix_(own, own)])
        root = vectors @ np.diag(values**-0.5) @ vectors.T
        expected += float(contrast @ bread @ x[own].T @ root @ residual[own]) ** 2
    sizes = np.bincount(coach)
    assert found.variance == pytest.approx(expected, rel=1e-9)
    assert found.df <= sizes.sum() ** 2 / (sizes**2).sum() - 1 + 1e-8


@given(st.integers(0, 10_000))
def test_everyone_his_own_coach_is_nobody_coached(seed):
    arm, value, before, sport, _ = sample(seed, missing=0.1)
    columns = {"stratum": sport.astype(str), "before": before}
    alone = table(arm, value, cluster=np.arange(len(arm)).astype(str), **columns)
    by_cluster = pair_of(estimate(alone, "treatment", "control"))
    by_subject = pair_of(estimate(alone, "treatment", "control", by_cluster=False))
    assert by_cluster.variance == pytest.approx(by_subject.variance, rel=1e-9)
    assert by_cluster.difference == pytest.approx(by_subject.difference, abs=1e-9)


def test_a_sport_that_one_coach_has_is_joined_with_another():
    arm, value, _, sport, coach = sample(9, n=200)
    coach[sport == 2] = 0
    columns = {"stratum": sport.astype(str), "cluster": coach.astype(str)}
    found = pair_of(estimate(table(arm, value, **columns), "treatment", "control"))
    assert found.collapsed == 2
    assert pair_of(estimate(table(arm, value, **columns), "treatment", "control", by_cluster=False)).collapsed == 0


def nested(seed, coaches=12, size=20):
    rng = np.random.default_rng(seed)
    means = rng.normal(0.4 * (np.arange(coaches) % 2), 0.5)
    coach = np.repeat(np.arange(coaches), size)
    return coach % 2, means[coach] + rng.normal(0, 1, coaches * size), coach


@given(st.integers(0, 10_000))
def test_coaches_with_an_arm_each_give_welchs_test_of_coaches(seed):
    arm, value, coach = nested(seed)
    found = fixed(pair_of(estimate(table(arm, value, cluster=coach.astype(str)), "treatment", "control")))
    means = np.array([value[coach == g].mean() for g in range(12)])
    expected = stats.ttest_ind(means[1::2], means[::2], equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-8)
    assert found.pair.df == pytest.approx(expected.df, rel=1e-8)


def test_what_is_certain_by_athletes_is_open_by_coaches():
    """Twelve coaches of twenty athletes, an arm each: naively p is 1e-5, of coaches 0.1."""
    coach = np.repeat(np.arange(12), 20)
    means = np.array([-0.9, 0.46, 0.6, -0.44, -0.6, 0.76, 0.3, 1.16, -0.7, -0.14, 0.1, 0.86])
    value = means[coach] + np.tile(stats.norm.ppf((np.arange(20) + 0.5) / 20), 12)
    data = table(coach % 2, value, cluster=coach.astype(str))
    naive = fixed(pair_of(estimate(data, "treatment", "control", by_cluster=False)))
    robust = fixed(pair_of(estimate(data, "treatment", "control")))
    athletes = stats.ttest_ind(value[coach % 2 == 1], value[coach % 2 == 0], equal_var=False)
    coaches = stats.ttest_ind(means[1::2], means[::2], equal_var=False)
    assert naive.p_value == pytest.approx(athletes.pvalue, rel=1e-9)
    assert robust.p_value == pytest.approx(coaches.pvalue, rel=1e-9)
    assert naive.p_value < 2e-5
    assert robust.p_value == pytest.approx(0.1, abs=1e-3)


@pytest.mark.parametrize("coach", [[0, 0, 1, 1], [0, 1, 2, 2]])
def test_too_few_coaches_are_not_identified(coach):
    arm, value, *_ = sample(5)
    found = estimate(table(arm, value, cluster=np.resize(coach, len(arm)).astype(str)), "treatment", "control")
    assert isinstance(found, NotIdentified)
    assert "clusters" in found.why


def test_one_coach_with_most_athletes_counts_as_few():
    arm, value, *_ = sample(5)
    coach = np.where(np.arange(len(arm)) < 80, 0, np.arange(len(arm)))
    found = estimate(table(arm, value, cluster=coach.astype(str)), "treatment", "control")
    assert isinstance(found, NotIdentified)
    assert "worth 1." in found.why


def test_an_arm_of_weight_zero_is_not_identified_and_disturbs_no_other():
    arm, value, *_ = sample(6)
    data = table(arm, value)
    cells = [
        Cell("control", Moments.of_mean(40, 80.0, 300.0)),
        Cell("treatment", Moments.of_mean(40, 90.0, 310.0)),
        Cell("empty", Moments()),
    ]
    with_empty = Table.of(cells)
    assert isinstance(estimate(with_empty, "empty", "control", **PLAIN), NotIdentified)
    assert isinstance(estimate(data, "unheard of", "control", **PLAIN), NotIdentified)
    both = pair_of(estimate(with_empty, "treatment", "control", **PLAIN))
    assert both == pair_of(estimate(Table.of(cells[:2]), "treatment", "control", **PLAIN))


def test_an_arm_that_does_not_vary_lends_no_degrees_of_freedom():
    cells = [Cell("control", Moments.of_mean(500, 0.0, 0.0)), Cell("treatment", Moments.of_share(30, 6))]
    found = pair_of(estimate(Table.of(cells), "treatment", "control", **PLAIN))
    assert found.df == pytest.approx(29)
    assert math.isfinite(fixed(found).p_value)


@pytest.mark.parametrize("value", [0.0, 3.0, 1e6 / 3])
def test_values_that_never_vary_are_not_identified(value):
    arm, *_, coach = sample(7)
    data = table(arm, np.full(len(arm), value), cluster=coach.astype(str))
    for by_cluster in (True, False):
        assert isinstance(estimate(data, "treatment", "control", by_cluster=by_cluster), NotIdentified)


def test_a_ratio_without_a_denominator_is_not_identified():
    arm, value, *_ = sample(8)
    found = estimate(table(arm, value, denominators=np.where(arm == 1, 0.0, 1.0)), "treatment", "control", **PLAIN)
    assert isinstance(found, NotIdentified)
    assert "denominator" in found.why


@given(st.integers(0, 10_000), st.integers(1, 89))
def test_sums_of_days_add_up_to_the_sums_of_all(seed, day):
    arm, value, before, *_ = sample(seed, missing=0.2)

    def cells(part):
        for index, name in enumerate(("control", "treatment")):
            y, z = value[part][arm[part] == index], before[part][arm[part] == index]
            known = ~np.isnan(z)
            yield Cell(
                name,
                Moments.of_mean(
                    len(y),
                    y.sum(),
                    y @ y,
                    known=known.sum(),
                    z=z[known].sum(),
                    zz=z[known] @ z[known],
                    yz=y[known] @ z[known],
                    y_known=y[known].sum(),
                ),
            )

    first, second = list(cells(slice(0, day))), list(cells(slice(day, None)))
    expected = pair_of(estimate(table(arm, value, before=before), "treatment", "control", **SUBJECTS))
    added = [Cell(a.variant, a.moments + b.moments) for a, b in zip(first, second, strict=True)]
    for data in (Table.of([*first, *second]), Table.of(added)):
        found = pair_of(estimate(data, "treatment", "control", **SUBJECTS))
        assert found.difference == pytest.approx(expected.difference, abs=1e-8)
        assert found.variance == pytest.approx(expected.variance, rel=1e-6)
        assert found.before_missing == expected.before_missing


@pytest.mark.parametrize("sums", [(3, math.nan, 1.0), (3, 1.0, math.inf)])
def test_sums_are_finite(sums):
    with pytest.raises(ValueError, match="finite"):
        Moments.of_mean(*sums)


def test_impossible_sums_are_refused():
    with pytest.raises(ValueError, match="0 to n"):
        Moments.of_mean(3, 1.0, 1.0, known=4)
    with pytest.raises(ValueError, match="0 to n"):
        Moments.of_share(3, 4)
    with pytest.raises(ValueError, match="finite"):
        Table.of_subjects(["a", "b"], [1.0, math.nan])
