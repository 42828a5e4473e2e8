"""Two beats: one leads, each due turn is sent once, whatever either of them believes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from queue import Empty
from typing import Any

import pytest
from celery import Celery
from django.conf import settings
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from common import clock, leases
from common.beat import LEASE_SECONDS, LeaderScheduler
from common.ids import uuid7
from common.models import Lease

pytestmark = pytest.mark.usefixtures("committed_database")
NAMES = ["each minute", "each hour"]


@pytest.fixture
def app() -> Celery:
    """An application with a queue of its own in memory and two tasks on its schedule."""
    app = Celery("beats", broker="memory://", set_as_current=False)
    app.conf.update(
        task_default_queue=str(uuid7()),
        result_expires=None,
        beat_schedule={name: {"task": f"test.{name}", "schedule": 60.0} for name in NAMES},
    )
    return app


@pytest.fixture
def sent(app) -> Callable[[], Counter[str]]:
    """What was sent since the last question, by name."""

    def ask() -> Counter[str]:
        found: Counter[str] = Counter()
        with app.connection_for_read() as broker, broker.SimpleQueue(app.conf.task_default_queue) as queue:
            while True:
                try:
                    message = queue.get_nowait()
                except Empty:
                    return found
                found[str(message.headers["task"]).removeprefix("test.")] += 1
                message.ack()

    return ask


def due(*names: str) -> None:
    """Let the tasks be due: their last turn was two hours ago."""
    PeriodicTask.objects.filter(name__in=names or NAMES).update(last_run_at=datetime.now(UTC) - timedelta(hours=2))


def ticks(beat: LeaderScheduler, times: int = 4) -> None:
    for _ in range(times):
        beat.tick()


def asleep(beat: LeaderScheduler) -> None:
    """Let what the beat saw last be so long ago that it looks again."""
    beat._looked_at = beat._paused_until = float("-inf")


def expire() -> None:
    Lease.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))


def test_one_beat_leads_and_sends_each_due_turn_once(app, sent):
    first, second = LeaderScheduler(app), LeaderScheduler(app)
    due()
    for _ in range(4):
        ticks(first, 1)
        ticks(second, 1)
    assert sent() == Counter(NAMES)
    assert Lease.objects.get().holder == first.holder
    assert set(PeriodicTask.objects.values_list("total_run_count", flat=True)) == {1}


def test_a_beat_that_ends_is_followed_at_once_and_one_that_is_killed_when_its_lease_ran_out(app, sent):
    first, second, third = (LeaderScheduler(app) for _ in range(3))
    ticks(first)
    first.close()
    due("each minute")
    ticks(second)
    assert sent() == Counter(["each minute"])
    due("each hour")
    ticks(third)
    assert not sent(), "the second one's lease still runs"
    expire()
    asleep(third)
    ticks(third)
    assert sent() == Counter(["each hour"])
    assert Lease.objects.get().term == 3


def test_a_leader_that_was_paused_after_it_looked_sends_nothing_a_second_time(app, sent):
    paused, follower = LeaderScheduler(app), LeaderScheduler(app)
    due()
    ticks(paused, 1)  # one of the two turns is sent, the other is planned
    expire()
    ticks(follower)
    assert sent() == Counter(NAMES)
    for _ in range(3):
        # The very moment of the pause: the lease was looked at, the turn is sent next.
        DatabaseScheduler.tick(paused)
    assert not sent()
    ticks(paused)
    assert not sent()
    assert paused._term is None


def test_a_turn_that_the_broker_did_not_take_is_sent_later(app, sent):
    beat = LeaderScheduler(app)
    due("each minute")
    working = app.amqp.send_task_message

    def down(*args: Any, **kwargs: Any) -> None:
        raise ConnectionRefusedError("no broker")

    app.amqp.__dict__["send_task_message"] = down
    ticks(beat)
    assert not sent()
    assert PeriodicTask.objects.get(name="each minute").total_run_count == 0
    app.amqp.__dict__["send_task_message"] = working
    asleep(beat)
    ticks(beat)
    assert sent() == Counter(["each minute"])


def test_a_clock_that_was_set_back_does_not_silence_the_schedule(app, sent):
    beat = LeaderScheduler(app)
    PeriodicTask.objects.update(last_run_at=datetime.now(UTC) + timedelta(days=1))
    beat._forget()
    ticks(beat)
    entry = beat.schedule["each minute"]
    assert entry.is_due().next <= 60
    beat._clock_offset += 3600
    heap = beat._heap
    ticks(beat, 2)
    assert beat._heap is not heap, "planned anew"


def test_hours_without_a_beat_are_made_up_for(app, sent):
    from celery.schedules import crontab

    hour = (datetime.now(UTC).hour + 12) % 24
    app.conf.beat_schedule = {"nightly": {"task": "test.nightly", "schedule": crontab(hour=hour, minute=0)}}
    beat = LeaderScheduler(app)
    PeriodicTask.objects.filter(name="nightly").update(last_run_at=datetime.now(UTC) - timedelta(days=2))
    beat._forget()
    ticks(beat)
    assert sent() == Counter(["nightly"])


def test_a_lease_is_renewed_by_its_holder_and_refused_to_others():
    start = clock.now()
    with clock.frozen(start):
        assert leases.hold("test", "a", LEASE_SECONDS) == 1
        assert leases.hold("test", "b", LEASE_SECONDS) is None
    with clock.frozen(start + timedelta(seconds=LEASE_SECONDS - 1)):
        assert leases.hold("test", "a", LEASE_SECONDS) == 1
    with clock.frozen(start + timedelta(seconds=2 * LEASE_SECONDS)):
        assert leases.hold("test", "a", LEASE_SECONDS) == 2, "who slept through the end finds another term"
        leases.release("test", "b")
        assert leases.hold("test", "b", LEASE_SECONDS) is None
        leases.release("test", "a")
        assert leases.hold("test", "b", LEASE_SECONDS) == 3


@pytest.mark.pure
def test_turns_expire_as_the_schedule_says():
    """django-celery-beat knows `expire_seconds` alone, and drops what else the options say without a word."""
    options = [set(entry.get("options", {})) for entry in settings.CELERY_BEAT_SCHEDULE.values()]
    assert set().union(*options) == {"expire_seconds"}
    assert settings.CELERY_BEAT_SCHEDULER == "common.beat:LeaderScheduler"
