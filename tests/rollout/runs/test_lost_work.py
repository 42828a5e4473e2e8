"""A request whose workers were killed counts: once, as its arm's failure; not so where it came right after all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError

from common import clock, jobs
from common.context import unit_of_work
from common.jobs import MAX_ATTEMPTS, Job, run_job, sweep_stale
from common.management.base import COMMAND_LINE
from plans import generation
from plans.models import Plan, PlanGeneration
from plans.services import generate_plan as generating
from plans.services.request_plan import PlanWish, request_plan
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.services.flags import kill_flag
from tests.factories import make_user
from tests.rollout.runs.test_outcomes import facts, half, someone  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db
LATE = timedelta(seconds=jobs.LEASE_SECONDS + 1)


@pytest.fixture
def coach():
    return make_user("coach")


def asked(arm: str, coach, wish: str = "") -> PlanGeneration:
    """Ask for a plan; no worker takes it yet."""
    race_day = clock.today() + timedelta(days=80)
    athlete = someone(arm, coach)
    return request_plan(athlete_id=athlete.pk, wish=PlanWish(race_day, "10k", model_choice=wish), acting_user=coach)


def killed(request: PlanGeneration, times: int = MAX_ATTEMPTS) -> None:
    """Let so many workers take the job and never be heard of again."""
    for number in range(times):
        with clock.frozen(clock.now() + number * LATE):
            assert jobs.claim(request.job_id, f"killed {number}")


def swept(after: timedelta = MAX_ATTEMPTS * LATE) -> jobs.SweepReport:
    with clock.frozen(clock.now() + after):
        return sweep_stale()


def now(request: PlanGeneration) -> tuple[str, str]:
    """Return how job and request stand."""
    with unit_of_work(COMMAND_LINE, read_only=True):
        return Job.objects.get(pk=request.job_id).state, PlanGeneration.objects.get(pk=request.pk).outcome


def plans() -> int:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return Plan.objects.count()


@pytest.mark.parametrize("arm", ["new", "control"])
def test_a_job_given_up_counts_once_as_its_arms_failure(half, coach, arm):  # noqa: F811
    request = asked(arm, coach)
    killed(request)
    assert facts(kind="answer") == []
    assert swept().given_up == 1
    [fact] = facts(kind="answer")
    assert (fact.arm, fact.stage, fact.rollout_id, fact.source_id) == (arm, 1, half.run.pk, request.pk)
    assert (fact.failed, fact.fallback, fact.latency_ms) == (True, False, None)
    assert now(request) == ("failed", "failed")
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert "lost 3 times" in PlanGeneration.objects.get(pk=request.pk).failure

    run_job(request.job_id, worker="late")  # a message that comes late
    assert swept().given_up == 0
    assert len(facts(kind="answer")) == 1
    assert plans() == 0


def test_a_worker_killed_but_replaced_in_time_leaves_one_good_answer(half, coach):  # noqa: F811
    request = asked("new", coach)
    killed(request, MAX_ATTEMPTS - 1)
    assert swept(MAX_ATTEMPTS * LATE).sent_again == 1
    assert facts(kind="answer") == []
    run_job(request.job_id, worker="healthy")
    [fact] = facts(kind="answer")
    assert not fact.failed
    assert now(request) == ("done", "ok")
    assert swept(10 * LATE) == jobs.SweepReport(0, 0)
    assert len(facts(kind="answer")) == 1


def test_a_lost_request_that_neither_arm_answers_for_is_nobodys_failure(half, coach):  # noqa: F811
    request = asked("new", coach, wish="template")
    killed(request)
    assert swept().given_up == 1
    assert facts() == []
    assert now(request) == ("failed", "failed")


def test_it_counts_also_where_the_right_was_lost_since_and_the_flag_killed(half, coach, admin):  # noqa: F811
    request = asked("new", coach)
    killed(request)
    coach.is_active = False
    coach.save()
    kill_flag(key=KEY, reason="fire", acting_user=admin)
    assert swept().given_up == 1
    assert [fact.failed for fact in facts(kind="answer")] == [True]


def test_a_worker_that_finished_before_the_sweep_looked_keeps_its_answer(half, coach):  # noqa: F811
    """It made the plan and was killed before it could say that the job is done."""
    request = asked("new", coach)
    killed(request)
    generating.generate_plan(generation_id=request.pk, acting_user=coach)
    assert swept().given_up == 1
    assert [fact.failed for fact in facts(kind="answer")] == [False]
    assert now(request) == ("failed", "ok")


def test_an_error_of_every_pipeline_counts_once_through_the_same_door(half, coach, monkeypatch):  # noqa: F811
    monkeypatch.setattr(generation, "generate", lambda *_, **__: 1 / 0)
    request = asked("new", coach)
    run_job(request.job_id, worker="w")
    [fact] = facts(kind="answer")
    assert (fact.arm, fact.failed) == ("new", True)
    assert now(request) == ("failed", "failed")


@pytest.mark.parametrize("lost", ["role", "account"])
def test_a_right_that_was_lost_since_is_no_failure_of_the_arm(half, coach, lost):  # noqa: F811
    request = asked("new", coach)
    coach.role, coach.is_active = ("support", True) if lost == "role" else ("coach", False)
    coach.save()
    run_job(request.job_id, worker="w")
    assert facts() == []
    assert now(request) == ("failed", "pending")
    assert Job.objects.get(pk=request.job_id).problem["status"] in (403, 404)


def test_a_database_that_is_away_is_asked_again(half, coach, monkeypatch):  # noqa: F811
    request = asked("new", coach)
    killed(request)

    def away(**_):
        raise OperationalError("the database went away")

    with monkeypatch.context() as patch:
        patch.setattr("plans.jobs.tell_failure", away)
        assert swept() == jobs.SweepReport(0, 0)
    assert now(request) == ("running", "pending")
    assert swept() == jobs.SweepReport(0, 0), "the sweep that failed may still be at work"
    assert swept((MAX_ATTEMPTS + 1) * LATE).given_up == 1
    assert len(facts(kind="answer")) == 1
