"""Jobs: claimed once, finished once, re-driven when lost, silent about tracebacks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, transaction

from common import clock, context, jobs
from common.errors import InvalidInput
from common.ids import uuid7
from common.jobs import JOB_HANDLERS, MAX_ATTEMPTS, Job, JobLost, JobState
from common.tasks import run_job as task

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=jobs.LEASE_SECONDS + 1)


@pytest.fixture(autouse=True)
def _handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(JOB_HANDLERS, "_entries", dict(JOB_HANDLERS.items()))
    monkeypatch.setattr(jobs, "_on_failed", dict(jobs._on_failed))
    jobs.register_job("test.add", lambda job: {"sum": job.payload["a"] + job.payload["b"], "id": uuid7()})
    jobs.register_job("test.refuse", _refuse)
    jobs.register_job("test.crash", lambda job: {"never": 1 / 0})
    jobs.register_job("test.nan", lambda job: {"value": float("nan")})
    with clock.frozen(NOW):
        yield


def _refuse(job: Job) -> dict[str, Any]:
    jobs.report_progress(job, 40, "half way")
    raise InvalidInput("no such day", pointer="/day")


def make(kind: str = "test.add", **payload: Any) -> Job:
    return jobs.enqueue(kind, payload, requested_by=uuid7(), subject_id=None)


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def test_a_job_of_a_newer_release_waits_for_a_worker_that_knows_it() -> None:
    """While an upgrade replaces processes one by one, new web processes queue what old workers get to see."""
    job = make(a=1, b=2)
    newer = JOB_HANDLERS._entries.pop("test.add")
    assert jobs.run_job(job.pk, worker="old") is None
    assert (fresh(job).state, fresh(job).attempts) == (JobState.QUEUED, 0)
    JOB_HANDLERS.register("test.add", newer)
    jobs.run_job(job.pk, worker="new")
    assert (fresh(job).state, fresh(job).attempts) == (JobState.DONE, 1)


def test_a_job_runs_after_the_commit_and_stores_its_result(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = make(a=1, b=2)
        assert fresh(job).state == JobState.QUEUED
    done = fresh(job)
    assert (done.state, done.progress, done.attempts, done.worker) == ("done", 100, 1, "in-process")
    assert done.result is not None
    assert done.result["sum"] == 3
    UUID(done.result["id"])


def test_an_unknown_kind_is_refused_at_once() -> None:
    with pytest.raises(KeyError):
        make("test.nobody")
    assert not Job.objects.exists()


def test_delivered_twice_it_runs_once() -> None:
    job = make(a=1, b=2)
    task.apply(args=[str(job.pk)])
    task.apply(args=[str(job.pk)])
    assert fresh(job).attempts == 1


def test_a_message_without_a_row_is_nothing() -> None:
    assert jobs.run_job(uuid7(), worker="w") is None


def test_of_two_workers_one_gets_the_job() -> None:
    job = make(a=1, b=2)
    assert [jobs.claim(job.pk, "w1"), jobs.claim(job.pk, "w2")] == [True, False]
    assert fresh(job).worker == "w1"


def test_a_silent_worker_loses_its_job_and_cannot_write_any_more() -> None:
    job = make(a=1, b=2)
    jobs.claim(job.pk, "w1")
    mine = fresh(job)
    with clock.frozen(LATER):
        assert jobs.claim(job.pk, "w1")  # the same name, another claim
        with pytest.raises(JobLost):
            jobs.finish(mine, {"sum": 0})
        with pytest.raises(JobLost):
            jobs.report_progress(mine, 50)
        jobs.finish(fresh(job), {"sum": 3})
    assert fresh(job).result == {"sum": 3}


def test_progress_renews_the_lease() -> None:
    job = make(a=1, b=2)
    jobs.claim(job.pk, "w1")
    with clock.frozen(NOW + timedelta(seconds=50)):
        jobs.report_progress(fresh(job), 130, "n" * 500)
    with clock.frozen(LATER):
        assert not jobs.claim(job.pk, "w2")
    assert (fresh(job).progress, len(fresh(job).progress_note)) == (100, 200)


def test_a_redelivered_message_looks_again_when_the_lease_has_run_out() -> None:
    job = make(a=1, b=2)
    jobs.claim(job.pk, "killed")
    wait = jobs.run_job(job.pk, worker="w2")
    assert wait is not None
    with clock.frozen(NOW + timedelta(seconds=wait)):
        assert jobs.run_job(job.pk, worker="w2") is None
    assert (fresh(job).state, fresh(job).worker, fresh(job).attempts) == ("done", "w2", 2)


def test_a_domain_error_becomes_the_problem_of_the_job() -> None:
    job = make("test.refuse")
    jobs.run_job(job.pk, worker="w")
    failed = fresh(job)
    assert (failed.state, failed.progress, failed.result) == ("failed", 40, None)
    assert failed.problem is not None
    assert failed.problem["errors"] == [{"pointer": "#/day", "detail": "no such day"}]


@pytest.mark.parametrize("kind", ["test.crash", "test.nan"])
def test_an_unexpected_error_shows_the_request_id_and_no_traceback(kind: str) -> None:
    with context.requested_by(context.RequestInfo(request_id=uuid7())) as info:
        job = make(kind)
    jobs.run_job(job.pk, worker="w")
    problem = fresh(job).problem
    assert problem is not None
    assert (problem["status"], problem["request_id"]) == (500, str(info.request_id))
    assert "division" not in str(problem)
    assert "Traceback" not in str(problem)


def test_a_database_that_was_away_is_no_failure_of_the_job() -> None:
    def interrupted(job: Job) -> dict[str, Any]:
        raise OperationalError("terminating connection") from psycopg.errors.AdminShutdown()

    jobs.register_job("test.interrupted", interrupted)
    job = jobs.enqueue("test.interrupted", {})
    with pytest.raises(OperationalError):
        jobs.run_job(job.pk, worker="w")
    job.refresh_from_db()
    assert (job.state, job.problem) == (JobState.RUNNING, None)
    with clock.frozen(LATER):
        assert jobs.sweep_stale().sent_again == 1


def test_the_sweep_sends_lost_jobs_again_and_gives_up_in_the_end(django_capture_on_commit_callbacks: Any) -> None:
    lost, hopeless, held = make(a=1, b=2), make(a=1, b=2), make(a=1, b=2)
    jobs.claim(lost.pk, "killed")
    Job.objects.filter(pk=hopeless.pk).update(attempts=MAX_ATTEMPTS, state=JobState.RUNNING)
    jobs.claim(held.pk, "alive", lease_seconds=10_000)
    with (
        clock.frozen(NOW + timedelta(seconds=jobs.DISPATCH_AGAIN_SECONDS + 1)),
        django_capture_on_commit_callbacks(execute=True),
    ):
        report = jobs.sweep_stale()
    assert (report.sent_again, report.given_up) == (1, 1)
    assert (fresh(lost).state, fresh(lost).attempts) == ("done", 2)
    assert fresh(hopeless).state == "failed"
    assert (fresh(held).state, fresh(held).worker) == ("running", "alive")


@pytest.fixture
def told() -> list[tuple[UUID, str, str]]:
    """What the kinds "test.told.*" were told of: which job, why, and how it stood then."""
    found: list[tuple[UUID, str, str]] = []

    def tell(job: Job, why: str) -> None:
        found.append((job.pk, why, fresh(job).state))
        if job.payload.get("deaf"):
            raise ValueError("cannot be told")

    jobs.register_job("test.told.crash", lambda job: {"never": 1 / 0}, on_failed=tell)
    jobs.register_job("test.told.refuse", _refuse, on_failed=tell)
    jobs.register_job("test.told.well", lambda job: {}, on_failed=tell)
    return found


def test_a_kind_is_told_of_an_error_and_neither_of_a_refusal_nor_of_success(told: list[Any]) -> None:
    crash, refuse, well = (make(f"test.told.{name}") for name in ("crash", "refuse", "well"))
    for job in (crash, refuse, well):
        jobs.run_job(job.pk, worker="w")
    assert told == [(crash.pk, "division by zero", "running")]
    assert [fresh(job).state for job in (crash, refuse, well)] == ["failed", "failed", "done"]


@pytest.mark.parametrize("deaf", [False, True])
def test_a_kind_is_told_once_of_what_the_sweep_gives_up_and_cannot_keep_it_from_ending(
    told: list[Any], deaf: bool
) -> None:
    job = make("test.told.well", deaf=deaf)
    for number in range(MAX_ATTEMPTS):
        with clock.frozen(NOW + number * (LATER - NOW)):
            assert jobs.claim(job.pk, "killed")
            assert jobs.sweep_stale().given_up == 0
    with clock.frozen(NOW + MAX_ATTEMPTS * (LATER - NOW)):
        assert [jobs.sweep_stale().given_up, jobs.sweep_stale().given_up] == [1, 0]
    assert told == [(job.pk, "The work was lost 3 times; it was given up.", "running")]
    problem = fresh(job).problem
    assert problem is not None
    assert (fresh(job).state, problem["detail"]) == ("failed", told[0][1])


def test_who_lost_the_job_does_not_tell_that_it_failed(told: list[Any]) -> None:
    def lose(job: Job) -> dict[str, Any]:
        with clock.frozen(LATER):
            assert jobs.claim(job.pk, "another")
        raise ZeroDivisionError

    jobs.register_job("test.told.lost", lose, on_failed=lambda job, why: told.append(job.pk))
    job = make("test.told.lost")
    jobs.run_job(job.pk, worker="slow")
    assert told == []
    assert (fresh(job).state, fresh(job).worker) == ("running", "another")


def test_a_job_keeps_the_request_that_asked_for_it() -> None:
    seen: list[UUID] = []
    jobs.register_job("test.look", lambda job: seen.append(context.current_request_id()))  # type: ignore[arg-type, func-returns-value]
    with context.requested_by(context.RequestInfo(request_id=uuid7())) as info:
        job = make("test.look")
    jobs.run_job(job.pk, worker="w")
    assert seen == [info.request_id]


def test_waiting_ends_with_the_job_or_with_the_time() -> None:
    job = make(a=1, b=2)
    assert jobs.wait_for(job.pk, seconds=0.03).state == "queued"
    jobs.run_job(job.pk, worker="w")
    assert jobs.wait_for(job.pk, seconds=5).state == "done"


@pytest.mark.parametrize("nonsense", [{"progress": 101}, {"state": "odd"}, {"state": "failed"}, {"problem": {"a": 1}}])
def test_the_database_refuses_impossible_rows(nonsense: dict[str, Any]) -> None:
    job = make(a=1, b=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**nonsense)
