"""Counts before the start: they add up, follow the assignment's own order, and stay within the blocks' bounds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.assignment import Subject, assign_roster, decide
from experiments.configuration import Slice
from experiments.lifecycle import State
from experiments.preview import Other, Verdict, allocate, draw, overlap_with, taken
from experiments.preview.allocation import DRAWS, gap_of
from tests.experiments.making import running
from tests.experiments.preview.people import candidate, roster

pytestmark = pytest.mark.pure
PEOPLE = st.lists(st.sampled_from([True, True, True, False, None]), max_size=80)
WEIGHTS = st.sampled_from([{"a": 50, "b": 50}, {"a": 20, "b": 80}, {"a": 51, "b": 49}, {"a": 25, "b": 25, "c": 50}])


def preview(configuration, people, **more):
    return allocate(configuration, people, draw(configuration, people), **more)


@given(
    words=PEOPLE,
    weights=WEIGHTS,
    holdout=st.sampled_from([0, 10]),
    traffic=st.sampled_from([100, 60]),
    layer=st.sampled_from([None, {"key": "planning", "from": 20, "to": 80}]),
    closed=st.booleans(),
    targeting=st.sampled_from([{}, {"sport": ["running", "cycling"]}]),
    strata=st.sampled_from([[], ["sport"], ["sport", "level"], ["device", "sport"]]),
)
def test_everybody_is_counted_once(words, weights, holdout, traffic, layer, closed, targeting, strata):
    configuration = running(
        variant_weights=weights,
        holdout_percentage=holdout,
        traffic_percentage=traffic,
        layer=layer,
        roster="closed" if closed else "open",
        targeting=targeting,
        stratification_keys=strata,
    )
    people = [candidate(number, consented=word) for number, word in enumerate(words)]
    found = preview(configuration, people)
    counts = found.counts
    parts = (counts.not_targeted, counts.held_out, counts.outside_layer, counts.outside_traffic, counts.lacking)
    assert counts.roster == len(people) == counts.without_consent + sum(parts) + counts.taken
    assert counts.excluded == sum(parts)
    assert (counts.never_asked, counts.refused) == (words.count(None), words.count(False))
    assert sum(found.arms) == counts.taken == sum(row.taken for row in found.rows)
    for row in found.rows:
        assert row.roster == row.without_consent + row.excluded + row.taken
        assert row.gap <= configuration.design.astray * (2 if found.is_equal else 1)
    if "device" in strata:
        assert counts.taken == 0
    if not targeting:
        assert sum(row.roster for row in found.rows) == len(people)


@given(sizes=st.integers(1, 120), closed=st.booleans())
def test_equal_arms_are_never_farther_apart_than_the_blocks_allow(sizes, closed):
    configuration = running(roster="closed" if closed else "open")
    found = preview(configuration, roster(sizes))
    most = 1 if closed else 2
    assert found.gap <= most
    assert found.draws is not None and found.draws.gap <= most
    assert found.draws.number == DRAWS
    for total, (fewest, largest) in zip(found.arms, found.draws.arms, strict=True):
        assert fewest <= largest
        assert abs(total - sizes / 2) <= most * len(found.rows) / 2


@given(words=PEOPLE)
def test_a_closed_roster_is_ranked_as_its_start_ranks_it(words):
    configuration = running(roster="closed", holdout_percentage=15, traffic_percentage=80)
    people = [candidate(number, consented=word) for number, word in enumerate(words)]
    subjects = [Subject(one.id, one.attributes) for one in people]
    agreed = {one.id for one in people if one.consented}
    expected = assign_roster(configuration, subjects, at=configuration.start_at, consented=agreed)
    assert draw(replace(configuration, state=State.DRAFT), reversed(people)) == expected


def test_an_open_roster_comes_in_the_order_of_a_hash_and_each_is_decided_as_ever():
    configuration = running(traffic_percentage=70)
    people = roster(200)
    answers = draw(configuration, people)
    assert draw(configuration, people[::-1]) == answers
    for one in people:
        answer = answers[one.id]
        subject = Subject(one.id, one.attributes)
        assert answer == decide(configuration, subject, at=configuration.start_at, consented=True, number=answer.number)
    numbers = Counter((answer.stratum, answer.number) for answer in answers.values() if answer.variant)
    assert set(numbers.values()) == {1}


def test_the_other_draws_have_other_traffic_and_the_same_bounds():
    configuration = running(traffic_percentage=50, stratification_keys=[])
    found = preview(configuration, roster(400), control="control")
    assert found.variants == ("control", "advanced")
    (fewest, most), _ = found.draws.arms
    assert 70 < fewest < 100 < most < 130
    assert found.draws.gap <= 2


def test_long_blocks_need_no_other_draws():
    found = preview(running(variant_weights={"a": 51, "b": 49}), roster(100))
    assert found.draws is None
    assert 0 < found.gap < 1


def test_coaches_whose_athletes_are_all_in_one_arm_are_counted():
    people = [*roster(40, coaches=2), candidate(40)._replace(cluster="alone")]
    found = preview(running(stratification_keys=[]), people)
    assert (found.clusters, found.one_armed) == (3, 1)


def test_a_gap_of_unequal_arms_is_the_distance_from_a_share():
    assert gap_of((3, 1), (0.5, 0.5)) == 2
    assert gap_of((3, 1, 0), (0.5, 0.5, 0.0)) == 2
    assert gap_of((3, 3), (0.25, 0.75)) == pytest.approx(1.5)


LAYER = {"key": "planning", "from": 0, "to": 50}


@pytest.mark.parametrize(
    ("mine", "theirs", "same_parameter", "verdict"),
    [
        (None, None, False, Verdict.ALLOWED),
        (None, None, True, Verdict.CLASH),
        (LAYER, Slice("planning", 50_000, 100_000), True, Verdict.APART),
        (LAYER, Slice("planning", 49_000, 100_000), False, Verdict.CLASH),
        (LAYER, Slice("digest", 0, 50_000), False, Verdict.ALLOWED),
        (LAYER, Slice("digest", 0, 50_000), True, Verdict.CLASH),
        (LAYER, None, True, Verdict.CLASH),
    ],
)
def test_what_keeps_two_experiments_apart(mine, theirs, same_parameter, verdict):
    configuration = running(layer=mine)
    other = Other("digest", "Digest", "running", theirs, "taper")
    found = overlap_with(other, configuration, "taper" if same_parameter else "other", [], frozenset())
    assert found.verdict is verdict
    assert found.in_both == 0


def test_who_is_in_both_is_counted_and_many_are_to_be_looked_at():
    configuration = running()
    people = [candidate(number, others=frozenset({"digest"} if number < 30 else ())) for number in range(40)]
    mine = taken(draw(configuration, people))
    other = Other("digest", "Digest", "running", None, "")
    found = overlap_with(other, configuration, "", people, mine)
    assert (found.on_roster, found.in_both, found.share, found.verdict) == (30, 30, 0.75, Verdict.CHECK)
    few = overlap_with(other, configuration, "", people[20:], taken(draw(configuration, people[20:])))
    assert (few.in_both, few.verdict) == (10, Verdict.ALLOWED)
    # Apart by their layer, but some came in under an earlier phase.
    parted = replace(other, slice=Slice("planning", 50_000, 100_000))
    assert overlap_with(parted, running(layer=LAYER), "", people, mine).verdict is Verdict.CHECK
