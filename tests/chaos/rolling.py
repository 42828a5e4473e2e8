"""Restart the web processes in four ways while clients ask without pause; no request may fail, no write be lost.

`python -m tests.chaos.rolling [--seconds 12] [--only hup,usr2,socket,proxy] [--report FILE]`. Wants PostgreSQL, Redis
and nginx. Ways:

- hup: gunicorn's HUP; new workers import the code anew, the port stays open.
- usr2: gunicorn's USR2; a new master beside the old one, which is then told to end.
- socket: stop and start under a socket that somebody else holds, as systemd does; requests wait meanwhile.
- proxy: two web processes behind nginx, each taken out, stopped, started and taken in again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
import psycopg

from bench import machine
from tests.chaos.nginx import Nginx
from tests.chaos.sections import rows_as_table, write_section
from tests.chaos.unpaused import SHOWN, Ask, Clients, Told
from tests.support.databases import ROOT
from tests.support.stack import Stack

EMAIL, PASSWORD = "rolling@mesocycle.example", "rolling-only-7"
READS: Final = [Ask("GET", "/health/ready"), Ask("GET", "/api/v1/me")]
WRITE: Final = Ask("POST", "/api/v1/reports", lambda mark: {"topic": "other", "text": f"synthetic report {mark}"})
KEPT, NEW = 2, 2
TITLE: Final = "Web processes restarted under clients that ask without pause"
WAYS: Final = ("hup", "usr2", "socket", "proxy")


def main() -> int:
    """Run the ways and print what each came to; 1 where a request failed or a write is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12.0, help="of asking before and after each restart")
    parser.add_argument("--port", type=int, default=8100, help="first of five ports")
    parser.add_argument("--redis", default=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/1"))
    parser.add_argument("--database", default="stack_rolling")
    parser.add_argument("--only", default=",".join(WAYS), help="which ways, separated by commas")
    parser.add_argument("--report", type=Path, help="Markdown file of which to write this script's section")
    asked = parser.parse_args()
    ways = asked.only.split(",")
    if "proxy" in ways and shutil.which("nginx") is None:
        parser.error("nginx is not installed; leave the way `proxy` out by --only")
    folder = Path(tempfile.mkdtemp(prefix="mesocycle-rolling-"))
    stack = Stack(
        folder,
        database=asked.database,
        redis=asked.redis,
        port=asked.port,
        formation={"web": 2},
        THROTTLE_REPORT="off",
        WEB_CONCURRENCY="1",
        FLAGS_REFRESH="thread",
    )
    facts, lines, failed = machine.facts(), list[dict[str, object]](), False
    try:
        stack.prepare()
        make_person(stack)
        for way in ways:
            told, lost, restarts = run(stack, way, asked.seconds)
            lines.append(line(way, told, lost, restarts))
            sys.stdout.write(json.dumps(lines[-1]) + "\n")
            sys.stdout.flush()
            failed = failed or told.failed > 0 or lost > 0 or not told.written
        if asked.report:
            command = f"python -m tests.chaos.rolling --seconds {asked.seconds:g} --only {asked.only}"
            write_section(asked.report, TITLE, command, facts, rows_as_table(lines))
        return int(failed)
    finally:
        stack.stop()
        stack.remove()


def line(way: str, told: Told, lost: int, restarts: int) -> dict[str, object]:
    """Return one way's figures."""
    return {
        "way": way,
        "restarts": restarts,
        "answered": told.answered,
        "failed": told.failed,
        "failures": dict(told.failures.most_common(SHOWN)),
        "sent_again": told.again,
        "acknowledged_writes": len(told.written),
        "lost_writes": lost,
        "slowest_s": round(told.slowest, 2),
    }


def run(stack: Stack, way: str, seconds: float) -> tuple[Told, int, int]:
    """Restart in one way under clients; return what they saw, how many writes are missing, how often it restarted."""
    with {"hup": by_hup, "usr2": by_usr2, "socket": by_socket, "proxy": by_proxy}[way](stack) as (port, restart):
        headers = {"X-Forwarded-Proto": "https", "Authorization": f"Bearer {token(port)}"}
        with Clients("127.0.0.1", port, headers, [*READS, WRITE], kept=KEPT, new=NEW) as clients:
            time.sleep(seconds)
            restarts = restart()
            time.sleep(seconds)
    told = clients.told
    return told, len(set(told.written) - stored(stack)), restarts


@contextmanager
def by_hup(stack: Stack) -> Iterator[tuple[int, Callable[[], int]]]:
    """Gunicorn's HUP, twice."""
    stack.start("web.1")

    def restart() -> int:
        for _ in range(2):
            before = set(stack.children("web.1"))
            stack.signal("web.1", signal.SIGHUP)
            wait(lambda before=before: bool(now := set(stack.children("web.1"))) and not before & now)
        return 2

    yield stack.port, restart
    stack.stop("web.1")


@contextmanager
def by_usr2(stack: Stack) -> Iterator[tuple[int, Callable[[], int]]]:
    """A second master on the same socket; the first is told to end once the second one's workers are there."""
    stack.start("web.1")
    masters = [stack.pid("web.1")]

    def restart() -> int:
        first = psutil.Process(masters[0])
        workers = {child.pid for child in first.children()}
        first.send_signal(signal.SIGUSR2)
        wait(lambda: any(child.pid not in workers and child.children() for child in first.children()))
        second = next(child for child in first.children() if child.pid not in workers and child.children())
        masters.append(second.pid)
        time.sleep(10)  # its workers import the application
        first.send_signal(signal.SIGTERM)
        wait(lambda: not stack.is_running("web.1"))
        return 1

    try:
        yield stack.port, restart
    finally:
        second = psutil.Process(masters[-1])
        second.terminate()
        try:
            second.wait(60)
        except psutil.TimeoutExpired:
            for one in [*second.children(recursive=True), second]:
                one.kill()


@contextmanager
def by_socket(stack: Stack) -> Iterator[tuple[int, Callable[[], int]]]:
    """What systemd does with a socket unit: it listens, and hands the socket to whoever serves."""
    port = stack.port + 2
    with socket.create_server(("127.0.0.1", port), backlog=1024) as listening:
        serving = [_serve_from(listening, stack)]
        try:
            wait(lambda: _answers(port))

            def restart() -> int:
                for _ in range(2):
                    serving[0].send_signal(signal.SIGTERM)
                    serving[0].wait(60)
                    serving[0] = _serve_from(listening, stack)
                return 2

            yield port, restart
        finally:
            serving[0].send_signal(signal.SIGTERM)
            serving[0].wait(60)


@contextmanager
def by_proxy(stack: Stack) -> Iterator[tuple[int, Callable[[], int]]]:
    """Nginx in front of two; one is taken out, restarted and taken in, then the other."""
    stack.start("web.1", "web.2")
    with Nginx(stack.folder / "nginx", stack.port + 3, stack.urls) as nginx:
        wait(lambda: _answers(nginx.port))

        def restart() -> int:
            for number in (1, 2):
                with nginx.without(number):
                    stack.restart(f"web.{number}")
            return 2

        yield nginx.port, restart
    stack.stop("web.1", "web.2")


def make_person(stack: Stack) -> None:
    """Make the person who asks."""
    stack.manage(
        "createsuperuser", "--no-input", "--email", EMAIL, "--name", "Rolling", DJANGO_SUPERUSER_PASSWORD=PASSWORD
    )


def token(port: int, email: str = EMAIL, password: str = PASSWORD) -> str:
    """Log in by the API and return the access token."""
    body = json.dumps({"email": email, "password": password}).encode()
    headers = {"Content-Type": "application/json", "X-Forwarded-Proto": "https"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/auth/token", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.loads(answer.read())["access"])


def stored(stack: Stack) -> set[str]:
    """Return the marks that idempotency keys of the database bear: one for each write that was committed."""
    with psycopg.connect(stack.admin_url, dbname=stack.database) as database:
        return {key for (key,) in database.execute("SELECT key FROM idempotency_keys").fetchall()}


def wait(until: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for something.

    Raises:
        TimeoutError: it did not come.
    """
    deadline = time.monotonic() + seconds
    while not until():
        if time.monotonic() > deadline:
            raise TimeoutError("what was waited for did not come")
        time.sleep(0.1)


def _serve_from(listening: socket.socket, stack: Stack) -> subprocess.Popen[bytes]:
    """Start the web process on descriptor 3, as `sd_listen_fds(3)` has it."""
    command = f"exec 3<&{listening.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec {stack.commands['web']}"
    with (stack.folder / "socket.log").open("ab") as log:
        return subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=ROOT,
            env=stack.env,
            stdout=log,
            stderr=log,
            pass_fds=[listening.fileno()],
            start_new_session=True,
        )


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=60) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
