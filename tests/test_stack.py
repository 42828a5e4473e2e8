"""What production runs: processes, units, gunicorn's configuration, the drain, and the clients that watch a restart."""

from __future__ import annotations

import logging
import os
import re
import runpy
import subprocess
import sys
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import honcho.manager
import pytest
from django.conf import settings
from django.test import Client
from honcho.environ import parse_procfile

from common import jobs
from config.settings import required
from tests.chaos.unpaused import Ask, Clients
from tests.support.databases import ROOT

PROCFILE = parse_procfile((ROOT / "Procfile").read_text()).processes


def gunicorn(monkeypatch: pytest.MonkeyPatch, **env: str) -> dict[str, Any]:
    """Read the configuration as gunicorn does: by its path."""
    for name in ("DRAIN_FILE", "PORT", "WEB_BIND"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    found = runpy.run_path(str(ROOT / "config" / "gunicorn.py"))
    monkeypatch.delenv("DRAIN_FILE")
    return found


@pytest.mark.pure
def test_every_process_has_a_unit_that_starts_the_same(monkeypatch):
    for name, command in PROCFILE.items():
        unit = next((ROOT / "deploy" / "systemd").glob(f"mesocycle-{name}*.service")).read_text()
        started = re.search(r"^ExecStart=/srv/mesocycle/current/\.venv/bin/(.*)$", unit, re.MULTILINE)
        assert started, name
        # Up to the first option that may differ: a node's name.
        same = command.split(" --hostname")[0].split(" --loglevel")[0]
        assert started[1].startswith(same)


@pytest.mark.pure
def test_the_example_environment_holds_only_variables_that_are_documented():
    documented = (ROOT / "README.md").read_text() + (ROOT / "docs" / "operations" / "deploy.md").read_text()
    text = (ROOT / "deploy" / "mesocycle.env").read_text()
    names = re.findall(r"^([A-Z_]+)=", text, re.MULTILINE)
    made = re.findall(r"([A-Z_]+)=", (ROOT / "deploy" / "make-keys").read_text())
    assert set(required.STACK) <= {*names, *made, "FIELD_ENCRYPTION_KEYS", "TELEMETRY_TOKEN_KEYS", "AUDIT_SIGNING_KEYS"}
    assert [name for name in names if f"`{name}`" not in documented] == []


@pytest.mark.pure
def test_whoever_starts_the_stack_hears_all_that_is_missing(monkeypatch, capsys):
    for name in required.STACK:
        monkeypatch.setenv(name, "set")
    assert required.main() == 0
    monkeypatch.setenv("REDIS_URL", " ")
    monkeypatch.delenv("SECRET_KEY")
    assert required.main() == 2
    told = capsys.readouterr().err
    assert [name for name in required.STACK if f"{name} is missing" in told] == ["SECRET_KEY", "REDIS_URL"]


@pytest.mark.pure
def test_gunicorn_takes_its_values_from_the_environment(monkeypatch, tmp_path):
    read = gunicorn(monkeypatch, PORT="8123", WEB_THREADS="7", WEB_MAX_REQUESTS="100", MESOCYCLE_VAR=str(tmp_path))
    assert (read["bind"], read["threads"], read["max_requests_jitter"]) == ("127.0.0.1:8123", 7, 20)
    assert read["preload_app"] is False
    assert read["graceful_timeout"] > settings.PREFER_WAIT_MAX_SECONDS
    with pytest.raises(ValueError, match="WEB_TIMEOUT must be a whole number, not 'soon'"):
        gunicorn(monkeypatch, WEB_TIMEOUT="soon")


LOADED = """
import importlib, sys, threading
for module in sys.argv[1:]:
    importlib.import_module(module)
    print(module, *(thread.name for thread in threading.enumerate()), "scipy.stats" in sys.modules)
"""


@pytest.mark.once
def test_loading_the_application_starts_no_thread_that_a_fork_would_break(tmp_path):
    """A master that loads it (`--preload`) forks: a lock that a thread holds then is never given back in the child.

    Nor does it load scipy's distributions, which took a seventh of each start and which pages do not draw from.
    """
    modules = ["config.wsgi", "config.asgi", "tests.support.served"]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.local", "MESOCYCLE_VAR": str(tmp_path)}
    command = [sys.executable, "-c", LOADED, *modules]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{module} MainThread False" for module in modules]


@pytest.mark.pure
def test_the_access_log_names_the_route_and_no_address(monkeypatch, caplog):
    log = object.__new__(gunicorn(monkeypatch)["AccessLogger"])
    log.access_log = logging.getLogger("test.access")
    environ = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": "/calendar/secret-token.ics?name=Ann",
        "PATH_INFO": "/calendar/secret-token.ics",
        "mesocycle.route": "calendar/<str:token>.ics",
        "mesocycle.request_id": "one",
    }
    with caplog.at_level("INFO", logger="test.access"):
        log.access(SimpleNamespace(status="200 OK", sent=12), None, environ, timedelta(seconds=0.25))
    (record,) = caplog.records
    assert (record.route, record.status, record.milliseconds) == ("calendar/<str:token>.ics", 200, 250.0)
    assert "secret" not in str(record.__dict__)


