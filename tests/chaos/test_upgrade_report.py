"""What the upgrade's scripts decide without a database."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.chaos.locks import LOOK_SECONDS, LockWatch
from tests.chaos.pages import PAGE, PageReaders
from tests.chaos.releases import release_of, this_release
from tests.chaos.sections import HEAD, rows_as_table, write_section
from tests.chaos.upgrade_report import Phase, Seen, Upgrade, as_markdown, by_phase

pytestmark = pytest.mark.pure


def _upgrade(**more: Any) -> Upgrade:
    phases = [Phase("old code", 100.0), Phase("migrating", 110.0)]
    given: dict[str, Any] = {"seen": [Seen(101.0, 0.5), Seen(109.9, 3.0), Seen(110.5, 0.25)], "phases": phases, **more}
    return Upgrade(
        command="c", machine={}, old="a", new="b", migrations=["plans.0002_x"], people="nobody", ended=120.0, **given
    )


def test_the_verdict_follows_from_the_figures():
    assert _upgrade().holds
    assert "**Everything held.**" in as_markdown(_upgrade())
    for bad in (
        {"seen": [Seen(101.0, 0.5, "answer 500")]},
        {"seen": []},
        {"violations": {"no_half_plan": 1}},
        {"lost": 1},
        {"jobs": {"plans.tag_comment": 1}},
        {"unknown": {"tasks": 1}},
        {"left_open": (1, 0, 0, 0)},
        {"broken": ["Coach.edit: KeyError: 'id'"]},
    ):
        assert not _upgrade(**bad).holds
        assert "**Not everything held**" in as_markdown(_upgrade(**bad))


def test_a_request_belongs_to_the_phase_in_which_it_began():
    upgrade = _upgrade()
    told = by_phase(upgrade.phases, upgrade.ended, upgrade.seen)
    assert [(phase.name, seconds, len(seen)) for phase, seconds, seen in told] == [
        ("old code", 10.0, 2),
        ("migrating", 10.0, 1),
    ]
    assert "| old code | 10 | 2 | 0 | 3.00 | 3.00 | 3.00 |" in as_markdown(upgrade)


def test_locks_are_timed_from_the_look_that_found_them():
    watch = LockWatch.__new__(LockWatch)
    watch._open, watch._found, watch.waits = {}, {}, threading.Event()
    lock = ("plans.0002", "plans", "AccessExclusiveLock")
    waits, holds = (*lock, False), (*lock, True)
    for now, rows in ((0.0, {waits}), (2.0, {waits}), (3.0, set()), (4.0, {waits}), (5.0, {holds}), (5.5, {holds})):
        watch._note(rows, now)
    (found,) = watch.found
    assert watch.waits.is_set()
    assert (found.waited, found.held, found.goes) == (2.0 + LOOK_SECONDS, 0.5 + LOOK_SECONDS, 2)


def test_a_release_is_written_to_a_folder_with_its_commands(tmp_path):
    release = release_of("HEAD", tmp_path / "old")
    assert release.commit == this_release().commit
    assert (release.root / "manage.py").exists()
    assert release.migrations == {name for name in this_release().migrations if name in release.migrations} != set()
    assert set(release.commands) == {"web", "worker", "beat", "relay"}


def test_a_section_is_replaced_and_others_stay(tmp_path):
    path = tmp_path / "report.md"
    for figure in (1, 2):
        body = rows_as_table([{"way_of_it": "x", "holds": True, "lost": {}, "tries": {1: figure}, "who": ["a", "b"]}])
        write_section(path, "First", "python -m first", {"cores": "2"}, body)
        write_section(path, "Second", "python -m second", {"cores": "2"}, f"figure {figure}")
    text = path.read_text()
    assert text.startswith(HEAD)
    assert text.count("## ") == 2
    assert "`python -m first`. cores 2." in text
    assert "| x | yes | none | 1: 2 | a, b |" in text
    assert "figure 2" in text
    assert "figure 1" not in text


class Site(BaseHTTPRequestHandler):
    """A page that names one file that is there, and one that is not."""

    def do_GET(self) -> None:
        page = b'<link href="/static/a.1.css"><script src="/static/b.2.js"></script>'
        known = {PAGE: page, "/static/a.1.css": b"a"}
        self.send_response(200 if self.path in known else 404)
        self.end_headers()
        self.wfile.write(known.get(self.path, b""))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_a_file_that_a_page_names_and_nobody_has_is_a_failure(monkeypatch):
    monkeypatch.setattr("tests.chaos.pages.PAUSE_SECONDS", 0.0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told: list[str] = []
    three = threading.Event()

    def tell(seconds: float, failure: str) -> None:
        told.append(failure)
        if len(told) == 3:
            three.set()

    with PageReaders(f"http://127.0.0.1:{server.server_port}", tell):
        assert three.wait(10)
    server.shutdown()
    assert told[:3] == ["", "", "GET a file of the page: 404"]
