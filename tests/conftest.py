"""Set-up of the suite: migrated databases to copy, no network, real data where it is, a real server and browser."""

from __future__ import annotations

import gc
import itertools
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from tests.support import browsers
from tests.support.chance import EXPLORE
from tests.support.databases import ON_POSTGRES, Databases, drop_databases, of_run
from tests.support.processes import Server, serving

SHARED_DATA = Path(os.environ.get("MESOCYCLE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
RUN = "MESOCYCLE_TEST_RUN"
_counter = itertools.count()
_left_out: dict[str, int] = {}
_counted: set[str] = set()

# The suite says the same twice; `make explore` looks for examples that nobody has seen.
settings.register_profile(
    "suite",
    deadline=None,
    max_examples=EXPLORE or 40,
    derandomize=not EXPLORE,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    """Name the run before its workers start: its databases carry the name."""
    if not hasattr(config, "workerinput"):
        os.environ[RUN] = uuid4().hex[:12]
        # A test's database need not outlive a crash of the server; processes that tests start inherit this.
        os.environ.setdefault("PGOPTIONS", "-c synchronous_commit=off")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Drop what is left of this run's databases once all workers are down, also where tests failed."""
    if ON_POSTGRES and not hasattr(config, "workerinput"):
        drop_databases(of_run(os.environ[RUN]))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine lacks, and say how many tests that were."""
    missing = {
        "shared_data": not SHARED_DATA.is_dir(),
        "browser": not browsers.is_here(),
        "postgres": not ON_POSTGRES,
    }
    kept, left = [], []
    for item in items:
        reasons = [name for name, absent in missing.items() if absent and item.get_closest_marker(name)]
        (left if reasons else kept).append(item)
        for name in reasons[:1]:
            _left_out[name] = _left_out.get(name, 0) + 1
    items[:] = slowest_first(kept)
    if left:
        _counted.update(item.nodeid for item in left)
        config.hook.pytest_deselected(items=left)


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count what is heavy (`-m "not heavy"`), so that a run says what it has not tried of what could run here."""
    elsewhere = ("pure", "browser", "once") if ON_POSTGRES else ()
    heavy = [
        item
        for item in items
        if item.get_closest_marker("heavy")
        and item.nodeid not in _counted
        and not any(item.get_closest_marker(name) for name in elsewhere)
    ]
    if heavy:
        _left_out["heavy"] = _left_out.get("heavy", 0) + len(heavy)


def slowest_first(items: list[pytest.Item]) -> list[pytest.Item]:
    """Put files that start servers and other long ones before the rest: no worker is left alone with one at the end.

    Both kinds take turns: while one worker makes the demo's data, which servers want, the other has work of its own.
    """
    servers = dict.fromkeys(item.path for item in items if item.get_closest_marker("server"))
    long = dict.fromkeys(item.path for item in items if item.get_closest_marker("long") and item.path not in servers)
    turns = (path for pair in itertools.zip_longest(servers, long) for path in pair if path)
    places = {path: place for place, path in enumerate(turns)}
    return sorted(items, key=lambda item: places.get(item.path, len(places)))


def pytest_collection_finish() -> None:
    """Let the collector leave alone what the whole run keeps: modules, tests, URL patterns."""
    gc.collect()
    gc.freeze()


def pytest_report_header() -> list[str]:
    return [f"database: {'PostgreSQL as app_rw' if ON_POSTGRES else 'SQLite'}, real data: {SHARED_DATA.is_dir()}"]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = _left_out


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _left_out.update(getattr(node, "workeroutput", {}).get("left_out", {}))  # every worker collects the whole suite


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for name, count in _left_out.items():
        why = "not chosen" if name == "heavy" else "this run has no such thing"
        terminalreporter.write_line(f"{count} tests marked {name} left out: {why}")


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections that leave the machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"tests may not connect to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Databases:
    """The migrated template of this run, shared by all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = base if worker_id == "master" else base.parent
    databases = Databases(folder, os.environ[RUN])
    databases.prepare()
    return databases


@pytest.fixture(scope="session")
def django_db_setup(databases: Databases, django_db_blocker: Any, worker_id: str) -> Iterator[None]:
    """Give the worker its own copy of the migrated database instead of Django's creation and flush."""
    from django.db import connection

    name = databases.copy(worker_id)
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict["NAME"] = name
    yield
    with django_db_blocker.unblock():
        connection.close()
    databases.drop(name)


@pytest.fixture
def committed_database(
    databases: Databases, django_db_setup: None, django_db_blocker: Any, worker_id: str
) -> Iterator[str]:
    """A fresh copy in which transactions really commit; yields its DATABASE_URL."""
    from django.db import connection

    name = databases.copy(f"{worker_id}_{next(_counter)}")
    with django_db_blocker.unblock():
        connection.close()
        before, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], name
        try:
            yield databases.url(name)
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before
            databases.drop(name)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real data."""
    return SHARED_DATA


@pytest.fixture(scope="module")
def server(databases: Databases, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Server]:
    """A real server on a database of its own; on PostgreSQL with a real worker."""
    yield from serving(databases, databases.template, tmp_path_factory.mktemp("server"), worker_id)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium; ends with the module, since its event loop keeps the ORM from working in the same thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=browsers.CHROMIUM, args=list(browsers.FLAGS))
        yield running
        running.close()
