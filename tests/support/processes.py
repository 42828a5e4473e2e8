"""A real server and a real worker as processes of their own; each is stopped by its id."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.databases import ON_POSTGRES, ROOT, Databases, environment

_numbers = itertools.count()


@dataclass
class Server:
    """A running product: its address and the environment in which commands reach the same database."""

    url: str
    env: dict[str, str]

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a management command as an operator would."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False, timeout=300)
        if check and done.returncode:
            raise AssertionError(f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def manage_json(self, *arguments: str) -> Any:
        """Run a command with `--json` and return its document."""
        return json.loads(self.manage(*arguments, "--json").stdout)


def start_server(env: dict[str, str], log: Path, *, workers: int = 2) -> tuple[Server, list[subprocess.Popen[bytes]]]:
    """Start the server (and on PostgreSQL a Celery worker) and wait until it answers."""
    port = free_port()
    processes = []
    if ON_POSTGRES:
        # A prefix of its own: else the worker of another test process would take this server's messages.
        broker = {"CELERY_BROKER_URL": env["REDIS_URL"], "REDIS_KEY_PREFIX": f"mesocycle_test_{port}"}
        env = {**env, **broker}
        worker = [sys.executable, "-m", "celery", "-A", "config", "worker", "-P", "prefork", "-c", "1", "-l", "WARNING"]
        processes.append(_start(worker, env, log.with_suffix(".worker.log")))
    web = [sys.executable, "-m", "gunicorn", "tests.support.served", "-b", f"127.0.0.1:{port}", "--timeout", "120"]
    web += ["-w", str(workers), "-k", "gthread", "--threads", "4", "--no-control-socket"]
    web.append("--preload")  # loaded once, not by each: no thread runs when it forks (tests/test_stack.py)
    processes.append(_start(web, env, log))
    server = Server(f"http://127.0.0.1:{port}", env)
    wait_until_up(server.url, processes[-1], log)
    return server, processes


def serving(databases: Databases, source: str, folder: Path, worker_id: str) -> Iterator[Server]:
    """Serve a copy of a database."""
    name = databases.copy(f"server_{worker_id}_{next(_numbers)}", source=source)
    env = environment(databases.url(name), MESOCYCLE_VAR=str(folder / "var"))
    running, processes = start_server(env, folder / "server.log")
    try:
        yield running
    finally:
        stop(processes)
        databases.drop(name)


def stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """End the processes that `start_server` started, and their children."""
    for process in reversed(processes):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    for process in processes:
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=5)


def _start(command: list[str], env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(command, cwd=ROOT, env=env, stdout=file, stderr=file, start_new_session=True)


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path, path: str = "/health/ready") -> None:
    """Return once the server says that it is ready (`/health/live`: that it answers)."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}{path}", timeout=60):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')[-4000:]}")


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
