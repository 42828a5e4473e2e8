"""What is told of an experiment: from its looks alone, hidden where it must be, and "inconclusive" where it is."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.analysis import Finding
from experiments.judging import decisions_of
from experiments.looks import Look
from experiments.protocol import Guarded
from experiments.report import GuardOutcome, Report, Stand, document, plain_json, report, rows
from experiments.report.compare import harm_of, rows_of
from experiments.report.make import span_at
from tests.experiments.report.stories import DAY, METRICS, PROTOCOL, START, facts, looks

pytestmark = pytest.mark.pure
ABOUT = facts()
THREE = facts(weights={1: {"a": 40.0, "b": 30.0, "c": 30.0}})
STORIES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "better": {"effect": {"b": 0.9}},
    "harm": {"harm": {"b": 2.0}},
    "hidden": {"lost": 0.9, "days": 21, "a_day": 40},
    "few": {"coaches": 2},
}


@lru_cache(maxsize=16)
def story(name: str) -> tuple[Look, ...]:
    return tuple(looks(ABOUT, **STORIES[name]))


@lru_cache(maxsize=1)
def three() -> tuple[Look, ...]:
    return tuple(looks(THREE, a_day=20, effect={"c": 0.9}))


def told(name: str, **changes: Any) -> Report:
    found = story(name)
    return report(facts(**changes), found, now=found[-1].as_of + timedelta(hours=16))


def test_nothing_known_is_called_inconclusive_and_what_is_possible_is_said():
    found = told("nothing")
    assert found.headline.outcome is Finding.INCONCLUSIVE
    assert found.headline.title.startswith("Inconclusive")
    assert "No effect, the target of +0.5 and a difference of less than 2 % are still possible." in found.headline.words
    assert "More is known after 22 Mar" in found.headline.words
    [one] = found.treatments
    assert one.outlook is not None
    assert (one.outlook.none, one.outlook.target) == (Stand.POSSIBLE, Stand.POSSIBLE)
    assert {row.finding for row in (one.primary, *one.goals)} == {Finding.INCONCLUSIVE}


def test_a_shown_difference_is_better_and_one_where_less_is_better_is_worse():
    [one] = told("better").treatments
    found = {row.metric.name: row.finding for row in (one.primary, *one.goals)}
    assert found == {"score": Finding.BETTER, "share": Finding.BETTER, "speed": Finding.WORSE}
    assert told("better").headline.title.startswith("Better: b changes score by")
    assert one.outlook is not None
    assert (one.outlook.none, one.outlook.worst) == (Stand.RULED_OUT, 0.0)


def test_a_target_downwards_is_reached_by_what_lies_below_it():
    wanted = replace(PROTOCOL, primary="speed", goals=(), target=-0.05)
    found = report(facts(protocol=wanted), looks(facts(protocol=wanted), effect={"b": -1.2}), now=START + 15 * DAY)
    [one] = found.treatments
    assert one.primary.finding is Finding.BETTER
    assert one.outlook is not None
    assert one.outlook.target is Stand.REACHED


def test_a_lift_that_is_too_good_is_told_as_one_to_be_checked():
    found = report(ABOUT, looks(ABOUT, effect={"b": 2.0}), now=START + 15 * DAY)
    assert found.treatments[0].primary.too_good
    assert "not to be believed unchecked" in found.headline.words


def test_phase_funnel_and_arms_are_sums_of_the_look():
    found = told("hidden")
    funnel, last = found.funnel, story("hidden")[-1]
    assert (found.phase.day, found.phase.of, found.number) == (21, 42, 21)
    assert found.age == timedelta(hours=16)
    assert found.next_look == last.as_of + DAY
    assert funnel.members == {n: sum(one[n] for one in found.strata.values()) for n in funnel.members}
    assert sum(funnel.exposed.values()) == sum(funnel.members.values()) + sum(funnel.excluded.values())
    assert found.balance.unexposed == {n: funnel.assigned[n] - funnel.exposed[n] for n in ("a", "b")}
    observed = {n: sum(one.observed[n] for one in found.balance.strata) for n in ("a", "b")}
    assert found.balance.whole.observed == observed
    assert sum(found.balance.whole.expected.values()) == pytest.approx(sum(observed.values()))


def numbers_in(value: Any) -> set[float]:
    """Return every number of a JSON document."""
    if isinstance(value, dict):
        return {one for each in value.values() for one in numbers_in(each)}
    if isinstance(value, list):
        return {one for each in value for one in numbers_in(each)}
    return {round(value, 9)} if isinstance(value, float) else set()


def keys_in(value: Any) -> set[str]:
    """Return every name in a JSON document."""
    if isinstance(value, dict):
        return set(value).union(*map(keys_in, value.values()))
    return set().union(*map(keys_in, value)) if isinstance(value, list) else set()


def estimates_of(look: Look) -> set[float]:
    """Return what must not be told: each arm's value, adjusted or not, and each difference."""
    values = {arm.value for one in look.measured.values() for arm in one.arms.values()}
    for one in look.measured.values():
        for pair in one.pairs.values():
            values |= {pair.mean_treatment, pair.mean_control, pair.difference, pair.se, pair.variance_treatment}
    return {round(value, 9) for value in values if value is not None}


