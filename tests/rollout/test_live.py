"""The process's own snapshot: faults leave the last good one, the disk helps at the start, nothing ever widens."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import OperationalError

from rollout.evaluation import FULL, NOTHING, FlagState, Snapshot, Subject, decide
from rollout.live import Live

ON = FlagState("f", True, "", FULL, "salt")


class Source:
    """A database that can be down."""

    def __init__(self) -> None:
        self.down, self.token, self.flags, self.loads = False, "1", {"f": ON}, 0

    def version(self) -> str:
        if self.down:
            raise OperationalError("gone")
        return self.token

    def load(self) -> Snapshot:
        self.loads += 1
        return Snapshot(self.version(), time.time(), "database", self.flags)


@pytest.fixture
def inline(settings):
    settings.FLAGS_REFRESH = "inline"


@pytest.mark.pure
def test_an_unchanged_token_loads_nothing(inline):
    source = Source()
    live = Live(version=source.version, load=source.load, copy=None)
    for _ in range(5):
        live.current()
    assert source.loads == 1
    source.token, source.flags = "2", {}
    assert live.current().flags == {}


@pytest.mark.pure
def test_with_the_database_gone_ten_thousand_decisions_come_from_the_last_snapshot(inline):
    source = Source()
    live = Live(version=source.version, load=source.load, copy=None)
    live.current()
    source.down = True
    answers = {decide(live.current().flags.get("f"), Subject(str(i)), now=time.time()).value for i in range(10_000)}
    assert answers == {True}
    assert 0 < live.age < 60


@pytest.mark.pure
def test_a_process_that_starts_without_a_database_reads_the_copy_and_else_knows_nothing(settings, tmp_path):
    settings.FLAGS_REFRESH, settings.FLAGS_POLL_SECONDS, settings.FLAGS_START_SECONDS = "thread", 60, 1
    source, copy = Source(), tmp_path / "not there yet" / "flags.json"
    assert Live(version=source.version, load=source.load, copy=copy).current().source == "database"
    source.down = True
    late = Live(version=source.version, load=source.load, copy=copy)
    assert (late.current().source, late.current().flags["f"]) == ("disk", ON)
    copy.write_text("{broken")
    assert Live(version=source.version, load=source.load, copy=copy).current() is NOTHING
    copy.unlink()
    assert Live(version=source.version, load=source.load, copy=None).current() is NOTHING


@pytest.mark.pure
def test_a_process_that_serves_is_seen_before_anybody_asks_and_waits_for_nothing(settings):
    settings.FLAGS_REFRESH, settings.FLAGS_POLL_SECONDS, settings.FLAGS_START_SECONDS = "thread", 0.02, 30
    source, slow, reported = Source(), threading.Event(), threading.Event()

    def version() -> str:
        slow.wait(60)
        return source.version()

    live = Live(version=version, load=source.load, copy=None, report=lambda snapshot: reported.set())
    live.begin()  # the database has not answered yet
    assert not reported.is_set()
    slow.set()
    assert reported.wait(60)
    assert live.asked()[0] == 0
    live.stop()


@pytest.mark.pure
def test_where_each_call_asks_nothing_is_watched(inline, monkeypatch):
    started = []
    monkeypatch.setattr(threading.Thread, "start", started.append)
    Live(version=Source().version, load=Source().load, copy=None).begin()
    assert started == []


@pytest.mark.pure
def test_a_flapping_database_never_widens(inline):
    source = Source()
    source.flags = {"f": FlagState("f", True, "", 0, "salt")}
    live = Live(version=source.version, load=source.load, copy=None)
    for turn in range(200):
        source.down = turn % 3 != 0
        source.token = str(turn)
        assert not decide(live.current().flags.get("f"), Subject("s"), now=time.time()).value
