"""Plans by a model version, stored: what they say, what a promotion does to old ones, what a failing version does."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date, timedelta

import pytest

from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from modeling.core.cache_key import cache_key
from modeling.learned.algorithm import SHIPPED_ALGORITHM, LearnedAlgorithm, Suggestion
from modeling.models import Activity
from modeling.selectors import fit_inputs, newest_fit
from modeling.services import fit_athlete as fitting
from modeling.services import model_view as viewing
from modeling.services.fit_athlete import fit_athlete
from modeling.services.model_view import model_view
from plans import contexts, measures
from plans.contexts import load_ratio, reasons_of_week
from plans.demo.people import ATHLETES
from plans.demo.simulator import synthetic_history
from plans.generation import generate_within_budget, snapshot_of
from plans.models import Outcome, PlanGeneration
from plans.pipelines.contract import RaceGoal
from plans.schedule import done_of_due
from plans.selectors import content_of
from plans.services import generate_plan as generating
from plans.services import regenerate_plan as regenerating
from plans.services import what_if
from plans.services.generate_plan import generate_plan
from plans.services.make_demo import _record
from plans.services.regenerate_plan import regenerate_plan
from plans.services.request_plan import PlanWish, request_plan
from plans.services.what_if import context_for, predicting
from rollout.services.flags import seed_flags
from tests.factories import make_athlete
from tests.plans.pipelines.learning import NAME, OTHER_PRIORS, TRAVEL, Overrides, shorter_long, version
from tests.plans.review import Review, make_plan, make_review, plan_row, replace_op, sunday

pytestmark = pytest.mark.django_db


@pytest.fixture
def planning(monkeypatch):
    """Let a version plan, as the one that was promoted; returns the setter."""
    chosen: dict[str, LearnedAlgorithm] = {}

    def named(name: str) -> LearnedAlgorithm:
        return chosen.get(name, SHIPPED_ALGORITHM)

    def use(algorithm: LearnedAlgorithm) -> None:
        chosen[algorithm.name] = algorithm

        def snapshot(athlete, today, *_, **more):
            return snapshot_of(athlete, today, algorithm, **more)

        monkeypatch.setattr(generating, "snapshot_of", snapshot)
        monkeypatch.setattr(regenerating, "snapshot_of", snapshot)

    monkeypatch.setattr(what_if, "version_named", named)
    return use


def plan_for(athlete):
    """Ask for a plan and make it at once, as the worker does."""
    seed_flags(acting_user=COMMAND_LINE)
    wish = PlanWish(race_date=sunday(10), race_distance="10k")
    asked = request_plan(athlete_id=athlete.pk, wish=wish, acting_user=COMMAND_LINE, seed=1, limited=False)
    return generate_plan(generation_id=asked.pk, acting_user=COMMAND_LINE)


@pytest.fixture
def review(planning) -> Review:
    planning(version(shorter_long))
    return make_review(race="half_marathon", weeks=14)


def test_a_version_says_what_was_adjusted_and_an_edit_takes_it_back(review):
    shown = review.version()
    assert shown["provenance"]["algorithm_version"] == NAME
    first = shown["adjustments"][0]
    assert first["reason"] == f"{TRAVEL} (34 cases, 9 coaches)"
    assert (first["adjustment"], first["probability"], first["coaches"], first["cases"]) == ("volume", 0.7, 9, 34)
    session = next(s for s in review.sessions() if s["session_id"] == first["session_id"])
    assert session["prescribed_work"]["duration_min"] < first["original"]["prescribed_work"]["duration_min"]
    taken_back = [{"op": "replace", "path": f"/sessions/{first['session_id']}", "value": first["original"]}]
    answer = review.patch(taken_back)
    assert answer.status_code == 200, answer.content
    (change,) = answer.json()["changes"]
    assert change["after"] == first["original"]
    assert answer.json()["adjustments"] == shown["adjustments"]
    brief = review.patch([replace_op(review.editable()[0], "load", 33.0)], HTTP_PREFER="return=minimal")
    assert "adjustments" not in brief.json()


def test_the_document_and_its_hash_hold_the_adjusted_sessions_alone(review):
    head = plan_row(review).head_version
    with unit_of_work(COMMAND_LINE, read_only=True):
        entries = content_of(head)["sessions"]
    for one in head.adjustments:
        assert entries[one["session_id"]] != one["original"]
        assert "reason" not in entries[one["session_id"]]["prescribed_work"]


def test_a_shipped_plan_has_no_adjustments():
    review = make_review()
    assert review.version()["adjustments"] == []
    assert review.version()["provenance"]["algorithm_version"] == "1"


def test_a_plans_what_if_keeps_to_the_version_that_made_it(planning):
    planning(version(priors=OTHER_PRIORS))
    review = make_review()
    _record(review.athlete, synthetic_history(ATHLETES[0], until=clock.today()))
    learned = make_plan(review.coach, review.athlete)
    review.plan_id = learned
    row = plan_row(review)
    promoted = replace(version(), name="2026-06-01.1")
    planning(promoted)
    with unit_of_work(COMMAND_LINE, read_only=True):
        context = context_for(row, row.head_version)
        assert context is not None and context.athlete.fit is not None
        assert context.athlete.fit.priors == OTHER_PRIORS
        assert predicting(row.head_version).name == NAME
    answer = review.as_coach.post(f"{review.url}/what-if", {"operations": []}, format="json").json()
    told = review.version()["predicted"]
    assert answer["before"]["value"] == pytest.approx(told["value"], abs=0.11)


def test_generating_again_names_adjustments_by_the_sessions_that_go_on(review):
    row = plan_row(review)
    again = regenerate_plan(plan_id=row.pk, expected=None, seed=99, acting_user=review.coach)
    assert again.version.adjustments
    with unit_of_work(COMMAND_LINE, read_only=True):
        entries = content_of(again.version)["sessions"]
    for one in again.version.adjustments:
        assert entries[one["session_id"]]["kind"] == one["original"]["kind"] == "long"


@pytest.mark.parametrize("part", ["overrides", "adherence", "priors", "guard"])
def test_a_version_that_fails_leaves_the_plan_to_the_shipped_one(planning, monkeypatch, part):
    def broken(*_, **__):
        raise ZeroDivisionError("no")

    parts = {
        "overrides": version(overrides=broken),
        "adherence": version(adherence=broken),
        "priors": version(priors=replace(OTHER_PRIORS, noise={})),
        "guard": version(),
    }
    planning(parts[part])
    if part == "guard":
        real = generating.generate_within_budget.__globals__["check_plan"]
        said = ["broken"]
        monkeypatch.setitem(
            generating.generate_within_budget.__globals__,
            "check_plan",
            lambda plan, athlete, goal: said if athlete.algorithm.name == NAME else real(plan, athlete, goal),
        )
    athlete = make_athlete()
    if part == "priors":
        _record(athlete, synthetic_history(ATHLETES[0], until=clock.today()))
    plan = plan_for(athlete)
    with unit_of_work(COMMAND_LINE, read_only=True):
        generation = PlanGeneration.objects.get(plan=plan)
        head = generation.plan.head_version
        errors = list(measures.errors([athlete.pk], clock.now() - timedelta(days=1), clock.now() + timedelta(days=1)))
    assert head.provenance_json["algorithm_version"] == "1"
    assert head.provenance_json["priors"]["source"] == "default"
    assert generation.outcome == Outcome.OK
    assert generation.pipeline != "template"
    assert NAME in generation.failure
    assert any(NAME in warning and "ships" in warning for warning in head.warnings_json)
    assert [fact.y for fact in errors] == [1.0]


def test_a_slow_version_ends_with_the_template_as_any_slow_pipeline(planning):
    slow = version(overrides=lambda context: time.sleep(0.2))
    athlete = make_athlete()
    with unit_of_work(COMMAND_LINE, read_only=True):
        snapshot = snapshot_of(athlete, clock.today(), slow)
    goal = RaceGoal(clock.today() + timedelta(weeks=8), "10k")
    generated = generate_within_budget("simplified", snapshot, goal, seed=1, budget_seconds=0.3)
    assert generated.pipeline == "template"
    assert "longer than" in generated.failure
    assert generated.trouble == ""


def test_fits_are_kept_by_their_priors():
    athlete = make_athlete()
    learned = version(priors=OTHER_PRIORS)
    _record(athlete, synthetic_history(ATHLETES[0], until=clock.today()))
    published = fit_athlete(athlete_id=athlete.pk, acting_user=COMMAND_LINE)
    other = fit_athlete(athlete_id=athlete.pk, acting_user=COMMAND_LINE, algorithm=learned)
    assert other.pk != published.pk
    assert (published.report["priors"], other.report["priors"]) == ("default", "learned")
    assert other.report["tau2"]["value"] != published.report["tau2"]["value"]
    with unit_of_work(COMMAND_LINE):
        inputs = fit_inputs(athlete)
        assert other.cache_key == cache_key(inputs.series, inputs.tests, priors=OTHER_PRIORS)
        assert newest_fit(athlete, priors=OTHER_PRIORS) == other
        assert newest_fit(athlete, priors=SHIPPED_ALGORITHM.priors_for(sport="", level="", age_group="")) == published
        assert snapshot_of(athlete, clock.today(), learned).fit.priors == OTHER_PRIORS
        assert model_view(athlete, learned).fit == other
        ours, theirs = (model_view(athlete, one).curves.performance for one in (learned, SHIPPED_ALGORITHM))
    assert ours != theirs


def test_a_fit_that_names_no_version_is_by_the_one_that_plans(monkeypatch):
    athlete = make_athlete()
    _record(athlete, synthetic_history(ATHLETES[0], until=clock.today()))
    for module in (fitting, viewing):
        monkeypatch.setattr(module, "champion", lambda: version(priors=OTHER_PRIORS))
    fit = fit_athlete(athlete_id=athlete.pk, acting_user=COMMAND_LINE)
    assert fit.report["priors"] == "learned"
    with unit_of_work(COMMAND_LINE):
        assert model_view(athlete).fit == fit


def test_what_was_known_of_an_athlete(review):
    today = clock.today()
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert done_of_due(review.athlete.pk, today - timedelta(days=28), today) is None
        assert load_ratio(review.athlete, today) == 1.0
        assert reasons_of_week(review.athlete.pk, today) == {}
    session = review.editable()[3]
    review.patch([replace_op(session, "load", 20.0, reason="travel")])
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert reasons_of_week(review.athlete.pk, today) == {}  # a draft may still be thought over
    assert review.submit().status_code == 200
    day = date.fromisoformat(session["day"])
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert reasons_of_week(review.athlete.pk, today) == {day - timedelta(days=day.weekday()): frozenset({"travel"})}
        rule = Overrides(lambda context: None)
        snapshot = snapshot_of(review.athlete, today, LearnedAlgorithm(NAME, overrides=rule), weeks_behind=2)
    assert (snapshot.tier, snapshot.weeks_behind, snapshot.coach_share) == ("elite", 2, None)
    assert snapshot.reasons_of_week


def test_load_of_late_counts_whole_days_before_today():
    athlete = make_athlete()
    today = clock.today()
    _record(athlete, synthetic_history(ATHLETES[0], until=today))
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = list(Activity.objects.filter(athlete=athlete, deleted_at=None, day__lt=today))
        found = load_ratio(athlete, today)
    week = sum(r.load for r in rows if r.day >= today - timedelta(days=7)) / 7
    month = sum(r.load for r in rows if r.day >= today - timedelta(days=28)) / 28
    assert found == pytest.approx(week / month)


def test_a_version_that_asks_for_no_context_costs_no_query(django_assert_num_queries):
    athlete = make_athlete()
    with unit_of_work(COMMAND_LINE, read_only=True), django_assert_num_queries(0):
        assert contexts.known_of(athlete, clock.today(), version(priors=OTHER_PRIORS)) == {}


def test_the_review_page_shows_what_was_adjusted(review, client):
    client.force_login(review.coach)
    page = client.get(f"/admin/plans/plan/{review.plan_id}/change/")
    text = page.content.decode()
    first = review.version()["adjustments"][0]
    assert "Pre-adjusted sessions" in text
    assert f'data-adjusted="{first["session_id"]}"' in text
    assert f"Without it: {first['before']}." in text
    review.patch([{"op": "replace", "path": f"/sessions/{first['session_id']}", "value": first["original"]}])
    assert "Taken back." in client.get(f"/admin/plans/plan/{review.plan_id}/change/").content.decode()


def test_the_review_page_of_a_shipped_plan_says_nothing_of_it(client):
    review = make_review()
    client.force_login(review.coach)
    assert "Pre-adjusted sessions" not in client.get(f"/admin/plans/plan/{review.plan_id}/change/").content.decode()


def test_a_rest_in_place_of_a_session_goes_through_every_stage(planning):
    planning(
        version(lambda c: Suggestion("rest", 0.9, "coaches rest") if c.is_recovery and not c.key_session else None)
    )
    review = make_review(race="half_marathon", weeks=14)
    resting = [one["session_id"] for one in review.version()["adjustments"]]
    assert resting
    assert review.submit().status_code == 200
    assert review.decide("accept").status_code == 200
    planned = {s["session_id"]: s for s in review.sessions()}
    assert {planned[session_id]["kind"] for session_id in resting} == {"rest"}
    schedule = review.as_athlete.get(f"/api/v1/athletes/{review.athlete.pk}/schedule")
    assert schedule.status_code == 200, schedule.content
