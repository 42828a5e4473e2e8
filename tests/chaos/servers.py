"""PostgreSQL and Redis servers of our own, so that stopping them touches nobody else's."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PATIENCE_SECONDS = 60.0
_POSTGRES_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "128MB",
    # What is acknowledged must survive a crash of the server: nothing here is switched off for speed.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "log_min_messages": "warning",
}


def free_port(first: int, last: int) -> int:
    """Return a port of [first, last] that nobody listens on.

    Raises:
        RuntimeError: all are taken.
    """
    for port in range(first, last + 1):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise RuntimeError(f"no free port from {first} to {last}")


def wait_for_port(port: int, seconds: float = PATIENCE_SECONDS) -> None:
    """Return once somebody listens.

    Raises:
        RuntimeError: nobody does in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port} after {seconds:.0f} s")


class Postgres:
    """A cluster in a folder, run as the user `postgres` where we are root (the server refuses root)."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._bin = _postgres_programs()
        self._as_user = "postgres" if os.geteuid() == 0 else None
        folder.mkdir(parents=True)
        if self._as_user:
            shutil.chown(folder, self._as_user)
        self._run("initdb", "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale")
        options = "".join(f"{name} = '{value}'\n" for name, value in _POSTGRES_OPTIONS.items())
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.write(f"{options}port = {port}\nunix_socket_directories = '{folder}'\n")

    @property
    def admin_url(self) -> str:
        """Where its superuser logs in."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def version(self) -> str:
        """Version as the program says it."""
        return self._run("postgres", "--version").strip()

    def start(self) -> None:
        """Start it and return once it takes connections."""
        self._run("pg_ctl", "-D", self._data, "-l", str(self.folder / "log"), "-w", "-t", "60", "start")

    def stop(self, mode: str) -> None:
        """Stop it: `fast` ends sessions and writes a checkpoint, `immediate` is a crash from which it recovers."""
        self._run("pg_ctl", "-D", self._data, "-m", mode, "-w", "-t", "60", "stop")

    def restart(self, mode: str) -> None:
        """Stop and start."""
        self.stop(mode)
        self.start()

    def pids(self) -> list[int]:
        """The server and its children."""
        pid_file = self.folder / "data" / "postmaster.pid"
        if not pid_file.exists():
            return []
        server = int(pid_file.read_text().split()[0])
        return [server, *children(server)]

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _run(self, program: str, *arguments: str) -> str:
        # pg_ctl's server keeps what it inherits: a pipe would never end.
        with (self.folder / "commands.log").open("a+") as output:
            begin = output.tell()
            done = subprocess.run(
                [str(self._bin / program), *arguments],
                stdout=output, stderr=output, user=self._as_user, cwd=self.folder, check=False, timeout=120,
            )  # fmt: skip
            output.seek(begin)
            said = output.read()
        if done.returncode:
            raise RuntimeError(f"{program} {' '.join(arguments)} ended with {done.returncode}:\n{said}")
        return said


class Redis:
    """A Redis server that appends each command to a file.

    A broker that forgets its messages when it is killed loses none of our jobs (the sweep sends them again), but then
    the sweep alone would be tried; with the file, messages that were under way come back as well.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)

    @property
    def version(self) -> str:
        """Version as the program says it."""
        return " ".join(
            subprocess.run(["redis-server", "--version"], capture_output=True, text=True).stdout.split()[:3]
        )

    def start(self) -> None:
        """Start it and return once it takes connections."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        command += ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait_for_port(self.port)

    def kill(self) -> None:
        """Kill it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=10)

    def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(timeout=20)

    def pids(self) -> list[int]:
        """The server."""
        return [self._process.pid] if self._process is not None and self._process.poll() is None else []


def children(pid: int) -> list[int]:
    """Return the processes below one, nearest first."""
    found: list[int] = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            direct = [int(word) for word in Path(path).read_text().split()]
        except OSError:  # gone meanwhile
            continue
        for child in direct:
            found += [child, *children(child)]
    return found


def signal_all(pids: list[int], number: int) -> None:
    """Send a signal to processes, as far as they still run."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _postgres_programs() -> Path:
    """Return the folder with the server's programs, the newest version's where there are several.

    Raises:
        RuntimeError: PostgreSQL's server is not installed.
    """
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        raise RuntimeError("PostgreSQL's server programs are not installed (apt-get install postgresql)")
    return Path(found[-1] if found else str(on_path)).resolve().parent
