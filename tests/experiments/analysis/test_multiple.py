"""Adjusted p-values against scipy.stats and against the step-down rule itself."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.analysis import benjamini_hochberg, holm

pytestmark = pytest.mark.pure

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(p_values)
def test_benjamini_hochberg_is_scipys(p):
    assert benjamini_hochberg(p) == pytest.approx(list(stats.false_discovery_control(p)), abs=1e-12)


@given(p_values, st.floats(0.001, 0.5))
def test_holm_refuses_what_the_step_down_rule_refuses(p, alpha):
    refused = set()
    for step, index in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        if p[index] * (len(p) - step) > alpha:
            break
        refused.add(index)
    assert {index for index, value in enumerate(holm(p)) if value <= alpha} == refused


@given(p_values)
def test_adjusting_never_makes_a_p_value_smaller_nor_changes_the_order(p):
    for adjusted in (holm(p), benjamini_hochberg(p)):
        assert all(new >= old for new, old in zip(adjusted, p, strict=True))
        order = sorted(range(len(p)), key=p.__getitem__)
        assert [adjusted[index] for index in order] == sorted(adjusted)


def test_nothing_asked_is_nothing_answered():
    assert holm([]) == benjamini_hochberg([]) == []


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_a_p_value_lies_from_0_to_1(p):
    for adjust in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match="p-value"):
            adjust([0.5, p])