def test_while_the_sample_ratio_alarms_no_estimate_is_anywhere_in_the_report():
    found = told("hidden")
    assert found.hidden
    assert found.treatments == ()
    assert found.headline.outcome is Finding.HIDDEN
    leaked = estimates_of(story("hidden")[-1])
    assert len(leaked) > 20
    assert numbers_in(plain_json(found)) & leaked == set()
    assert keys_in(plain_json(found)) & {"estimate", "difference", "p_value", "low", "lifts", "course", "arms"} == {
        "arms"
    }
    assert found.arms == ("a", "b"), "which are names alone"
    with pytest.raises(ValueError, match="hidden"):
        document(found)
    with pytest.raises(ValueError, match="hidden"):
        rows(ABOUT, story("hidden"))


def test_what_is_shown_otherwise_would_be_found_by_that_search():
    found = told("better")
    assert len(numbers_in(plain_json(found)) & estimates_of(story("better")[-1])) > 10


def test_the_drill_down_begins_with_the_stratum_that_lost_its_subjects():
    balance = told("hidden").balance
    first, second = balance.strata
    assert (first.name, first.short, first.alarms, second.alarms) == ("Cycling", "b", True, False)
    assert first.missing == pytest.approx(first.expected["b"] - first.observed["b"])
    assert balance.alarmed is not None
    earlier = [one for one in story("hidden") if one.as_of < balance.alarmed]
    assert not report(ABOUT, earlier, now=START + 30 * DAY).hidden
    assert report(ABOUT, story("hidden"), as_of=balance.alarmed, now=START + 30 * DAY).hidden


def test_pooled_guardrails_are_one_value_over_all_arms():
    found = told("hidden")
    [one] = found.pooled
    arms = story("hidden")[-1].measured["harm"].arms.values()
    assert one.n == sum(arm.n for arm in arms)
    assert one.value == pytest.approx(sum(arm.n * arm.value for arm in arms) / one.n)


def test_an_alarm_is_told_by_phase_where_phases_have_other_weights():
    later = facts(weights={1: {"a": 50.0, "b": 50.0}, 2: {"a": 10.0, "b": 90.0}})
    found = report(later, story("hidden"), now=START + 30 * DAY)
    assert [one.name for one in found.balance.phases] == ["Phase 1"]


def test_strata_that_were_not_named_are_not_judged_and_the_whole_is():
    found = report(facts(strata=("sport=rowing",)), story("hidden"), now=START + 30 * DAY)
    assert found.hidden
    assert found.balance.alarm_at == pytest.approx(125)


@pytest.mark.parametrize(("days", "whole"), [(7, False), (13, False), (14, True), (20, False), (21, True)])
def test_whole_weeks_alone_are_judged_and_two_at_least(days, whole):
    found = report(ABOUT, looks(ABOUT, days=days, effect={"b": 0.9}), now=START + 50 * DAY)
    assert (found.headline.outcome is Finding.TOO_EARLY) is not whole
    [one] = found.treatments
    assert (one.judged is not None) is (days == 20)
    if days == 20:
        assert "At the end of the last whole week" in found.headline.words


def test_a_look_within_a_day_is_of_no_whole_week_and_an_end_within_one_is():
    assert not any(span_at(ABOUT, START + 7 * week * DAY + timedelta(hours=9)).whole for week in (2, 3))
    assert not span_at(ABOUT, START + 13 * DAY + timedelta(hours=9)).whole
    begun = facts(start_at=START + timedelta(hours=8), end_at=START + 28 * DAY + timedelta(hours=8))
    assert span_at(begun, START + 14 * DAY).whole
    assert span_at(begun, START + 31 * DAY).whole
    assert not span_at(begun, START + 15 * DAY).whole


def test_a_guardrail_that_stops_stops_what_is_said_of_every_metric():
    found = told("harm")
    [one] = found.treatments
    assert found.headline.title == "Stopped: under b harm is worse than under a by more than the margin."
    assert [row.finding for row in one.rows] == [Finding.STOPPED] * 3 + [GuardOutcome.STOPPED]
    assert one.guardrails[0].guard is not None
    assert one.guardrails[0].guard.p_value < 0.05


@pytest.mark.parametrize("relative", [False, True])
def test_a_guardrail_is_clear_only_where_harm_beyond_its_margin_is_ruled_out(relative):
    wide = replace(PROTOCOL, guardrails=(Guarded("harm", 0.9 if relative else 2.5, relative),))
    tight = replace(PROTOCOL, guardrails=(Guarded("harm", 0.01, relative),))
    for protocol, outcome in ((wide, GuardOutcome.CLEAR), (tight, GuardOutcome.OPEN)):
        [row] = told("nothing", protocol=protocol).treatments[0].guardrails
        assert row.finding is outcome
        assert row.guard is not None
        assert row.estimate is not None
        assert (row.estimate.high < row.guard.limit) is (outcome is GuardOutcome.CLEAR)


