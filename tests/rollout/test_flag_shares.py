"""A million ids: shares as asked for, nobody lost when a share grows, canaries of two flags independent."""

from __future__ import annotations

import math
from uuid import UUID

import pytest

from rollout.evaluation import FlagState, Subject, bucket, decide

pytestmark = pytest.mark.pure
N = 1_000_000
SHARES = (100, 1_000, 5_000, 25_000, 50_000)


@pytest.fixture(scope="module")
def ids() -> list[str]:
    return [str(UUID(int=i * 2654435761 + (0x7 << 76))) for i in range(N)]


@pytest.fixture(scope="module")
def places(ids: list[str]) -> list[int]:
    return [bucket(i, "a1b2c3d4e5f60718") for i in ids]


@pytest.mark.parametrize("thousandths", SHARES)
def test_the_share_lies_within_four_sigma(places, thousandths):
    share = thousandths / 100_000
    inside = sum(place < thousandths for place in places)
    assert abs(inside - N * share) <= 4 * math.sqrt(N * share * (1 - share))


def test_nobody_is_lost_over_any_widening(ids, places):
    """Every thousandth id in full through the order; all others by their place, of which the order is a comparison."""
    before: set[str] = set()
    for thousandths in (*SHARES, 100_000):
        flag = FlagState("f", True, "", thousandths, "a1b2c3d4e5f60718")
        inside = {i for i in ids[::1000] if decide(flag, Subject(i), now=0.0).value}
        assert before <= inside
        assert inside == {i for i, place in zip(ids[::1000], places[::1000], strict=True) if place < thousandths}
        before = inside
    assert before == set(ids[::1000])


def test_two_flags_first_percents_overlap_by_chance_only(ids, places):
    first = [i for i, place in zip(ids, places, strict=True) if place < 1_000]
    both = sum(bucket(i, "0011223344556677") < 1_000 for i in first)
    expected = len(first) * 0.01
    assert abs(both - expected) <= 4 * math.sqrt(expected)
