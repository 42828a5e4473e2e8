"""Eight processes: a kill reaches the last in seconds, with Redis and without; each says by what it decides."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import IO

import pytest

from common import clock
from common.management.base import COMMAND_LINE
from rollout import selectors
from rollout.evaluation import FULL, NOTHING, Snapshot
from rollout.live import Live
from rollout.models import Flag, FlagProcess
from rollout.processes import SILENT_AFTER, Reporter, purge_silent
from rollout.services.flags import kill_flag, resume_flag
from tests.support.databases import ON_POSTGRES, ROOT, environment

KEY, WATCHERS, ROUNDS = "ui.burning", 8 if ON_POSTGRES else 3, 3
WATCHER = """
import os, sys, time, django
os.environ["FLAGS_REFRESH"] = "thread"
django.setup()  # once for all: only then does each become a process of its own
number = next((n for n in range(1, int(sys.argv[2])) if not os.fork()), 0)
from django.conf import settings
settings.FLAGS_POLL_SECONDS = float(sys.argv[1])
from rollout.evaluation import Subject
from rollout.selectors import evaluate
last, end = "", time.time() + 120
while time.time() < end:
    reason = evaluate("ui.burning", Subject("s")).reason
    if reason != last:
        os.write(1, f"{number} {reason} {time.time()}\\n".encode())  # a line of one is never inside another's
    last = reason
    time.sleep(0.01)
