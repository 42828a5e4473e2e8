"""The synthetic run goes on by itself, minute by minute; a run with real people is never fed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from common import clock
from common.context import unit_of_work
from rollout.dashboard.history import run_history
from rollout.dashboard.run import run_now
from rollout.demo import make_rollout_demo
from rollout.demo_feed import MOST_ANSWERS, feed
from rollout.models import OutcomeFact, OutcomeKind, OutcomeMinute, Rollout
from rollout.services import rollouts
from rollout.services.steps import ENGINE
from rollout.services.tick import tick
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def afternoon():
    """The day's fullest hour, whenever the suite runs: towards morning a quarter of an hour may hold no answer."""
    with clock.frozen(clock.now().replace(hour=15, minute=0, second=0, microsecond=0)):
        yield


@pytest.fixture
def admin():
    return make_user("admin")


@pytest.fixture
def run(admin):
    make_rollout_demo(asked_by=admin, approved_by=make_user("admin"))
    return Rollout.objects.select_related("flag").get(state="running")


@pytest.fixture
def facts(db):
    """What was fed, as the engine reads it: the athletes are nobody's, and so in no person's scope."""

    def read(**of):
        with unit_of_work(ENGINE, read_only=True):
            return list(OutcomeFact.objects.filter(**of))

    return read


def fed(minutes):
    start = clock.now()
    return [feed(start + number * MINUTE) for number in range(minutes)]


def test_an_hour_holds_answers_of_both_arms_decisions_and_ratings(run, facts):
    fed(60)
    found = facts(rollout=run, stage=run.stage)
    answers = [fact for fact in found if fact.kind == OutcomeKind.ANSWER]
    share = sum(fact.arm == "new" for fact in answers) / len(answers)
    assert share == pytest.approx(0.35, abs=0.15)
    assert {fact.kind for fact in found} == {"answer", "decision", "rating"}
    assert all(1 <= fact.rating <= 5 for fact in found if fact.kind == OutcomeKind.RATING)
    assert all(0 < fact.latency_ms < 20_000 for fact in answers)


def test_a_minute_holds_few_facts_and_is_fed_once(run, facts):
    found = fed(30)
    assert max(found) <= 3 * MOST_ANSWERS
    assert sum(found) / len(found) <= 10
    at = next(clock.now() + number * MINUTE for number, many in enumerate(found) if many)
    assert feed(at) == 0
    assert len(facts()) == sum(found)


def test_the_same_made_up_athlete_stays_in_one_arm(run, facts):
    fed(60)
    arms = {(fact.athlete_id, fact.arm) for fact in facts()}
    assert arms
    assert len(arms) == len({athlete for athlete, _ in arms})


def test_a_run_with_people_in_it_is_never_fed(run):
    Rollout.objects.filter(pk=run.pk).update(synthetic=False)
    assert sum(fed(10)) == 0


def test_a_killed_flag_and_a_run_that_was_rolled_back_are_not_fed(run, admin):
    rollouts.rollback(rollout_id=run.pk, expected=None, reason="a drill of the team", acting_user=admin)
    assert sum(fed(10)) == 0


def test_what_is_fed_is_counted_by_the_next_look_and_the_run_stays_healthy(run, admin, facts):
    start = clock.now().replace(second=0, microsecond=0)
    for number in range(1, 13):
        with clock.frozen(start + number * MINUTE):
            feed(clock.now())
            tick(at=clock.now())
    with clock.frozen(start + 13 * MINUTE):
        run.refresh_from_db()
        now = run_now(run)
        with unit_of_work(admin, read_only=True):
            assert run_history(now, admin, chosen="2h").has_outcomes
    assert (run.state, now.stale) == ("running", "")
    assert "fail" not in {verdict["outcome"] for verdict in run.verdicts_json}
    assert OutcomeMinute.objects.filter(rollout=run, minute__gte=start).count() >= 12
    assert facts()
    assert not facts(rolled_up=False)


def test_the_page_goes_on_saying_that_it_is_synthetic(run):
    with unit_of_work(ENGINE, read_only=True):
        assert "Synthetic" in [pill.word for pill in run_now(run).pills]