@pytest.mark.django_db
def test_lines_about_refused_requests_name_the_route_and_no_address(settings):
    assert settings.LOGGING["handlers"]["stderr"]["filters"] == ["route"]
    lines: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = lines.append  # type: ignore[method-assign]
    handler.addFilter(settings.LOGGING["filters"]["route"]["()"]())
    log = logging.getLogger("django.request")
    log.addHandler(handler)
    try:
        for address in ("/calendar/secret-token.ics", "/secret-nowhere", "/calendar/secret-\u00fc.ics"):
            assert Client().get(address).status_code == 404
    finally:
        log.removeHandler(handler)
    assert [(line.getMessage(), line.route, line.method) for line in lines] == [  # type: ignore[attr-defined]
        ("Not Found: calendar/<str:token>.ics", "calendar/<str:token>.ics", "GET"),
        ("Not Found: (none)", "(none)", "GET"),
        ("Not Found: calendar/<str:token>.ics", "calendar/<str:token>.ics", "GET"),
    ]
    assert not any("secret" in str(line.__dict__) for line in lines)


@pytest.mark.pure
def test_the_stack_waits_for_what_web_processes_have_begun(monkeypatch):
    monkeypatch.setattr(honcho.manager, "KILL_WAIT", 5)
    runpy.run_module("config.up")
    assert gunicorn(monkeypatch)["graceful_timeout"] < honcho.manager.KILL_WAIT


@pytest.mark.django_db
def test_a_drained_process_says_so_and_answers_all_the_same(settings, tmp_path):
    settings.DRAIN_FILE = str(tmp_path / "draining")
    assert Client().get("/health/ready").status_code == 200
    (tmp_path / "draining").touch()
    answer = Client().get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "draining")
    live = Client().get("/health/live")
    assert live.status_code == 200
    assert live.wsgi_request.META["mesocycle.route"] == "health/live"


@pytest.mark.pure
def test_a_message_comes_back_later_than_any_lease_ends():
    """What is delivered again while it runs would wait for a lease each time, in one more copy."""
    longest = max(jobs._lease_seconds.values())
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] > longest + jobs.LEASE_SECONDS


class Moody(BaseHTTPRequestHandler):
    """Answers, fails, and hangs up."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/hangs-up":
            self.close_connection = True
            return
        self.send_response({"/fine": 200, "/fails": 502}[self.path])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201 if self.headers["Idempotency-Key"] else 400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.mark.pure
def test_clients_count_what_failed_and_what_was_acknowledged():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Moody)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    asks = [
        Ask("GET", "/fine"),
        Ask("GET", "/fails"),
        Ask("GET", "/hangs-up"),
        Ask("POST", "/write", lambda mark: mark),
    ]
    clients = Clients("127.0.0.1", server.server_port, {}, asks, kept=1, new=1)
    with clients:
        while min(len(told.written) for told in clients._told) < 2:
            threading.Event().wait(0.01)
    server.shutdown()
    told = clients.told
    assert set(told.failures) == {"GET /fails: 502", "GET /hangs-up: RemoteDisconnected"}
    assert len(set(told.written)) == len(told.written) >= 4
    assert told.answered >= 2 * len(told.written) > 0
