"""Database, Redis and scheduler × down, slow, flapping: nothing is raised, nothing widens, staleness is told."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import InterfaceError, OperationalError

from rollout import selectors
from rollout.evaluation import FULL, FlagState, Snapshot, Subject, bucket
from rollout.fanout import Fanout
from rollout.live import Live
from tests.rollout.proxy import Proxy
from tests.support.databases import ROOT, environment

POLL, SLOW = 0.02, 0.2
ANYBODY = Subject("s")


class Database:
    """One flag that is on and one that is off; `fault` is what it does when asked."""

    def __init__(self) -> None:
        self.fault, self.asked, self.token = "", 0, "1"
        self.flags = {key: FlagState(key, True, "", share, "salt") for key, share in (("on", FULL), ("off", 0))}

    def version(self) -> str:
        self.asked += 1
        if self.fault == "slow":
            time.sleep(SLOW)
        if self.fault == "down" or (self.fault == "flapping" and self.asked % 3):
            raise (OperationalError if self.asked % 2 else InterfaceError)("gone")
        return self.token

    def load(self) -> Snapshot:
        return Snapshot(self.token, time.time(), "database", dict(self.flags))


@pytest.fixture
def database(settings):
    settings.FLAGS_REFRESH, settings.FLAGS_POLL_SECONDS, settings.FLAGS_START_SECONDS = "thread", POLL, 2
    return Database()


@pytest.fixture
def watch(database, monkeypatch):
    """Makes the process decide by the database of this test."""
    made = []

    def make(**more):
        live = Live(version=database.version, load=database.load, copy=None, **more)
        monkeypatch.setattr(selectors, "LIVE", live)
        live.current()
        made.append(live)
        return live

    yield make
    for live in made:
        live.stop()


def decide_often(seconds: float = 0.5) -> list[float]:
    """Decide both flags again and again; return how long each decision took."""
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.perf_counter()
        on, off = selectors.evaluate("on", ANYBODY), selectors.evaluate("off", ANYBODY)
        took.append(time.perf_counter() - started)
        assert (on.value, off.value) == (True, False)
        assert on.reason == "everyone"
    return took


def wait_for(what, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "not within the time"
        time.sleep(POLL)


@pytest.mark.pure
@pytest.mark.parametrize("fault", ["down", "slow", "flapping"])
def test_whatever_the_database_does_decisions_go_on_from_the_last_snapshot(fault, database, watch):
    watch()
    database.fault = fault
    took = sorted(decide_often())
    assert len(took) > 1_000
    assert took[len(took) // 2] < 0.001


@pytest.mark.pure
def test_staleness_grows_while_the_database_is_down_is_exported_and_ends_with_it(database, watch):
    live = watch()
    database.fault = "down"
    wait_for(lambda: live.age > 0.4)
    assert selectors.evaluate("on", ANYBODY).snapshot_age > 0.4
    assert selectors.staleness()["snapshot_age_seconds"] >= 0.4
    database.fault = ""
    wait_for(lambda: live.age < 0.3)


@pytest.mark.pure
@pytest.mark.parametrize("fault", ["slow", "flapping"])
def test_a_kill_arrives_through_a_slow_or_flapping_database(fault, database, watch):
    watch()
    database.fault = fault
    database.flags = {"on": FlagState("on", True, "", FULL, "salt", killed=True)}
    database.token = "2"
    wait_for(lambda: selectors.evaluate("on", ANYBODY).reason == "killed")


@pytest.mark.pure
def test_a_change_made_while_another_thread_asks_does_not_wait_for_ever(watch, monkeypatch, settings):
    settings.FLAGS_START_SECONDS = 0.1
    live = watch()
    asking, answered = threading.Event(), threading.Event()
    monkeypatch.setattr(live, "_version", lambda: asking.set() or (answered.wait(60) and "1"))
    assert asking.wait(60)
    assert live.refresh() is False  # while the thread still asks
    answered.set()
    wait_for(live.refresh)


class SilentServer:
    """Takes connections and never says a word (slow), or hangs up at once (flapping)."""

    def __init__(self, fault: str) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.kept: list[socket.socket] = []
        self.port = self.socket.getsockname()[1]
        if fault == "down":
            self.socket.close()
            return
        threading.Thread(target=self._accept, args=(fault,), daemon=True).start()

    def _accept(self, fault: str) -> None:
        try:
            while True:
                client, _ = self.socket.accept()
                if fault == "flapping":
                    client.close()
                else:
                    self.kept.append(client)
        except OSError:
            return


@pytest.mark.pure
@pytest.mark.parametrize("fault", ["down", "slow", "flapping"])
def test_without_redis_nothing_is_raised_and_the_poll_still_finds_the_change(fault, database, watch):
    server = SilentServer(fault)
    fanout = Fanout(f"redis://127.0.0.1:{server.port}/0", "test:flags")
    live = watch(fanout=fanout)
    decide_often(0.1)
    database.flags["on"] = FlagState("on", True, "", FULL, "salt", killed=True)
    database.token = "2"
    wait_for(lambda: selectors.evaluate("on", ANYBODY).reason == "killed")
    started = time.monotonic()
    assert live.refresh() is True
    assert time.monotonic() - started < 10  # not for ever
    assert fanout.announce("2") is False
    server.socket.close()


@pytest.mark.pure
@pytest.mark.parametrize("fault", ["down", "slow", "flapping"])
def test_a_scheduler_that_does_not_come_widens_nothing(fault, database, watch):
    """Decisions take a stage from the flag's row alone: with time passing, however it passes, they stay."""
    from common import clock

    watch()
    days = {"down": (0, 400), "slow": (0, 15, 29), "flapping": (0, 20, 1, 30)}[fault]
    database.flags["half"] = FlagState("half", True, "", 50_000, "salt", rollout_id="r", stage=1)
    database.token = "2"
    wait_for(lambda: selectors.flag_state("half") is not None)
    start = clock.now()
    for day in days:
        with clock.frozen(start.fromtimestamp(start.timestamp() + day * 86_400, start.tzinfo)):
            found = [selectors.evaluate("half", Subject(str(i))) for i in range(500)]
        assert {one.stage for one in found} == {1}
        assert [one.value for one in found] == [bucket(str(i), "salt") < 50_000 for i in range(500)]


