"""Event streams: equal to an oracle whatever the order of arrival, and a look never changes afterwards."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from datetime import datetime, timedelta

import pytest

from experiments.analysis import Moments, Table
from experiments.streams import (
    Agreed,
    Assigned,
    Exposed,
    Measure,
    Measured,
    Member,
    Paused,
    Reason,
    Resumed,
    Shape,
    Tally,
    reduce,
)
from tests.experiments.streams.oracle import Oracle
from tests.experiments.streams.random_streams import DAYS, MEASURES, START, Maker
from tests.support import chance

pytestmark = pytest.mark.pure

STREAMS = 10_000
SEED = chance.seed()
"""A failure prints it."""

WEEK = timedelta(days=7)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def cells_of(table: Table) -> dict:
    """Return the 13 sums of every variant, stratum and cluster."""
    found = {}
    for row in range(len(table.n)):
        names = [
            of[int(code[row])]
            for of, code in (
                (table.variants, table.variant),
                (table.strata, table.stratum),
                (table.clusters, table.cluster),
            )
        ]
        products = table.products[row]
        pairs = ((0, 0), (0, 1), (1, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 2))
        assert tuple(names) not in found
        found[tuple(names)] = [table.n[row], *table.sums[row], *(products[a, b] for a, b in pairs)]
    return found


def expected_cells(oracle: Oracle, measure: Measure) -> dict:
    names = ("n", "y", "d", "z", "k", "yy", "yd", "dd", "yz", "yk", "dz", "dk", "zz")
    return {key: [float(cell[name]) for name in names] for key, cell in oracle.cells(measure).items()}


def same_cells(found: dict, expected: dict) -> bool:
    return found.keys() == expected.keys() and all(
        math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
        for key in expected
        for one, other in zip(found[key], expected[key], strict=True)
    )


def plain(tally: Tally) -> tuple:
    """Return everything in a tally, exactly, so that two can be compared."""
    tables = {metric: cells_of(table) for metric, table in tally.tables.items()}
    return (tally.members, tally.excluded, tally.assigned, tally.exposed, tally.arrived, tally.late, tally.immature,
            tables)  # fmt: skip


def check(tally: Tally, oracle: Oracle, measures: list[Measure]) -> None:
    assert list(tally.members) == [Member(*member) for member in oracle.members]
    assert tally.excluded == oracle.excluded()
    assert tally.assigned == oracle.assigned()
    assert tally.exposed == oracle.exposed()
    assert tally.arrived == oracle.arrived()
    assert tally.late == oracle.late(measures)
    for measure in measures:
        assert tally.immature[measure.metric] == oracle.immature(measure)
        assert same_cells(cells_of(tally.tables[measure.metric]), expected_cells(oracle, measure)), measure


@pytest.mark.chance
def test_ten_thousand_streams_equal_the_oracle_whatever_the_order_of_arrival():
    rng = random.Random(SEED)
    met: Counter[str] = Counter()
    for number in range(STREAMS):
        stream_seed = rng.randrange(2**31)
        events = Maker(stream_seed, rng.choice([1, 2, 2, 3])).stream()
        looks = sorted(day(rng.randrange(12, DAYS + 22)) for _ in range(rng.choice([2] * 9 + [3])))
        looks = [None, looks[-1]] if rng.random() < 0.2 else looks
        until = day(rng.randrange(15, DAYS)) if rng.random() < 0.3 else None
        measures = rng.sample(MEASURES, 2)
        for since, as_of in itertools.pairwise(looks):
            arguments = {"as_of": as_of, "since": since, "until": until, "measures": measures}
            try:
                by_arrival = reduce(sorted(events, key=lambda event: event.known_at), **arguments)
                check(by_arrival, Oracle(events, as_of, since, until), measures)
                rng.shuffle(events)
                assert plain(reduce(events, **arguments)) == plain(by_arrival)
            except AssertionError as problem:
                problem.add_note(f"MESOCYCLE_SEED={SEED}, stream {number}: Maker({stream_seed}), {arguments}")
                raise
            met.update(by_arrival.excluded)
            met.update(member=len(by_arrival.members), late=by_arrival.late, arrived=by_arrival.arrived.total())
            met.update(immature=sum(by_arrival.immature.values()), known=sum(
                table.sums[:, 3].sum() for table in by_arrival.tables.values()))  # fmt: skip
    rare = {name for name in [*Reason, "member", "late", "arrived", "immature", "known"] if met[name] < STREAMS // 50}
    assert not rare, f"these streams hardly test {rare}: {met}"


@pytest.mark.chance
def test_a_look_does_not_change_when_more_comes_to_be_known():
    rng = random.Random(SEED + 1)
    for number in range(500):
        maker = Maker(rng.randrange(2**31), 4)
        events, more, as_of = maker.stream(), maker.stream(), day(rng.randrange(12, DAYS))
        later = [event._replace(known_at=max(event.known_at, as_of + timedelta(seconds=1))) for event in more]
        before = reduce(events, as_of=as_of, since=as_of - WEEK, measures=MEASURES)
        after = reduce(later + events, as_of=as_of, since=as_of - WEEK, measures=MEASURES)
        assert plain(after) == plain(before), f"MESOCYCLE_SEED={SEED}, stream {number}"


@pytest.mark.chance
def test_arrivals_of_consecutive_looks_add_up_to_those_of_one():
    rng = random.Random(SEED + 2)
    for number in range(500):
        events = Maker(rng.randrange(2**31), 5).stream()
        looks = sorted({day(rng.randrange(5, DAYS + 22)) for _ in range(4)})
        total: Counter = Counter()
        for since, as_of in zip([None, *looks], looks, strict=False):
            total.update(reduce(events, as_of=as_of, since=since).arrived)
        assert total == reduce(events, as_of=looks[-1]).arrived, f"MESOCYCLE_SEED={SEED}, stream {number}"


def plain_subject(subject="s", variant="a", joined=10.0, **changes) -> list:
    """One subject who agreed, was assigned and then exposed a day later; all known at once."""
    times = {"agreed": joined - 1, "assigned": joined, "exposed": joined + 1} | changes
    agreed, assigned, exposed = (day(times[name]) for name in ("agreed", "assigned", "exposed"))
    return [
        Agreed(f"g{subject}", subject, True, agreed, agreed),
        Assigned(f"a{subject}", subject, variant, 1, "run", assigned, assigned),
        Exposed(f"x{subject}", subject, variant or "a", "kim", exposed, exposed),
    ]


def fact(number: float, y=1.0, d=1.0, metric="load", name=None) -> Measured:
    return Measured(name or f"f{number}", "s", metric, y, d, day(number), day(number))


def test_a_fact_of_withdrawn_time_does_not_count_after_consent_came_back():
    gone = [Agreed("g1", "s", False, day(13), day(13)), Agreed("g2", "s", True, day(15), day(15))]
    facts = [fact(number) for number in (12, 13, 14, 15, 16)]
    found = reduce([*plain_subject(), *gone, *facts], as_of=day(30), measures=[Measure("load", Shape.MEAN)])
    assert found.tables["load"].sums[:, 0] == [3]  # days 12, 15 and 16


def test_a_window_holds_its_start_and_not_its_end_and_the_pre_period_ends_at_exposure():
    measure = Measure("load", Shape.MEAN, stop=timedelta(days=5), before=timedelta(days=5))
    facts = [fact(5.9, 1), fact(6, 10), fact(10.9, 100), fact(11, 0.5), fact(15.9, 0.25), fact(16, 1000)]
    cells = cells_of(reduce([*plain_subject(), *facts], as_of=day(16), measures=[measure]).tables["load"])
    (cell,) = cells.values()
    assert cell[:5] == [1, 0.75, 1, 110, 1]


def test_who_has_no_whole_window_is_counted_apart_but_not_of_a_ratio():
    week = [Measure("load", Shape.MEAN, stop=WEEK), Measure("speed", Shape.RATIO, stop=WEEK)]
    events = [*plain_subject(), fact(12), fact(12, metric="speed")]
    found = reduce(events, as_of=day(17.9), measures=week)
    assert found.immature == {"load": 1, "speed": 0}
    assert (found.tables["load"].n.sum(), found.tables["speed"].n.sum()) == (0, 1)
    assert reduce(events, as_of=day(18), measures=week).immature == {"load": 0, "speed": 0}


def test_a_correction_counts_from_when_it_is_known_and_takes_the_first_value_away():
    corrected = fact(12, 7, name="session")._replace(known_at=day(20))
    events = [*plain_subject(), fact(12, 3, name="session"), corrected]
    measure = [Measure("load", Shape.MEAN)]
    assert reduce(events, as_of=day(19), measures=measure).tables["load"].sums[:, 0] == [3]
    found = reduce(events, as_of=day(21), since=day(19), measures=measure)
    assert (found.tables["load"].sums[:, 0], found.late) == ([7], 1)
    assert reduce(events, as_of=day(22), since=day(21), measures=measure).late == 0


@pytest.mark.parametrize(("assigned", "counts"), [(9.9, True), (10, False), (11.9, False), (12, True)])
def test_an_assignment_made_in_a_pause_does_not_count(assigned, counts):
    pause = [Paused("p", day(10), day(10)), Resumed("r", day(12), day(12))]
    found = reduce([*plain_subject(assigned=assigned, exposed=13), *pause], as_of=day(30))
    assert (len(found.members), found.excluded) == ((1, {}) if counts else (0, {Reason.NOT_ASSIGNED: 1}))


def test_a_pause_that_became_known_late_takes_members_out_but_moves_no_arrival():
    events = [*plain_subject(), Paused("p", day(9), day(20))]
    place = {(1, "run", "a"): 1}
    assert (reduce(events, as_of=day(19)).arrived, len(reduce(events, as_of=day(19)).members)) == (place, 1)
    assert (reduce(events, as_of=day(21)).arrived, len(reduce(events, as_of=day(21)).members)) == (place, 0)


def test_reasons_have_an_order():
    second = Exposed("x2", "s", "b", "kim", day(14), day(14))
    gone = Agreed("g2", "s", False, day(15), day(15))
    held_out = plain_subject(variant="")
    assert reduce([*held_out, second, gone], as_of=day(30)).excluded == {Reason.WITHDRAWN: 1}
    assert reduce([*held_out, second], as_of=day(30)).excluded == {Reason.NOT_ASSIGNED: 1}
    assert reduce([*plain_subject(), second], as_of=day(30)).excluded == {Reason.SEVERAL_VARIANTS: 1}
    assert reduce(plain_subject()[1:], as_of=day(30)).excluded == {Reason.WITHDRAWN: 1}


def test_nothing_is_a_tally_of_nothing():
    found = reduce([], as_of=day(0), since=day(0), measures=MEASURES)
    assert (found.members, found.excluded, found.arrived, found.late) == ((), {}, {}, 0)
    assert all(cells_of(table) == {} for table in found.tables.values())


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        reduce([], as_of=datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="after the one before"):
        reduce([], as_of=day(0), since=day(1))
    with pytest.raises(ValueError, match="one measure"):
        reduce([], as_of=day(0), measures=[Measure("load", Shape.MEAN), Measure("load", Shape.SHARE)])
    with pytest.raises(ValueError, match="finite"):
        reduce([*plain_subject(), fact(12, float("nan"))], as_of=day(30), measures=[Measure("load", Shape.MEAN)])
    for start, stop, before in [(-1, None, 0), (0, 0, 0), (3, 2, 0), (0, None, -1)]:
        with pytest.raises(ValueError, match="window"):
            Measure("load", Shape.MEAN, timedelta(start), None if stop is None else timedelta(stop), timedelta(before))


def test_the_sums_are_those_of_moments():
    events = [*plain_subject(), fact(12, 3), fact(8, 5)]
    (cell,) = cells_of(
        reduce(events, as_of=day(30), measures=[Measure("load", Shape.MEAN, before=WEEK)]).tables["load"]
    ).values()
    assert Moments(*cell) == Moments.of_mean(1, 3, 9, known=1, z=5, zz=25, yz=15, y_known=3)
