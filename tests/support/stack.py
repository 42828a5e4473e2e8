"""The processes of `Procfile` on this machine, as production runs them: started, killed, paused and stopped by name.

For the scripts under `tests/load` and `tests/chaos`, and for tests about processes. Needs PostgreSQL
(`TEST_DATABASE_ADMIN_URL`) and Redis; each stack has a database, a Redis number and a folder of its own.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import psutil
from honcho.environ import parse_procfile

from tests.support.databases import ADMIN_URL, ROOT

PROCFILE = ROOT / "Procfile"
START_SECONDS, STOP_SECONDS = 60.0, 60.0


class Stack:
    """One running product: the processes named `web.1`, `web.2`, `worker.1`, `beat.1`, `relay.1`, ….

    `web.N` listens on `port + N - 1`. Logs are `folder/NAME.log`. The environment is production's, behind a proxy that
    ends TLS: clients send `X-Forwarded-Proto: https`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        database: str,
        redis: str,
        port: int,
        formation: Mapping[str, int] | None = None,
        admin_url: str = ADMIN_URL,
        root: Path = ROOT,
        **environment: str,
    ) -> None:
        """Describe a stack; nothing is made or started yet.

        Args:
            folder: logs, and `var` (MESOCYCLE_VAR) unless the environment says another.
            database: its name on the server of `admin_url`.
            redis: URL with a number of its own, for cache and broker.
            formation: how many processes of which name; one of each is the default.
            root: whose code runs. Whoever sets it later has processes that start from then on run another release's.
            environment: further variables, which go before those made here.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.database, self.port, self.admin_url = folder, database, port, admin_url
        self.root = root
        self.commands: dict[str, str] = dict(parse_procfile(PROCFILE.read_text()).processes)
        self.formation = dict.fromkeys(self.commands, 1) if formation is None else dict(formation)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.env = {
            **{key: value for key, value in os.environ.items() if key not in ("TEST_ON_POSTGRES", "DRAIN_FILE")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": str(root),
            "DJANGO_SETTINGS_MODULE": "config.settings.production",
            "DATABASE_URL": self.database_url("app_rw"),
            "REDIS_URL": redis,
            "CELERY_BROKER_URL": redis,
            "REDIS_KEY_PREFIX": database,
            "MESOCYCLE_VAR": str(folder / "var"),
            "SECRET_KEY": secrets.token_hex(32),
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "BEHIND_TLS_PROXY": "yes",
            "LOG_FORMAT": "json",
            **{
                name: f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}"
                for name in ("FIELD_ENCRYPTION_KEYS", "TELEMETRY_TOKEN_KEYS", "AUDIT_SIGNING_KEYS")
            },
            **environment,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def urls(self) -> list[str]:
        """The addresses of the web processes."""
        return [f"http://127.0.0.1:{self.port + number}" for number in range(self.formation.get("web", 0))]

    @property
    def env_of_release(self) -> dict[str, str]:
        """The environment, in which Python finds the release's code."""
        return {**self.env, "PYTHONPATH": str(self.root)}

    @property
    def names(self) -> list[str]:
        """The processes that belong to the formation."""
        return [f"{kind}.{number + 1}" for kind, count in self.formation.items() for number in range(count)]

    def database_url(self, role: str) -> str:
        """Return the DATABASE_URL of the stack's database for a role."""
        parts = urlsplit(self.admin_url)
        return f"postgresql://{role}@{parts.hostname}:{parts.port or 5432}/{self.database}"

    def prepare(self) -> None:
        """Make database, tables and static files with the product's own commands; again, it changes nothing."""
        self.manage("setup_database", "--admin-url", self.admin_url, "--name", self.database)
        self.manage("migrate", "--verbosity", "0", DATABASE_URL=self.database_url("app_owner"))
        self.manage("collectstatic", "--no-input", "--verbosity", "0")

    def manage(self, *arguments: str, **environment: str) -> str:
        """Run a management command and return what it printed.

        Raises:
            RuntimeError: it failed; with what it said.
        """
        command = [sys.executable, "manage.py", *arguments]
        env = {**self.env_of_release, **environment}
        done = subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def start(self, *names: str) -> None:
        """Start the processes (all, or those named) and wait until the web ones are ready."""
        for name in names or self.names:
            self._start(name)
        for name in names or self.names:
            self.wait_ready(name)

    def launch(self, name: str) -> None:
        """Start a process and do not wait."""
        self._start(name)

    def stop(self, *names: str, number: int = signal.SIGTERM) -> None:
        """Stop the processes (all, or those named) as their runner does, and wait; whoever does not end is killed."""
        stopping = [name for name in reversed(names or list(self._processes)) if self.is_running(name)]
        for name in stopping:
            self.signal(name, number)
        for name in stopping:
            self._wait(name)

    def restart(self, *names: str) -> None:
        """Stop and start."""
        self.stop(*names)
        self.start(*names)

    def signal(self, name: str, number: int) -> None:
        """Send a signal to the process alone, not to its children."""
        os.kill(self.pid(name), number)

    def kill(self, name: str) -> list[int]:
        """End a process and its children by SIGKILL; return their ids."""
        family = self.family(name)
        for pid in family:
            _kill(pid)
        self._processes[name].wait(timeout=10)
        return family

    def pid(self, name: str) -> int:
        """Return a process's id."""
        return self._processes[name].pid

    def children(self, name: str) -> list[int]:
        """Return the ids of what a process forked: workers of gunicorn and Celery."""
        try:
            return [child.pid for child in psutil.Process(self.pid(name)).children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def family(self, name: str) -> list[int]:
        """Return a process's id and those of what it forked."""
        return [self.pid(name), *self.children(name)]

    def is_running(self, name: str) -> bool:
        """Return whether a process was started and has not ended."""
        return name in self._processes and self._processes[name].poll() is None

    def wait_ready(self, name: str, seconds: float = START_SECONDS) -> None:
        """Wait until a web process says that it is ready; the others need only run.

        Raises:
            RuntimeError: it ended or did not get ready; with the end of its log.
        """
        kind, _, number = name.partition(".")
        deadline = time.monotonic() + seconds
        while self.is_running(name) and time.monotonic() < deadline:
            if kind != "web" or self.health(int(number)) == 200:
                return
            time.sleep(0.2)
        raise RuntimeError(f"{name} did not start:\n{self.log(name)[-4000:]}")

    def health(self, number: int = 1) -> int:
        """Return the status of /health/ready of a web process; 0 where nobody answers."""
        url = f"{self.urls[number - 1]}/health/ready"
        request = urllib.request.Request(url, headers={"X-Forwarded-Proto": "https"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def log(self, name: str) -> str:
        """Return what a process wrote, over all its starts."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def remove(self) -> None:
        """Drop the database and the folder of a stack that is stopped."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.admin_url, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.database)))
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, name: str) -> None:
        if self.is_running(name):
            return
        kind, _, number = name.partition(".")
        env = {**self.env_of_release, "PORT": str(self.port + int(number) - 1)}
        if kind == "worker":  # nodes of one name would answer for each other
            env["CELERY_NODE"] = name
        with (self.folder / f"{name}.log").open("ab") as file:
            self._processes[name] = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {self.commands[kind]}"],
                cwd=self.root,
                env=env,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def _wait(self, name: str) -> None:
        try:
            self._processes[name].wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill(name)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
