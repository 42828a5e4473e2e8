"""Plans by a model version: whatever it says, guards hold, the race stays, and without it the plan is as ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling.learned.algorithm import SHIPPED_ALGORITHM, LearnedAlgorithm, Suggestion
from modeling.learned.context import KINDS, SessionContext
from plans.pipelines.contract import ProposedPlan
from plans.pipelines.learned import as_shipped
from plans.pipelines.preadjust import LEAST_LEFT, MOST_A_WEEK, brief, said
from plans.pipelines.registry import check_plan, generate
from tests.plans.pipelines.golden import athlete_of
from tests.plans.pipelines.learning import NAME, OTHER_PRIORS, TRAVEL, Overrides, shorter_long, version
from tests.plans.pipelines.random_requests import random_request
from tests.plans.pipelines.resimulate import unreported

pytestmark = pytest.mark.pure

SUGGESTIONS = st.one_of(
    st.builds(
        lambda factor: Suggestion("volume", 1.0, "made up", volume_factor=factor),
        st.floats(0.1, 3.0, allow_nan=False),
    ),
    st.builds(lambda kind: Suggestion("swap", 1.0, "made up", to_kind=kind), st.sampled_from([*KINDS, "rest", "race"])),
    st.builds(lambda shift: Suggestion("move", 1.0, "made up", day_shift=shift), st.integers(-9, 9)),
    st.just(Suggestion("rest", 1.0, "made up")),
    st.just(Suggestion("intensity", 1.0, "made up")),
    st.none(),
)


def made_up(suggestions: list[Suggestion | None], chances: list[float]) -> LearnedAlgorithm:
    """Return a version that answers by kind and weekday, the same for the same context."""

    def pick(context: SessionContext) -> int:
        return KINDS.index(context.kind) * 7 + context.weekday + context.week_number

    return version(
        lambda context: suggestions[pick(context) % len(suggestions)],
        lambda context: chances[pick(context) % len(chances)],
    )


def sessions_of(plan: ProposedPlan):  # type: ignore[no-untyped-def]
    return [session for week in plan.weeks for session in week.sessions]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 5000),
    suggestions=st.lists(SUGGESTIONS, min_size=1, max_size=12),
    chances=st.lists(st.floats(0.0, 1.0, allow_nan=False), min_size=1, max_size=12),
)
def test_whatever_is_suggested_guards_hold_and_the_plan_stays_a_plan(
    seed: int, suggestions: list[Suggestion | None], chances: list[float]
) -> None:
    pipeline, shipped, goal = random_request(seed)
    athlete = replace(shipped, algorithm=made_up(suggestions, chances))
    placed = replace(shipped, algorithm=made_up([None], chances))
    plan, before = (generate(pipeline, one, goal, seed=seed) for one in (athlete, placed))
    assert check_plan(plan, athlete, goal) == ()
    assert unreported(plan, athlete, goal) == []
    assert plan == generate(pipeline, athlete, goal, seed=seed)
    sessions, usual = sessions_of(plan), {s.session_id: s for s in sessions_of(before)}
    assert len({s.session_id for s in sessions}) == len(sessions)
    assert {s.session_id for s in sessions} == usual.keys()
    assert {(r.guard, r.week_or_day) for r in plan.relaxed} <= {(r.guard, r.week_or_day) for r in before.relaxed}
    races = [s for s in sessions if s.kind == "race"]
    assert [s.day for s in races] == [goal.race_date]
    for week, as_proposed in zip(plan.weeks, before.weeks, strict=True):
        _check_week(week, as_proposed, goal)
    adjusted = {one["session_id"] for one in plan.provenance.get("adjustments", [])}
    for session in sessions:
        was = usual[session.session_id]
        assert session.session_id in adjusted or session == was or session.kind == "race"
        assert session.key_session == was.key_session or not was.key_session
        assert session.kind != "rest" or (session.load, session.prescribed_work["duration_min"]) == (0.0, 0)


def _check_week(week, as_proposed, goal) -> None:  # type: ignore[no-untyped-def]
    load = sum(s.load for s in week.sessions if s.kind != "race")
    usual = sum(s.load for s in as_proposed.sessions if s.kind != "race")
    assert load >= LEAST_LEFT * usual - 1e-6
    changed = {s.session_id for s in as_proposed.sessions if s not in week.sessions and s.kind != "race"}
    assert len(changed) <= MOST_A_WEEK
    for session in week.sessions:
        assert week.monday <= session.day < week.monday + timedelta(days=7)


@pytest.mark.parametrize("pipeline", ["simplified", "advanced", "auto", "template"])
def test_a_version_without_parts_plans_as_the_one_that_ships(pipeline: str) -> None:
    athlete, goal = athlete_of("10k", "advanced")
    shipped = generate(pipeline, athlete, goal, seed=1)
    empty = generate(pipeline, replace(athlete, algorithm=LearnedAlgorithm(NAME)), goal, seed=1)
    assert (empty.weeks, empty.predicted, empty.warnings) == (shipped.weeks, shipped.predicted, shipped.warnings)
    assert shipped.provenance["algorithm_version"] == "1"
    assert empty.provenance["algorithm_version"] == ("1" if pipeline == "template" else NAME)


def test_the_template_takes_nothing_from_a_version() -> None:
    athlete, goal = athlete_of("marathon", "intermediate")
    learned = replace(athlete, algorithm=version(shorter_long, lambda context: context.weekday / 7, OTHER_PRIORS))
    assert generate("template", learned, goal, seed=1) == generate("template", athlete, goal, seed=1)


def test_long_runs_are_shortened_and_say_why() -> None:
    athlete, goal = athlete_of("marathon", "advanced")
    plan = generate("advanced", replace(athlete, algorithm=version(shorter_long)), goal, seed=1)
    usual = {s.session_id: s for s in sessions_of(generate("advanced", athlete, goal, seed=1))}
    found = {s.session_id: s for s in sessions_of(plan)}
    adjustments = plan.provenance["adjustments"]
    assert len(adjustments) >= 5
    for one in adjustments:
        was, now = usual[one["session_id"]], found[one["session_id"]]
        minutes, before = now.prescribed_work["duration_min"], was.prescribed_work["duration_min"]
        assert now.kind == "long" and minutes < before
        assert minutes % 5 == 0 and abs(minutes - 0.88 * before) <= 2.5
        assert now.load < was.load
        assert one["reason"] == f"{TRAVEL} (34 cases, 9 coaches)"
        assert one["before"] == brief(was)
        assert one["original"]["load"] == was.load
    assert any("adjusted beforehand" in warning for warning in plan.warnings)
    assert plan.predicted != generate("advanced", athlete, goal, seed=1).predicted


def test_a_key_session_is_neither_taken_out_nor_made_easy() -> None:
    athlete, goal = athlete_of("half_marathon", "intermediate")
    for wish in (Suggestion("rest", 1.0, "rest"), Suggestion("swap", 1.0, "easy", to_kind="easy")):
        rule = Overrides(lambda context, wish=wish: wish if context.key_session else None)
        plan = generate("simplified", replace(athlete, algorithm=LearnedAlgorithm(NAME, overrides=rule)), goal, seed=1)
        assert "adjustments" not in plan.provenance
        assert any(context.key_session for context in rule.asked)


def test_a_session_that_is_not_key_can_be_taken_out_and_stays_to_be_seen() -> None:
    athlete, goal = athlete_of("half_marathon", "advanced")
    rule = version(lambda c: Suggestion("rest", 0.9, "coaches rest") if c.kind == "easy" and c.is_recovery else None)
    plan = generate("simplified", replace(athlete, algorithm=rule), goal, seed=1)
    (first, *_) = plan.provenance["adjustments"]
    session = next(s for s in sessions_of(plan) if s.session_id == first["session_id"])
    assert (session.kind, session.load, session.title) == ("rest", 0.0, "Rest")
    assert first["original"]["kind"] == "easy"


def test_sessions_move_to_free_days_of_their_week_only() -> None:
    athlete, goal = athlete_of("5k", "beginner")
    plan = generate(
        "simplified",
        replace(athlete, algorithm=version(lambda c: Suggestion("move", 0.9, "coaches move", day_shift=-1))),
        replace(goal, available_days=frozenset(range(7))),
        seed=1,
    )
    moved = plan.provenance["adjustments"]
    assert moved
    for one in moved:
        session = next(s for s in sessions_of(plan) if s.session_id == one["session_id"])
        assert session.day == date.fromisoformat(one["original"]["day"]) - timedelta(days=1)
    days = [s.day for s in sessions_of(plan) if s.kind != "rest"]
    assert len(days) == len(set(days))


def test_key_sessions_lie_where_they_are_completed() -> None:
    athlete, goal = athlete_of("marathon", "elite")
    learned = replace(athlete, algorithm=version(adherence=lambda c: 0.9 if c.weekday in (0, 2, 5) else 0.4))

    def long_days(plan: ProposedPlan) -> set[int]:
        return {s.day.weekday() for s in sessions_of(plan) if s.kind == "long" and s.key_session}

    usual, plan = (generate("advanced", one, goal, seed=1) for one in (athlete, learned))
    assert long_days(usual) == {6}
    assert 5 in long_days(plan)
    assert long_days(plan) <= {5, 6}
    for week, as_usual in zip(plan.weeks, usual.weeks, strict=True):
        assert key_kinds(week) == key_kinds(as_usual), week.number


def key_kinds(week):  # type: ignore[no-untyped-def]
    return sorted(s.kind for s in week.sessions if s.key_session)


@pytest.mark.parametrize("chance", [lambda c: 0.5, lambda c: 0.5 + 0.001 * c.weekday])
def test_where_nothing_is_to_be_gained_days_stay(chance) -> None:  # type: ignore[no-untyped-def]
    athlete, goal = athlete_of("10k", "intermediate")
    plan = generate("simplified", replace(athlete, algorithm=version(adherence=chance)), goal, seed=1)
    assert plan.weeks == generate("simplified", athlete, goal, seed=1).weeks


def test_contexts_are_what_was_known() -> None:
    athlete, goal = athlete_of("10k", "intermediate")
    monday = athlete.today - timedelta(days=athlete.today.weekday())
    rule = Overrides(lambda context: None)
    athlete = replace(
        athlete,
        algorithm=LearnedAlgorithm(NAME, overrides=rule),
        tier="premium",
        adherence_28d=0.75,
        load_ratio=1.2,
        reasons_of_week={monday: frozenset({"travel"})},
        weeks_behind=3,
    )
    plan = generate("simplified", athlete, goal, seed=1)
    by_week = {week.number: week for week in plan.weeks}
    assert {c.reasons_before for c in rule.asked if c.week_number == 3 + 2} == {frozenset({"travel"})}
    assert {c.reasons_before for c in rule.asked if c.week_number != 3 + 2} == {frozenset()}
    assert {c.week_number for c in rule.asked} <= {3 + number for number in by_week}
    race_week = next(week for week in plan.weeks if week.phase == "race")
    assert {c.weeks_to_race for c in rule.asked if c.week_number == 3 + race_week.number} == {0}
    first = next(s for s in plan.weeks[0].sessions if s.kind in KINDS)
    context = next(c for c in rule.asked if c.week_number == 4 and c.weekday == first.day.weekday())
    assert (context.kind, context.load, context.tier, context.adherence_28d) == (
        first.kind,
        first.load,
        "premium",
        0.75,
    )
    assert (context.age_group, context.season, context.load_ratio) == ("23–34", "winter", 1.2)


def test_priors_are_named_and_the_shipped_athlete_has_the_published_ones() -> None:
    athlete, goal = athlete_of("10k", "intermediate")
    learned = replace(athlete, algorithm=version(priors=OTHER_PRIORS))
    assert generate("simplified", learned, goal, seed=1).provenance["priors"] == {
        "sport": "running", "level": "intermediate", "age_group": "23–34", "source": "learned",
    }  # fmt: skip
    back = as_shipped(replace(learned, fit=athlete.fit), "it broke")
    assert back.algorithm is SHIPPED_ALGORITHM
    plan = generate("simplified", back, goal, seed=1)
    assert plan.provenance["priors"]["source"] == "default"
    assert "it broke" in plan.warnings[1]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Suggestion("rest", 1.0, "coaches rest after illness.", cases=1, coaches=1),
         "coaches rest after illness (1 case, 1 coach)"),
        (Suggestion("rest", 1.0, "coaches rest; 34 cases, 9 coaches", cases=34, coaches=9),
         "coaches rest; 34 cases, 9 coaches"),
        (Suggestion("rest", 1.0, "coaches rest"), "coaches rest"),
        (Suggestion("rest", 1.0, ""), "coaches usually change such sessions"),
    ],
)  # fmt: skip
def test_reasons_in_words(wish: Suggestion, words: str) -> None:
    assert said(wish) == words