WITHOUT_A_DATABASE = """
import os, sys, json, time, django
os.environ["FLAGS_REFRESH"] = "thread"
django.setup()
from rollout.evaluation import Subject
from rollout.selectors import evaluate, staleness, LIVE
evaluate("ui.on", Subject("s"))
print(LIVE.current().source, flush=True)
for line in sys.stdin:
    started = time.perf_counter()
    reasons = [evaluate("ui.on", Subject(str(i))).reason for i in range(10_000)]
    told = {"reasons": sorted(set(reasons)), "seconds": time.perf_counter() - started, **staleness()}
    print(json.dumps(told), flush=True)
"""


@pytest.mark.postgres
@pytest.mark.server
def test_with_postgresql_out_of_reach_ten_thousand_decisions_come_from_the_snapshot(committed_database):
    from common.management.base import COMMAND_LINE
    from rollout.models import Flag
    from rollout.services.flags import kill_flag

    Flag.objects.create(name="ui.on", enabled=True, rollout_thousandths=FULL)
    parts = urlsplit(committed_database)
    proxy = Proxy(parts.hostname or "", parts.port or 5432)
    user = parts.netloc.rpartition("@")[0]
    url = urlunsplit((parts.scheme, f"{user}@127.0.0.1:{proxy.port}", parts.path, "", ""))
    child = subprocess.Popen(
        [sys.executable, "-c", WITHOUT_A_DATABASE], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**environment(url), "REDIS_URL": "", "MESOCYCLE_VAR": os.environ["MESOCYCLE_VAR"]},
    )  # fmt: skip

    def ask():
        assert child.stdin and child.stdout
        child.stdin.write("\n")
        child.stdin.flush()
        return json.loads(child.stdout.readline())

    try:
        assert child.stdout and child.stdout.readline().strip() == "database"
        proxy.cut()
        time.sleep(2.5)
        told = ask()
        assert told["reasons"] == ["everyone"]
        assert told["seconds"] < 5
        assert told["snapshot_age_seconds"] >= 1.4
        for _ in range(3):  # flapping
            proxy.mend()
            time.sleep(0.4)
            proxy.cut()
            assert ask()["reasons"] == ["everyone"]
        proxy.mend()
        proxy.delay = 0.2
        assert ask()["reasons"] == ["everyone"]
        proxy.mend()
        kill_flag(key="ui.on", reason="fire", acting_user=COMMAND_LINE)
        wait_for(lambda: ask()["reasons"] == ["killed"])
        assert ask()["snapshot_age_seconds"] < 3
    finally:
        child.kill()
        child.wait()
        proxy.close()
