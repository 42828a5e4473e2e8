"""The list before the start, line by line."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from experiments.preview import Arrivals, Source, Unknown, allocate, background, draw, sensitivity
from experiments.preview.readiness import Weight, checks_of
from experiments.protocol import Guarded, Protocol
from tests.experiments.making import START, running
from tests.experiments.preview.people import NOW, candidate, roster, sums
from tests.experiments.preview.test_sensitivity import RATIO, clusters

pytestmark = pytest.mark.pure
OWN = ("sport", "level", "tier")
ASKED = Protocol("control", "m", 100, guardrails=(Guarded("errors", 0.1, False),), target=1.2)
NOTHING = Unknown("nobody asked")


def lines(people, *, asked=ASKED, seen=NOTHING, **changes) -> list[str]:
    configuration = running(**{"end_at": None, "stratification_keys": ["sport"], **changes})
    allocation = allocate(configuration, people, draw(configuration, people), control="control")
    found = checks_of(configuration, asked, allocation, (), seen, own=OWN)
    order = [list(Weight).index(check.weight) for check in found]
    assert order == sorted(order)
    return [f"{check.weight}: {check}" for check in found]


def about(people, lead: str, **more) -> list[str]:
    return [line for line in lines(people, **more) if f": {lead}: " in line]


def foreseen(target: float | None = 1.2, weekly: int = 80):
    people = roster(320, coaches=40)
    past = background(RATIO, sums(people, sd=3.0, coach_sd=0.5), clusters(people), until=NOW)
    coming = Arrivals(tuple(weekly * week for week in range(1, 9)), weekly * 8, Source.USES)
    halves = {"control": 0.5, "advanced": 0.5}
    return sensitivity(past, coming, replace(ASKED, target=target), RATIO, shares=halves, days=None)


def test_nobody_to_take_blocks():
    assert about([], "Roster") == ["blocker: Roster: there is no athlete"]
    agreed_to_nothing = [candidate(1, consented=None), candidate(2, consented=False)]
    assert about(agreed_to_nothing, "Consent")[0].startswith("blocker: ")
    nobody = about(roster(8), "Nobody", targeting={"sport": ["rowing"]})
    assert nobody == ["blocker: Nobody: is left of those who agreed: see targeting, holdout, layer and traffic"]
    assert not about(roster(8), "Nobody")


def test_arms_that_get_nobody_are_named():
    weights = {"control": 50, "advanced": 50, "extra": 0}
    assert about(roster(40), "extra", variant_weights=weights) == ["warning: extra: has a weight of 0 and gets nobody"]
    found = lines([candidate(1)], stratification_keys=[])
    assert sum("gets nobody of 1 athletes" in line for line in found) == 1


def test_strata_that_records_do_not_know():
    people = roster(8)
    assert about(people, "Strata", stratification_keys=["device"])[0].startswith("warning: ")
    assert about(people, "Strata", stratification_keys=["device"], roster="closed")[0].startswith("blocker: ")
    sets = replace(ASKED, parameter="taper", values=(("control", "x"), ("advanced", "y")))
    assert about(people, "Strata", stratification_keys=["device"], asked=sets)[0].startswith("blocker: ")


def test_small_strata_are_named_up_to_three():
    found = [line for line in lines(roster(30)) if "separate result" in line]
    assert len(found) == 4
    assert found[0] == "warning: Cycling: 8 athletes, no separate result will be shown (min 15)"
    assert found[3] == "warning: Strata: 1 more have fewer than 15 athletes: no separate results"
    assert not [line for line in lines(roster(60)) if "separate result" in line]
    assert not [line for line in lines(roster(10), stratification_keys=[]) if "separate result" in line]


def test_an_end_that_is_too_early():
    seen = foreseen()
    assert seen.days_needed == 56
    short = about(roster(60), "End date", seen=seen, end_at=(START + timedelta(days=54, hours=6)).isoformat())
    assert short == ["warning: End date: 24 Apr 2026 is 2 days short of the 56 days needed for the target"]
    assert about(roster(60), "End date", seen=seen, end_at=(START + timedelta(days=56)).isoformat()) == []
    hasty = about(roster(60), "End date", end_at=(START + timedelta(days=13)).isoformat())
    assert "before 2 whole weeks have passed" in hasty[0]


def test_a_target_that_is_not_reached():
    found = about(roster(60), "Target", seen=foreseen(target=0.5))
    assert "athletes would show it" in found[0] and "640 athletes of the roster would be in" in found[0]
    assert about(roster(60), "Target", seen=foreseen(target=None)) == [
        "warning: Target: none is given, so nobody can tell how long it must run"
    ]
    never = replace(foreseen(), days_needed=None)
    assert "nobody met the use" in about(roster(60), "Target", seen=never)[0]
    assert about(roster(60), "Target", seen=foreseen()) == []


def test_both_ends_are_told_where_coaches_make_a_difference():
    seen = replace(foreseen(target=0.5), needed=None, needed_at_best=900)
    assert "900 athletes would show it if both arms" in about(roster(60), "Target", seen=seen)[0]
    none = replace(seen, needed_at_best=None)
    assert "no number of athletes shows it" in about(roster(60), "Target", seen=none)[0]


def test_a_closed_roster_says_who_stays_outside_and_what_was_planned():
    people = [*roster(40), candidate(40, consented=None)]
    assert "1 not asked so far" in about(people, "Consent", roster="closed")[0]
    assert "100 planned, 40 would be in" in about(people, "Planned", roster="closed")[0]
    assert about(people, "Planned") == []
    assert about(people, "Consent") == []


def test_what_is_fine_is_said_too():
    assert about(roster(60), "Question") == ["good: Question: m against control; 1 guardrail stops it by itself"]
    unguarded = about(roster(60), "Question", asked=replace(ASKED, guardrails=()))
    assert unguarded == ["warning: Question: m against control; nothing stops it by itself"]
    assert about(roster(60), "Balance")[0].startswith("good: Balance: 200 other starts")
    tunnel = about(roster(60), "Balance", variant_weights={"control": 51, "advanced": 49})
    assert tunnel == ["good: Balance: each arm is always less than 1 from its share in every stratum"]
