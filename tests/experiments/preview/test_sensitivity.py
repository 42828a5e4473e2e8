"""What a roster's past says: estimates against known truth, and "not known" where it says nothing."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.analysis import Design, detectable, power
from experiments.preview import Arrivals, Source, Unknown, arrivals, background, powered, sensitivity
from experiments.preview.sensitivity import intraclass_correlation
from experiments.protocol import Protocol
from experiments.streams import Measure, Shape
from tests.experiments.preview.people import DAY, NOW, fact, roster, sums

pytestmark = pytest.mark.pure
MONTH = timedelta(days=28)
MEAN = Measure("m", Shape.MEAN, stop=MONTH, before=MONTH)
RATIO = Measure("m", Shape.RATIO, before=MONTH)
SHARE = Measure("m", Shape.SHARE, start=3 * timedelta(days=7), stop=MONTH)
HALVES = {"a": 0.5, "b": 0.5}


def clusters(people):
    return {one.id: one.cluster for one in people}


def asked(**more):
    return Protocol(**{"control": "a", "primary": "m", "planned_subjects": 100, **more})


def test_the_spread_of_subjects_and_coaches_is_found():
    people = roster(2000, coaches=100)
    found = background(MEAN, sums(people, sd=3.0, coach_sd=1.0), clusters(people), until=NOW)
    assert found.mean == pytest.approx(10, abs=0.4)
    assert found.sd == pytest.approx(10**0.5, rel=0.05)
    assert found.icc == pytest.approx(0.1, abs=0.05)
    assert (found.clusters, found.cluster_size_cv, found.subjects, found.of) == (100, 0.0, 2000, 2000)
    assert found.variance_reduction == pytest.approx(0.01, abs=0.015)  # the coach alone
    assert (found.span, found.before) == (MONTH, MONTH)


def test_what_stays_with_a_person_is_explained_by_the_period_before():
    people = roster(2000, coaches=2000)
    found = background(MEAN, sums(people, sd=2.0, kept=0.8), clusters(people), until=NOW)
    assert found.clusters is None and found.icc == 0.0
    assert found.variance_reduction == pytest.approx(0.64**2, abs=0.05)
    without = background(
        Measure("m", Shape.MEAN, stop=MONTH), sums(people, sd=2.0, kept=0.8), clusters(people), until=NOW
    )
    assert without.variance_reduction == 0.0


def test_a_ratio_is_made_linear_and_who_has_no_fact_does_not_count():
    random = np.random.default_rng(3)
    people = roster(3000, coaches=3000)
    facts, ratios = [], []
    for one in people[:2500]:
        d = float(random.integers(1, 9))
        y = 0.6 * d + random.normal(0, 0.3) * d**0.5
        facts.append(fact(one.id, 5, y, d=d))
        ratios.append((y - 0.6 * d) / 4.5)
    found = background(RATIO, facts, clusters(people), until=NOW)
    assert (found.subjects, found.of) == (2500, 3000)
    assert found.mean == pytest.approx(0.6, abs=0.01)
    assert found.sd == pytest.approx(np.std(ratios), rel=0.05)


def test_a_share_counts_whoever_did_it_and_nobody_twice():
    people = roster(40)
    facts = [fact(one.id, day, 1.0) for one in people[:10] for day in (1, 2)]
    facts += [fact(one.id, 1, 0.0) for one in people[10:20]]
    found = background(SHARE, facts, clusters(people), until=NOW)
    assert (found.mean, found.subjects, found.span) == (0.25, 40, timedelta(days=7))
    assert found.sd == pytest.approx((0.25 * 0.75 * 40 / 39) ** 0.5)


def test_of_one_id_what_is_known_last_counts():
    people = roster(30)
    due = [fact(one.id, 3, 0.0, key=one.id) for one in people]
    done = [due[n]._replace(y=1.0, known_at=NOW - DAY) for n in range(12)]
    told_later = due[20]._replace(y=5.0, known_at=NOW + DAY)
    found = background(RATIO, [*done, *due, told_later], clusters(people), until=NOW)
    assert found.mean == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("people", "facts", "why"),
    [
        (roster(60), [fact(one.id, 5, n) for n, one in enumerate(roster(19))], "19 of 60 athletes have a value"),
        (roster(60), [fact(one.id, 70, n) for n, one in enumerate(roster(60))], "0 of 60 athletes"),
        (roster(60), [fact(one.id, 5, 0.7) for one in roster(60)], "all 60 athletes have the same value"),
        (roster(60, coaches=2), [fact(one.id, 5, n) for n, one in enumerate(roster(60))], "have 2 coaches"),
    ],
)
def test_what_the_past_does_not_tell_is_not_made_up(people, facts, why):
    found = background(RATIO, facts, clusters(people), until=NOW)
    assert isinstance(found, Unknown)
    assert why in found.why


@given(
    values=st.lists(st.integers(-8000, 8000).map(lambda n: n / 8), min_size=4, max_size=30),
    groups=st.integers(2, 3),
    shift=st.integers(-100, 100),  # eighths and whole numbers: a shift of 100 would leave nothing of values of 1e-13
)
def test_the_correlation_lies_between_nothing_and_one(values, groups, shift):
    names = [str(n % groups) for n in range(len(values))]
    found = intraclass_correlation(np.array(values), names)
    assert 0 <= found <= 1
    assert intraclass_correlation(np.array(values) + shift, names) == pytest.approx(found, abs=1e-6)


def test_the_correlation_of_a_textbook_case():
    # Groups of three: means 2, 5 and 11; between 63, inside 1.
    values = np.array([1, 2, 3, 4, 5, 6, 10, 11, 12], dtype=float)
    assert intraclass_correlation(values, list("aaabbbccc")) == pytest.approx((63 - 1) / (63 + 2 * 1))
    assert intraclass_correlation(np.array([1.0, 9.0, 1.0, 9.0]), list("aabb")) == 0.0
    with pytest.raises(ValueError, match="two groups"):
        intraclass_correlation(values, list("abcdefghi"))


def test_arrivals_are_first_uses_by_week():
    people = clusters(roster(40))
    names = sorted(people)
    uses = [fact(name, 55.5, 1) for name in names[:10]] + [fact(name, 3, 1) for name in names[:20]]
    uses += [fact("somebody else", 3, 1), fact(names[30], 57, 1)]
    found = arrivals(uses, people, source=Source.USES, until=NOW)
    assert found.weekly == (10, 10, 10, 10, 10, 10, 10, 20)
    assert found.a_day == 20 / 56
    assert [found.after(days) for days in (6, 7, 55, 56, 84, 1000)] == [0, 10, 10, 20, 30, 40]
    assert [found.days_for(n) for n in (1, 11, 21, 40, 41)] == [7, 56, 63, 112, None]


def test_a_closed_roster_of_unknown_use_is_there_at_once():
    found = arrivals([], clusters(roster(40)), source=Source.AT_ONCE, until=NOW)
    assert (found.after(7), found.days_for(40), found.days_for(41)) == (40, 7, None)


def past(people, measure=MEAN):
    return background(measure, sums(people, sd=3.0, coach_sd=0.5), clusters(people), until=NOW)


def test_the_target_takes_so_long_as_its_subjects_take_to_come_and_be_followed():
    people = roster(2000, coaches=200)
    coming = Arrivals(tuple(100 * week for week in range(1, 9)), 2000, Source.USES)
    found = sensitivity(past(people), coming, asked(target=0.8), MEAN, shares=HALVES, days=None)
    assert found.followed == 28
    assert [point.subjects for point in found.curve] == [0, 0, 200, 400]
    assert found.curve[0].detectable is None
    assert found.curve[2].detectable > found.curve[3].detectable
    assert (found.days, found.subjects) == (56, 400)
    assert found.worst.lift == pytest.approx(found.worst.detectable / found.background.mean)
    weeks = -(-found.needed // 100)
    assert found.days_needed == weeks * 7 + 28
    design = found.worst.design
    assert power(design, found.needed, 0.8) >= 0.8 > power(design, found.needed - 1, 0.8)
    at_once = sensitivity(
        past(people, RATIO),
        Arrivals((2000,) * 8, 2000, Source.AT_ONCE),
        asked(target=0.8),
        RATIO,
        shares=HALVES,
        days=30,
    )
    assert at_once.days_needed == 14, "the fewest weeks"
    assert at_once.subjects == 2000


def test_the_smallest_treatment_decides_and_alpha_is_shared():
    people = roster(2000, coaches=200)
    coming = Arrivals((2000,) * 8, 2000, Source.AT_ONCE)
    shares = {"a": 0.5, "b": 0.4, "c": 0.1, "d": 0.0}
    found = sensitivity(past(people, RATIO), coming, asked(), RATIO, shares=shares, days=None)
    assert [one.variant for one in found.treatments] == ["b", "c"]
    assert found.worst.variant == "c"
    assert found.worst.detectable > found.treatments[0].detectable
    assert found.worst.design.comparisons == 2
    assert found.worst.design.sequential
    assert (found.target, found.needed, found.days_needed) == (None, None, None)
    nobody = sensitivity(past(people, RATIO), coming, asked(), RATIO, shares={"a": 0.0, "b": 1.0}, days=None)
    assert isinstance(nobody, Unknown)


def test_more_than_the_roster_has_takes_for_ever():
    people = roster(60)
    coming = Arrivals((60,) * 8, 60, Source.AT_ONCE)
    found = sensitivity(past(people, RATIO), coming, asked(target=0.01), RATIO, shares=HALVES, days=None)
    assert found.needed is None or found.needed > 60
    assert found.days_needed is None


def test_a_design_answers_what_is_asked():
    design = Design(sd=1.0)
    found = powered(design, subjects=400, effect=0.4)
    assert found.detectable == detectable(design, 400)
    assert found.power == power(design, 400, 0.4)
    assert detectable(design, found.needed) <= 0.4 < detectable(design, found.needed - 1)
    assert powered(design, subjects=None, effect=0.4)[:2] == (None, None)
    assert powered(design, subjects=400, effect=None).needed is None