def test_too_few_coaches_is_not_identified_and_says_why():
    found = told("few")
    [one] = found.treatments
    assert found.headline.outcome is Finding.NOT_IDENTIFIED
    assert one.primary.estimate is None
    assert "clusters" in one.primary.not_identified
    assert one.guardrails[0].finding is GuardOutcome.NO_DATA
    assert {point.low for point in one.course} == {None}


def test_goals_are_adjusted_over_goals_and_treatments_and_the_primary_over_treatments():
    found = report(THREE, three(), now=START + 15 * DAY)
    assert found.families == {
        "primary": "Holm over 2 treatments",
        "goal": "Holm over 2 goals × 2 treatments",
        "guardrail": "",
    }
    goals = [row for one in found.treatments for row in one.goals]
    ordered = sorted((row.estimate.p_value, row.p_adjusted) for row in goals)
    assert ordered[0][1] == pytest.approx(min(1.0, 4 * ordered[0][0]))
    for row in (*goals, *(one.primary for one in found.treatments)):
        assert row.p_adjusted >= row.estimate.p_value
    assert found.headline.title.startswith("Better: c. Inconclusive: b.")


def test_one_question_is_not_adjusted():
    alone = replace(PROTOCOL, goals=("share",))
    [one] = told("better", protocol=alone).treatments
    assert (one.primary.p_adjusted, one.goals[0].p_adjusted) == (None, None)


@pytest.mark.parametrize("name", ["nothing", "better"])
def test_p_is_below_alpha_exactly_where_the_interval_excludes_no_effect(name):
    found = rows(ABOUT, story(name)) + rows(THREE, three())
    identified = [row for row in found if row["p"] is not None]
    assert len(identified) > 40
    for row in identified:
        assert (row["p"] < 0.05) is (row["low"] > 0 or row["high"] < 0)
        if row["lift_shape"] == "interval":
            assert (row["p"] < 0.05) is (row["lift_low"] > 0 or row["lift_high"] < 0)


@given(st.integers(1, 14), st.integers(0, 10))
def test_a_report_as_of_a_look_is_the_same_whatever_looks_come_later(day, more):
    all_looks, as_of, now = story("better"), START + day * DAY, START + 50 * DAY
    then = report(ABOUT, all_looks[:day], as_of=as_of, now=now)
    assert report(ABOUT, all_looks[: day + more], as_of=as_of, now=now) == then
    assert report(ABOUT, all_looks[: day + more], as_of=as_of + timedelta(hours=23), now=now) == then
    assert rows(ABOUT, all_looks[: day + more], as_of=as_of) == rows(ABOUT, all_looks[:day])


@pytest.mark.parametrize("name", ["nothing", "harm", "few"])
def test_tidy_rows_judge_guardrails_look_by_look_as_all_looks_together_do(name):
    found = {(row["look"], row["role"]): row for row in rows(ABOUT, story(name)) if row["role"] == "guardrail"}
    for number in range(1, 15):
        seen = story(name)[:number]
        [decision] = decisions_of(ABOUT.protocol, seen, ABOUT.weights[1], harm_of(ABOUT))
        row = found[number, "guardrail"]
        assert (row["finding"] == "stopped") is (decision.action == "stop")
        assert row["guardrail_p"] == decision.p_value
        assert row["finding"] == rows_of(ABOUT, seen, span_at(ABOUT, seen[-1].as_of))["b"].guardrails[0].finding


def test_tidy_rows_are_one_for_each_metric_treatment_and_look_and_end_with_the_report():
    found = rows(THREE, three())
    assert len(found) == len({(row["look"], row["treatment"], row["metric"]) for row in found}) == 14 * 2 * 4
    last = report(THREE, three(), now=START + 15 * DAY)
    for one in last.treatments:
        [row] = [r for r in found if r["look"] == 14 and r["treatment"] == one.name and r["role"] == "primary"]
        assert row["difference"] == one.primary.estimate.difference
        assert (row["finding"], row["p_adjusted"]) == (one.primary.finding, one.primary.p_adjusted)


def test_the_course_ends_with_the_newest_interval_and_grows_narrower():
    [one] = told("nothing").treatments
    assert (one.course[-1].low, one.course[-1].high) == (one.primary.estimate.low, one.primary.estimate.high)
    known = [point for point in one.course if point.low is not None]
    assert known[-1].high - known[-1].low < known[0].high - known[0].low
    assert one.outlook.half_width < (known[-1].high - known[-1].low) / 2


def test_there_is_no_report_without_a_look():
    with pytest.raises(ValueError, match="no look"):
        report(ABOUT, story("nothing"), as_of=START, now=START)


def test_every_document_is_json():
    for found in (told("better"), told("few"), told("harm")):
        assert json.loads(json.dumps(document(found), allow_nan=False))["key"] == "taper"
    assert {"age", "status", "next_look"} & document(told("better")).keys() == set()
    assert METRICS.keys() >= {row["metric"] for row in rows(ABOUT, story("few"))}
