"""Blocks: ratios, how far an arm may go astray, that every order is as likely, and the gaps within strata."""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from common.shares import FULL
from experiments.assignment import Subject, assign_roster, decide
from experiments.blocks import LONGEST, arrangement, design_of, ratio_of, sizes_of
from tests.experiments.making import AT, LEVELS, SPORTS, athlete_id, running

pytestmark = pytest.mark.pure
SEEDS = 1_000 if os.environ.get("MESOCYCLE_ASSIGNMENT") == "full" else 60
"""Seeds a size and number of arms; MESOCYCLE_ASSIGNMENT=full for the thousand of the requirements."""

CHANCE = stats.norm.sf(5)
EQUAL = {2: {"a": 50, "b": 50}, 3: {"a": 33.33, "b": 33.33, "c": 33.34}}
STRATA = [{"sport": sport, "level": level} for sport in SPORTS for level in LEVELS]
PARTS = st.lists(st.integers(0, 100), min_size=2, max_size=6).filter(any)


def percents(parts: Sequence[int]) -> list[int]:
    """Whole percents in about these proportions, as thousandths of a percent."""
    ends = [0, *(round(100 * part / sum(parts)) for part in accumulate(parts))]
    return [(b - a) * 1000 for a, b in zip(ends, ends[1:], strict=False)]


@pytest.mark.parametrize(
    ("weights", "ratio"),
    [
        ([50_000, 50_000], (1, 1)),
        ([33_330, 33_330, 33_340], (1, 1, 1)),
        ([33_333, 33_333, 33_334], (1, 1, 1)),
        ([66_670, 33_330], (2, 1)),
        ([16_667, 16_667, 66_666], (1, 1, 4)),
        ([10_000, 90_000], (1, 9)),
        ([9_100, 90_900], (91, 909)),
        ([51_000, 49_000], (51, 49)),
        ([33_300, 33_300, 33_400], (333, 333, 334)),
        ([100, 99_900], (1, 999)),
        ([0, 100_000], (0, 1)),
    ],
)
def test_weights_are_the_smallest_ratio_that_people_mean(weights, ratio):
    assert ratio_of(weights) == ratio


@pytest.mark.parametrize("weights", [[50_000, 49_999], [-1, 100_001], [1, 99_999], [33_310, 33_310, 33_380]])
def test_weights_without_a_ratio_are_refused(weights):
    with pytest.raises(ValueError, match=r"100 %|blocks of 100000|blocks of 10000"):
        ratio_of(weights)


def test_tenths_of_a_percent_are_taken_as_they_stand():
    for tenths in range(1001):
        one, other = ratio_of([tenths * 100, FULL - tenths * 100])
        assert one * 1000 == tenths * (one + other)


@given(PARTS)
def test_whole_percents_have_a_ratio_that_is_exactly_theirs(parts):
    weights = percents(parts)
    ratio = ratio_of(weights)
    assert [part * FULL for part in ratio] == [weight * sum(ratio) for weight in weights]
    assert sum(ratio) <= LONGEST


@given(PARTS, st.booleans(), st.integers(0, 2**32 - 1), st.text(max_size=5), st.integers(0, 10**9))
def test_no_arm_goes_astray_and_a_block_holds_the_ratio(parts, closed, seed, stratum, block):
    ratio = ratio_of(percents(parts))
    design = design_of(ratio, closed=closed)
    arms = arrangement(design, seed, stratum, block)
    assert tuple(arms.count(arm) for arm in range(len(ratio))) == design.copies
    counts = [0] * len(ratio)
    for came, arm in enumerate(arms, start=1):
        counts[arm] += 1
        for count, copies in zip(counts, design.copies, strict=True):
            off = abs(count * design.size - came * copies)
            assert off <= design.astray * design.size
            assert off < (1 if closed or design.tunnel else 2) * design.size


def test_a_stream_has_the_ratio_twice_where_that_keeps_the_gap_a_roster_once():
    assert [design_of(r, closed=False).size for r in ((1, 1), (1, 1, 1), (9, 1), (3, 2), (51, 49))] == [
        4,
        6,
        20,
        5,
        100,
    ]
    assert [design_of(r, closed=True).size for r in ((1, 1), (1, 1, 1), (9, 1), (3, 2), (51, 49))] == [2, 3, 10, 5, 100]
    assert sizes_of((1, 1), closed=False) == (2, 4)
    assert design_of((1, 1), closed=False, size=2).size == 2
    with pytest.raises(ValueError, match="a block of 2 or 4"):
        design_of((1, 1), closed=False, size=6)