"""


@contextmanager
def watchers(url: str, *, redis: str, poll: float) -> Iterator[IO[str]]:
    """Processes that decide a flag all the time; yields where they say when the answer changes."""
    env = {**environment(url), "REDIS_URL": redis}
    command = [sys.executable, "-c", WATCHER, str(poll), str(WATCHERS)]
    first = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert first.stdout
    try:
        yield first.stdout
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()


def heard(said: IO[str], reason: str) -> list[float]:
    """Return when each process came to this answer."""
    lines = [said.readline().split() for _ in range(WATCHERS)]
    assert sorted(int(number) for number, _, _ in lines) == list(range(WATCHERS))
    assert [found for _, found, _ in lines] == [reason] * WATCHERS
    return [float(at) for _, _, at in lines]


def all_have_reported() -> None:
    """Wait until each process has said once that it is there: a slow machine starts them one after the other."""
    deadline = time.monotonic() + 60
    while len(selectors.processes(clock.now())) < WATCHERS and time.monotonic() < deadline:
        time.sleep(0.2)


@pytest.mark.server
@pytest.mark.parametrize("way", ["by asking", "by Redis"] if ON_POSTGRES else ["by asking"])
def test_a_kill_reaches_the_last_process_in_seconds(way, committed_database):
    redis = os.environ.get("REDIS_URL", "") if way == "by Redis" else ""
    Flag.objects.create(name=KEY, enabled=True, rollout_thousandths=FULL)
    took: list[float] = []
    # With Redis the question is so rare that only the message can be the reason.
    with watchers(committed_database, redis=redis, poll=60 if redis else 1) as running:
        heard(running, "everyone")
        time.sleep(1.5 if redis else 0)  # each listens
        for _ in range(ROUNDS):
            kill_flag(key=KEY, reason="fire", acting_user=COMMAND_LINE)
            killed_at, token = time.time(), selectors.version_token()
            took += [moment - killed_at for moment in heard(running, "killed")]
            if not redis:
                all_have_reported()
                assert selectors.wait_until_observed(token, 10) == (WATCHERS, WATCHERS)
                seen = selectors.processes(clock.now())
                assert {one.snapshot_version for one in seen} == {token}
                assert all(one.is_current for one in seen)
            resume_flag(key=KEY, reason="out", acting_user=COMMAND_LINE)
            heard(running, "everyone")
    assert len(took) == WATCHERS * ROUNDS
    assert max(took) <= 5


@pytest.fixture
def snapshot(transactional_token):
    return Snapshot(transactional_token, time.time(), "database", {})


@pytest.fixture
def transactional_token(db):
    return selectors.version_token()


def test_a_process_reports_a_new_snapshot_at_once_and_else_every_few_seconds(snapshot, monkeypatch):
    now = [1_000.0]
    monkeypatch.setattr("rollout.processes.time.monotonic", lambda: now[0])
    report = Reporter()
    seen = []
    for later, version in ((0, "a"), (1, "a"), (2, "b"), (4, "b"), (6, "b")):
        now[0] = 1_000.0 + later
        with clock.frozen(clock.now() + timedelta(seconds=later)):
            report(Snapshot(version, time.time(), "database", {}))
        row = FlagProcess.objects.get()
        seen.append((row.snapshot_version, row.seen_at))
    assert [version for version, _ in seen] == ["a", "a", "b", "b", "b"]
    assert [one == two for one, two in zip(seen, seen[1:], strict=False)] == [True, False, True, True]
    now[0] += 2
    report(Snapshot("b", time.time(), "database", {}))
    assert FlagProcess.objects.get().seen_at != seen[-1][1]


def process(name: str, token: str, ago: timedelta) -> None:
    now = clock.now()
    FlagProcess.objects.create(name=name, snapshot_version=token, snapshot_at=now, seen_at=now - ago)


def test_who_is_silent_for_a_minute_is_neither_waited_for_nor_kept(snapshot):
    process("new", snapshot.version, timedelta())
    process("old", "before", timedelta(seconds=30))
    process("dead", "before", SILENT_AFTER + timedelta(seconds=1))
    assert selectors.observed(snapshot.version) == (1, 2)
    assert [(one.name, one.is_current) for one in selectors.processes(clock.now())] == [("new", True), ("old", False)]
    assert purge_silent() == 1


def test_waiting_ends_with_the_time_and_tells_how_far_it_got(snapshot):
    process("old", "before", timedelta())
    started = time.monotonic()
    assert selectors.wait_until_observed(snapshot.version, 0.3) == (0, 1)
    assert 0.3 <= time.monotonic() - started < 10


def test_who_has_the_newest_has_what_came_before_it(snapshot):
    process("newest", snapshot.version, timedelta())
    assert selectors.observed("some change before") == (1, 1)


def test_reports_that_fail_for_long_are_logged_once_and_not_raised(snapshot, monkeypatch, caplog):
    from django.db import OperationalError

    def gone(snapshot):
        raise OperationalError("gone")

    report, told = Reporter(), []
    with caplog.at_level("WARNING", logger="mesocycle.rollout"):
        for second, there in ((0, False), (14, False), (15, False), (60, False), (61, True), (62, False), (76, False)):
            monkeypatch.setattr(report, "_write", (lambda _: None) if there else gone)
            monkeypatch.setattr("rollout.processes.time.monotonic", lambda second=second: 1_000.0 + second)
            report(replace(snapshot, version=str(second)))
            told.append(len(caplog.records))
    assert told == [0, 0, 1, 1, 1, 1, 1]
    assert caplog.records[0].message == "flags_process_not_reported"


@pytest.mark.pure
def test_a_child_of_a_process_watches_for_itself(settings):
    settings.FLAGS_REFRESH, settings.FLAGS_POLL_SECONDS = "thread", 0.02
    live = Live(version=lambda: "1", load=lambda: Snapshot("1", time.time(), "database", {}), copy=None)
    assert live.current() is not NOTHING
    reader, writer = os.pipe()
    child = os.fork()
    if not child:  # the child: it has the snapshot, and its age falls again once it watches
        try:
            time.sleep(0.3)
            live.current()
            deadline = time.monotonic() + 60
            while live.age >= 0.25 and time.monotonic() < deadline:
                time.sleep(0.02)
            os.write(writer, b"young" if live.age < 0.25 else b"old")
        finally:
            os._exit(0)  # whatever happens, it is not to go on with the suite
    os.close(writer)
    os.waitpid(child, 0)
    assert os.read(reader, 9) == b"young"
    live.stop()
