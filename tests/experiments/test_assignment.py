"""The order of reasons against an oracle in plain words; layers, holdouts, rosters, strata and propensities."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from common.errors import InvalidInput
from common.shares import FULL
from experiments.assignment import (
    Assignment,
    Eligible,
    Reason,
    Subject,
    assign_roster,
    decide,
    place,
    screen,
    standing,
    stratum_of,
)
from experiments.configuration import Configuration, Slice, Variant
from experiments.hashing import buckets_of
from experiments.lifecycle import State
from tests.experiments.making import AT, END, LEVELS, SPORTS, START, athlete, athlete_id, running

pytestmark = pytest.mark.pure
ARMS = (Variant("a", 50_000), Variant("b", 50_000))


def oracle(c: Configuration, subject: Subject, at: datetime, consented: bool, number: int | None) -> str:
    """The order as the requirements say it: the first thing that speaks against the subject is the reason."""
    mine = buckets_of(subject.id, c.salts)
    over = c.end_at is not None and c.end_at <= at
    questions = [
        ("not_consented", not consented),
        ("ended", over or c.state == "complete"),
        ("not_started", c.state == "draft" or at < c.start_at),
        ("paused", c.state == "paused"),
        ("not_targeted", any(subject.attributes.get(name) not in allowed for name, allowed in c.targeting)),
        ("holdout", mine.holdout < c.holdout),
        ("excluded_by_layer", c.slice is not None and mine.layer not in range(c.slice.start, c.slice.stop)),
        ("not_in_traffic", mine.traffic not in range(c.traffic)),
        ("not_on_roster", c.closed and number is None),
    ]
    return next((reason for reason, so in questions if so), "assigned")


def test_every_combination_has_the_reason_that_the_requirements_say():
    targets = [
        (),
        (("sport", frozenset({"running"})),),
        (("sport", frozenset({"cycling"})), ("tier", frozenset({"x"}))),
    ]
    slices = [None, Slice("generation", 0, 50_000), Slice("generation", 50_000, FULL)]
    configurations = itertools.product(
        State, (None, END), targets, (0, 50_000), slices, (0, 50_000, FULL), (False, True)
    )  # fmt: skip
    moments = (
        START - timedelta(microseconds=1),
        START,
        AT,
        END - timedelta(microseconds=1),
        END,
        END + timedelta(days=1),
    )
    subjects = [athlete(number) for number in range(4)]
    seen: Counter[str] = Counter()
    for state, end, targeting, holdout, part, traffic, closed in configurations:
        c = Configuration("e", 1, ARMS, START, end, targeting, part, holdout, traffic, ("sport",), closed, state=state)
        for subject, at, consented, number in itertools.product(subjects, moments, (True, False), (3, None)):
            if number is None and not closed:
                continue
            found = decide(c, subject, at=at, consented=consented, number=number)
            assert found.reason == oracle(c, subject, at, consented, number), (c, subject, at, consented)
            assert (found.variant is not None) is (found.reason == "assigned")
            assert found.is_holdout is (found.reason == "holdout")
            seen[found.reason] += 1
    assert seen.keys() == set(Reason)
    assert seen.total() == 4 * 2 * 3 * 2 * 3 * 3 * 3 * 4 * 6 * 2


def test_shares_and_slices_begin_with_their_first_place_and_end_before_their_last():
    c, subject = Configuration("e", 1, ARMS, START, slice=Slice("x", 0, FULL), state=State.RUNNING), athlete(3)

    def reason(one: Configuration, whom: Subject = subject) -> str:
        return decide(one, whom, at=AT, consented=True, number=0).reason

    mine = buckets_of(subject.id, c.salts)
    assert reason(replace(c, slice=Slice("x", mine.layer, mine.layer + 1))) == "assigned"
    assert reason(replace(c, slice=Slice("x", 0, mine.layer))) == "excluded_by_layer"
    assert reason(replace(c, slice=Slice("x", mine.layer + 1, FULL))) == "excluded_by_layer"
    assert reason(replace(c, holdout=mine.holdout + 1)) == "holdout"
    assert reason(replace(c, holdout=mine.holdout)) == "assigned"
    half = replace(c, traffic=50_000)
    for last, expected in ((49_999, "assigned"), (50_000, "not_in_traffic")):
        numbers = (n for n in itertools.count() if buckets_of(athlete_id(n), half.salts).traffic == last)
        assert reason(half, athlete(next(numbers))) == expected


def test_who_has_not_consented_is_not_hashed_nor_looked_at():
    found = decide(running(), Subject(athlete_id(1), {}), at=AT, consented=False)
    assert (found.reason, found.buckets, found.bucket, found.stratum) == ("not_consented", None, None, None)


def test_an_assignment_says_all_that_it_was_made_of():
    c = running(variant_weights={"control": 75, "advanced": 25}, phase=3)
    subject = athlete(7)
    found = decide(c, subject, at=AT, consented=True, number=13)
    assert found.variant in ("control", "advanced")
    assert found.propensity == {"control": 0.75, "advanced": 0.25}[found.variant]
    assert found == Assignment(
        variant=found.variant,
        reason=Reason.ASSIGNED,
        experiment="plan-pipeline",
        phase=3,
        version=c.version,
        buckets=buckets_of(subject.id, c.salts),
        stratum="level=elite&sport=running",
        number=13,
        block=1,
        propensity=found.propensity,
        candidates=(("advanced", 0.25), ("control", 0.75)),
    )


@pytest.mark.parametrize(
    ("state", "at", "consented", "reason"),
    [
        (State.RUNNING, AT, True, None),
        (State.PAUSED, AT, True, "paused"),
        (State.PAUSED, AT, False, "not_consented"),
        (State.PAUSED, END, True, "ended"),
        (State.PAUSED, START - timedelta(days=1), True, "not_started"),
        (State.DRAFT, END, True, "ended"),
        (State.COMPLETE, AT, True, "ended"),
    ],
)
def test_standing_tells_whether_a_stored_assignment_holds(state, at, consented, reason):
    c = Configuration("e", 1, ARMS, START, END, state=state)
    assert standing(c, at=at, consented=consented) == reason


def test_in_two_steps_it_is_the_same():
    c, subject = running(), athlete(1)
    found = screen(c, subject, at=AT, consented=True)
    assert isinstance(found, Eligible)
    assert place(c, found, 5) == decide(c, subject, at=AT, consented=True, number=5)


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({}, ["level", "sport"]),
        ({"sport": "running"}, ["level"]),
        ({"sport": "running", "level": ""}, ["level"]),
        ({"sport": 1, "level": "elite"}, ["sport"]),
        ({"sport": ["running"], "level": "elite"}, ["sport"]),
        ({"sport": "r" * 101, "level": None}, ["level", "sport"]),
        ({"sport": "running\0", "level": "\ud800"}, ["level", "sport"]),
    ],
)
def test_missing_attributes_of_a_stratum_are_all_named(attributes, named):
    for _ in range(2):
        with pytest.raises(InvalidInput, match="stratified by it") as raised:
            decide(running(), Subject("x", attributes), at=AT, consented=True, number=0)
        assert [error["pointer"] for error in raised.value.errors] == [f"#/attributes/{name}" for name in named]


def test_a_targeted_attribute_that_is_no_text_is_named():
    c = running(targeting={"tier": ["elite"]})
    for odd in (["elite"], {"elite": 1}):
        with pytest.raises(InvalidInput) as raised:
            decide(c, athlete(1)._replace(attributes={"tier": odd}), at=AT, consented=True, number=0)
        assert raised.value.errors[0]["pointer"] == "#/attributes/tier"
    assert decide(c, athlete(1), at=AT, consented=True, number=0).reason == "not_targeted"


def test_strata_of_different_values_have_different_names():
    c = running(stratification_keys=["level", "sport"])
    values = ["a", "b", "a&sport=b", "=", "&", "%", " ", "ü"]
    pairs = list(itertools.product(values, values))
    names = {stratum_of(c, {"level": level, "sport": sport}) for level, sport in pairs}
    assert len(names) == len(pairs)
    assert stratum_of(running(stratification_keys=[]), {}) == ""


@pytest.mark.parametrize("number", [None, -1, 1.0, True, "3"])
def test_a_stream_wants_a_number(number):
    with pytest.raises(InvalidInput, match="allowed a whole number from 0") as raised:
        decide(running(), athlete(1), at=AT, consented=True, number=number)
    assert raised.value.errors[0]["pointer"] == "#/number"


def test_nobody_in_particular_is_refused():
    with pytest.raises(InvalidInput) as raised:
        decide(running(), Subject("", {}), at=AT, consented=True, number=0)
    assert raised.value.errors[0]["pointer"] == "#/subject_id"


def test_experiments_of_one_layer_share_nobody_and_leave_nobody_out():
    bounds = ((0, 30), (30, 50), (50, 100))
    parts = [running(key=f"e{low}", phase=low + 1, layer={"key": "x", "from": low, "to": high}) for low, high in bounds]
    for number in range(2_000):
        reasons = Counter(decide(c, athlete(number), at=AT, consented=True, number=0).reason for c in parts)
        assert reasons == {"assigned": 1, "excluded_by_layer": 2}


def test_who_was_held_out_is_held_out_in_every_phase_and_in_a_wider_holdout():
    phases = [
        running(holdout_percentage=10),
        running(holdout_percentage=10, phase=2, variant_weights={"control": 10, "advanced": 90}),
        running(holdout_percentage=20, phase=3),
    ]
    held = [
        {n for n in range(5_000) if decide(c, athlete(n), at=AT, consented=True, number=0).is_holdout} for c in phases
    ]
    assert held[0] == held[1] < held[2]
    assert 400 < len(held[0]) < 600


def test_who_is_held_out_or_excluded_takes_no_number():
    c = running(holdout_percentage=30, traffic_percentage=50)
    found = [screen(c, athlete(n), at=AT, consented=True) for n in range(200)]
    assert {type(one) for one in found} == {Eligible, Assignment}
    assert all(one.number is None for one in found if isinstance(one, Assignment))


def test_a_roster_is_assigned_the_same_in_whatever_order_it_comes():
    c = running(roster="closed", holdout_percentage=10, targeting={"sport": list(SPORTS[:3])})
    subjects = [athlete(n, sport=SPORTS[n % 4], level=LEVELS[n % 3]) for n in range(500)]
    consented = {one.id for one in subjects[::7]} ^ {one.id for one in subjects}
    answers = assign_roster(c, subjects, at=AT, consented=consented)
    shuffled = random.Random(3).sample(subjects, len(subjects))
    assert assign_roster(c, shuffled, at=AT, consented=consented) == answers
    assert {one.reason for one in answers.values()} == {"assigned", "holdout", "not_targeted", "not_consented"}
    for stratum in {one.stratum for one in answers.values()} - {None}:
        ranks = sorted(one.number for one in answers.values() if one.stratum == stratum)
        assert ranks == list(range(len(ranks)))
    for subject in subjects:
        found = answers[subject.id]
        again = decide(c, subject, at=AT, consented=subject.id in consented, number=found.number)
        assert again == found
    with pytest.raises(ValueError, match="closed"):
        assign_roster(running(), subjects, at=AT, consented=consented)