def test_every_order_of_a_shuffled_block_is_as_likely():
    design = design_of((1, 1), closed=False)
    counts = Counter(arrangement(design, seed, f"s{block % 7}", block) for seed in range(20) for block in range(600))
    assert len(counts) == 6
    assert stats.chisquare(list(counts.values())).pvalue > CHANCE


def test_a_block_tells_nothing_of_the_next_nor_of_another_stratum():
    design = design_of((1, 1, 1), closed=True)
    for other in (lambda block: ("s", block + 1), lambda block: ("t", block)):
        pairs = Counter(
            (arrangement(design, 7, "s", block), arrangement(design, 7, *other(block))) for block in range(8_000)
        )
        assert len(pairs) == 36
        assert stats.chisquare(list(pairs.values())).pvalue > CHANCE


@pytest.mark.parametrize("ratio", [(7, 3), (2, 3, 5)])
def test_every_place_in_the_tunnel_has_the_propensity_that_is_recorded(ratio):
    design = design_of(ratio, closed=False)
    assert design.tunnel
    blocks = 3_000
    counts = [[0] * len(ratio) for _ in range(design.size)]
    for block in range(blocks):
        for at, arm in enumerate(arrangement(design, 11, "s", block)):
            counts[at][arm] += 1
    expected = [share * blocks for share in design.shares]
    assert all(stats.chisquare(found, expected).pvalue > CHANCE for found in counts)


def test_an_arrangement_is_for_ever():
    """Literal orders: a release that changes them breaks the replay of everything that is stored."""
    assert arrangement(design_of((1, 1), closed=False), 7, "sport=running", 0) == (0, 0, 1, 1)
    assert arrangement(design_of((7, 3), closed=False), 7, "sport=running", 0) == (0, 0, 1, 0, 1, 0, 0, 0, 1, 0)


def roster(n: int, seed: int) -> list[Subject]:
    """Athletes of twelve strata, some strata with many, some with few."""
    drawn = random.Random(seed).choices(STRATA, weights=range(1, 13), k=n)
    return [Subject(athlete_id(seed * 1000 + i), attributes) for i, attributes in enumerate(drawn)]


@pytest.mark.parametrize("arms", [2, 3])
@pytest.mark.parametrize("n", [60, 240, 1_000])
def test_in_a_stream_no_stratum_ever_has_a_gap_above_two(arms, n):
    widest = 0
    for seed in range(SEEDS):
        configuration = running(key=f"e{seed}", variant_weights=EQUAL[arms])
        arrived: Counter[str] = Counter()
        counts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(EQUAL[arms], 0))
        for subject in roster(n, seed):
            stratum = f"level={subject.attributes['level']}&sport={subject.attributes['sport']}"
            found = decide(configuration, subject, at=AT, consented=True, number=arrived[stratum])
            assert found.stratum == stratum
            arrived[stratum] += 1
            counts[stratum][found.variant] += 1
            widest = max(widest, max(counts[stratum].values()) - min(counts[stratum].values()))
    assert widest == 2


@pytest.mark.parametrize("arms", [2, 3])
@pytest.mark.parametrize("n", [60, 240, 1_000])
def test_on_a_closed_roster_no_stratum_has_a_gap_above_one(arms, n):
    for seed in range(SEEDS):
        configuration = running(key=f"e{seed}", variant_weights=EQUAL[arms], roster="closed")
        subjects = roster(n, seed)
        answers = assign_roster(configuration, subjects, at=AT, consented={one.id for one in subjects})
        counts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(EQUAL[arms], 0))
        for found in answers.values():
            counts[found.stratum][found.variant] += 1
        assert sum(sum(of.values()) for of in counts.values()) == n
        assert max(max(of.values()) - min(of.values()) for of in counts.values()) <= 1


@pytest.mark.parametrize(
    "weights", [{"a": 90, "b": 10}, {"a": 51, "b": 49}, {"a": 20, "b": 30, "c": 50}, {"a": 66.67, "b": 33.33}]
)
def test_unequal_weights_never_leave_a_stratum_two_from_its_share(weights):
    for seed in range(min(SEEDS, 100)):
        configuration = running(key=f"e{seed}", variant_weights=weights, stratification_keys=[])
        counts = dict.fromkeys(weights, 0)
        for number in range(240):
            subject = Subject(athlete_id(number), {})
            counts[decide(configuration, subject, at=AT, consented=True, number=number).variant] += 1
            shares = {key: share * (number + 1) for key, share in configuration.arms}
            assert max(abs(counts[key] - shares[key]) for key in weights) < 2
