"""People and the engine at one run at the same time (PostgreSQL): one winner a version, no double step, kill final."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from common import clock, jobs
from common.context import unit_of_work
from common.errors import DomainError
from common.management.base import COMMAND_LINE
from plans.models import Plan, PlanGeneration
from plans.services import generate_plan as generating
from rollout.evaluation import Subject
from rollout.models import Flag, OutcomeFact, Rollout, RolloutStep
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.selectors import evaluate
from rollout.services import rollouts
from rollout.services.flags import kill_flag, seed_flags
from rollout.services.tick import tick
from tests.factories import make_user
from tests.rollout.runs.driver import POLICY, Driver, begun
from tests.rollout.runs.test_lost_work import LATE, asked, killed, swept

pytestmark = [pytest.mark.usefixtures("committed_database"), pytest.mark.postgres]


@pytest.fixture
def people(committed_database, tmp_path, settings):
    (tmp_path / "short.toml").write_text(POLICY.format(name="short"))
    settings.ROLLOUT_POLICY_DIR = str(tmp_path)
    seed_flags(acting_user=COMMAND_LINE)
    with unit_of_work(COMMAND_LINE):
        Flag.objects.filter(name=KEY).update(rollout_thousandths=0)
    return [make_user("admin") for _ in range(4)]


def at_small(people) -> Driver:
    driver = begun(KEY, policy="short", by=people[0], approver=people[1])
    driver.minutes(31, new=2, control=2)
    assert driver.stage == "small"
    with clock.frozen(driver.now):
        rollouts.record_check(
            rollout_id=driver.run.pk, gate="looked-at", passed=True, evidence="read", acting_user=people[0]
        )
    return driver


def at_once(*work: Callable[[], Any]) -> list[Any]:
    """Run all at the same moment, each on a connection of its own; a refusal is a result."""
    barrier = threading.Barrier(len(work))

    def run(do: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return do()
        except DomainError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def test_of_people_and_engine_that_advance_at_once_one_does(people):
    driver = at_small(people)
    driver.minutes(57, new=2, control=2)
    seen, later = driver.run.version, driver.now + timedelta(minutes=3)

    def person(who) -> Any:
        with clock.frozen(later):
            return rollouts.advance(rollout_id=driver.run.pk, expected=seen, reason="go", acting_user=who)

    def engine() -> Any:
        with clock.frozen(later):
            return tick(at=later)

    at_once(*(lambda who=who: person(who) for who in people), engine, engine)
    driver.refresh()
    assert (driver.stage, driver.run.version) == ("all", seen + 1)
    numbers = list(RolloutStep.objects.filter(rollout=driver.run).values_list("number", flat=True))
    assert numbers == list(range(1, seen + 2))


def test_a_rollback_among_steps_wins_or_finds_a_state_that_follows(people):
    driver = at_small(people)
    asked = {"rollout_id": driver.run.pk, "expected": driver.run.version, "reason": "race"}
    found = at_once(
        lambda: rollouts.rollback(acting_user=people[0], **asked),
        lambda: rollouts.pause(acting_user=people[1], **asked),
        lambda: rollouts.rollback(acting_user=people[2], **asked),
    )
    winners = [step for step in found if isinstance(step, RolloutStep)]
    assert len(winners) == 1
    assert Rollout.objects.get().version == asked["expected"] + 1


def test_a_kill_is_final_whatever_happens_at_the_same_time(people):
    driver = at_small(people)
    driver.minutes(57, new=2, control=2)
    later = driver.now + timedelta(minutes=3)

    def engine() -> Any:
        with clock.frozen(later):
            return tick(at=later)

    at_once(lambda: kill_flag(key=KEY, reason="fire", acting_user=people[0]), engine, engine)
    assert Flag.objects.get(name=KEY).killed_at is not None
    for number in range(200):
        assert not evaluate(KEY, Subject(f"athlete-{number}", "elite")).value


def test_a_slow_worker_whose_request_was_counted_as_failed_stores_no_plan(people, monkeypatch):
    at_small(people)
    with unit_of_work(COMMAND_LINE):
        OutcomeFact.objects.all().delete()
        Flag.objects.filter(name=KEY).update(rollout_thousandths=50_000)
    monkeypatch.setattr(jobs, "_dispatch_on_commit", lambda job_id: None)  # else it would be done at once
    request = asked("new", make_user("coach"))
    killed(request, jobs.MAX_ATTEMPTS - 1)
    begun_, given_up = threading.Event(), threading.Event()
    real = generating.generate_within_budget

    def slow(*args: Any, **more: Any) -> Any:
        answer = real(*args, **more)
        begun_.set()
        assert given_up.wait(60)
        return answer

    def worker() -> None:
        with clock.frozen(clock.now() + jobs.MAX_ATTEMPTS * LATE):
            jobs.run_job(request.job_id, worker="slow")

    def sweeper() -> int:
        assert begun_.wait(60)
        try:
            return swept(2 * jobs.MAX_ATTEMPTS * LATE).given_up
        finally:
            given_up.set()

    monkeypatch.setattr(generating, "generate_within_budget", slow)
    assert at_once(worker, sweeper)[1] == 1
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert [fact.failed for fact in OutcomeFact.objects.filter(kind="answer")] == [True]
        assert PlanGeneration.objects.get().outcome == "failed"
        assert not Plan.objects.exists()
    assert jobs.Job.objects.get(pk=request.job_id).state == "failed"
