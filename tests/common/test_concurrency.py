"""What only shows when transactions really commit and several run at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from django.db import connection, transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from common import context, jobs
from common.api import UnitOfWorkAPIMixin
from common.context import service, unit_of_work
from common.idempotency import idempotent
from common.ids import uuid7
from common.jobs import JOB_HANDLERS, Job
from common.models import SubjectKey

pytestmark = pytest.mark.usefixtures("committed_database")

T = TypeVar("T")
Person = Callable[..., Any]
THREADS = 6


def at_once(work: Callable[[int], T], threads: int = THREADS) -> list[T]:
    """Run `work` in several threads that start together, each with a connection of its own."""
    barrier = threading.Barrier(threads)

    def run(number: int) -> T:
        barrier.wait()
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


class Posting(UnitOfWorkAPIMixin, APIView):
    permission_classes: list[Any] = []  # noqa: RUF012
    hold: threading.Event | None = None
    entered: threading.Event | None = None

    @idempotent
    def post(self, request: Request) -> Response:
        made = SubjectKey.objects.create(subject_id=uuid7(), version=9, wrapped_key=b"k")
        if self.entered and self.hold:
            self.entered.set()
            self.hold.wait(60)
        return Response({"id": str(made.pk)}, status=201)


def post(user: Any, key: str, **attributes: Any) -> Response:
    request = APIRequestFactory().post("/x", {"a": 1}, format="json", headers={"Idempotency-Key": key})
    force_authenticate(request, user)
    response: Response = Posting.as_view(**attributes)(request)
    return response


def effects() -> int:
    return SubjectKey.objects.filter(version=9).count()


def test_one_key_sent_several_times_at_once_has_one_effect_and_one_answer(person: Person) -> None:
    user = person()
    answers = at_once(lambda number: post(user, "k1"))
    assert [answer.status_code for answer in answers] == [201] * THREADS
    assert len({answer.data["id"] for answer in answers}) == 1
    assert effects() == 1
    assert sum("Idempotency-Replayed" in answer for answer in answers) == THREADS - 1


@pytest.mark.postgres
def test_waiting_too_long_for_the_first_request_is_409(person: Person, settings: Any) -> None:
    settings.IDEMPOTENCY_WAIT_SECONDS = 1
    user, hold, entered = person(), threading.Event(), threading.Event()

    def work(number: int) -> Response:
        if number == 0:
            return post(user, "k1", hold=hold, entered=entered)
        entered.wait(60)
        try:
            return post(user, "k1")
        finally:
            hold.set()

    first, second = at_once(work, threads=2)
    assert (first.status_code, second.status_code) == (201, 409)
    assert second.data["type"] == "/problems/busy/"
    assert effects() == 1


def test_of_several_workers_one_claims_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JOB_HANDLERS, "_entries", {"test.held": lambda job: {}})
    job = Job.objects.create(kind="test.held")
    claims = at_once(lambda number: jobs.claim(job.pk, f"w{number}"))
    assert sorted(claims) == [False] * (THREADS - 1) + [True]


def test_a_key_made_by_several_at_once_is_one_key() -> None:
    from common import keys

    subject = uuid7()

    def write(number: int) -> bytes:
        with unit_of_work(service("public")):
            return keys.encrypt_for(subject, str(number))

    written = at_once(write)
    assert [keys.decrypt(subject, ciphertext) for ciphertext in written] == [str(n) for n in range(THREADS)]


def test_a_job_starts_after_the_commit_and_never_after_a_roll_back(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, bool]] = []

    def handler(job: Job) -> dict[str, Any]:
        seen.append((context.in_unit_of_work(), connection.in_atomic_block))
        with unit_of_work(service("public")):
            return {"visible": Job.objects.filter(pk=job.pk).exists()}

    monkeypatch.setattr(JOB_HANDLERS, "_entries", {"test.look": handler})
    with unit_of_work(service("public")):
        job = jobs.enqueue("test.look", {})
        assert seen == []
    assert seen == [(False, False)]
    assert Job.objects.get(pk=job.pk).result == {"visible": True}
    with pytest.raises(ZeroDivisionError), unit_of_work(service("public")):
        jobs.enqueue("test.look", {})
        1 / 0  # noqa: B018
    assert len(seen) == 1


def test_a_unit_of_work_inside_a_foreign_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError), transaction.atomic(), unit_of_work(service("public")):
        pass


def test_a_reader_does_not_wait_for_a_writer(person: Person) -> None:
    holding, done = threading.Event(), threading.Event()

    def work(number: int) -> bool:
        if number == 0:
            with unit_of_work(person()):
                SubjectKey.objects.create(subject_id=uuid7(), version=9, wrapped_key=b"k")
                holding.set()
                return done.wait(60)
        holding.wait(60)
        with unit_of_work(person(), read_only=True):
            assert effects() == 0
        done.set()
        return True

    assert at_once(work, threads=2) == [True, True]
