"""A server that gets a fresh database for each file of tests, and is loaded once."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil

from tests.support.databases import Databases, environment
from tests.support.processes import Server, start_server, stop, wait_until_up


class Renewable:
    """Serves a copy of a database under one address; SQLite's alone, of which a link chooses the file.

    The master has loaded the product; a reload forks a new web process, which knows nothing of what came before it.
    """

    def __init__(self, databases: Databases, source: str, folder: Path, worker_id: str) -> None:
        self._databases, self._source, self._folder, self._worker = databases, source, folder, worker_id
        self._count, self._name = 0, ""
        self._point()
        env = environment(f"sqlite:///{folder / 'now.sqlite3'}", MESOCYCLE_VAR=str(folder / "var"))
        # One browser needs one web process.
        self._server, self._processes = start_server(env, folder / "server.log", workers=1)
        self._is_fresh = True

    def renewed(self) -> Server:
        """Return the server, on a copy and with files of its own that nobody has changed yet."""
        if not self._is_fresh:
            master = psutil.Process(self._processes[-1].pid)
            before = master.children()
            old = self._point()
            master.send_signal(signal.SIGHUP)
            _, left = psutil.wait_procs(before, timeout=60)
            assert not left, f"web processes did not end: {left}"
            wait_until_up(self._server.url, self._processes[-1], self._folder / "server.log")
            self._databases.drop(old)
        self._is_fresh = False
        return self._server

    def close(self) -> None:
        """Stop it."""
        stop(self._processes)
        self._databases.drop(self._name)

    def _point(self) -> str:
        """Let the links lead to a new copy and a new folder; return which database they led to before."""
        self._count, old = self._count + 1, self._name
        self._name = self._databases.copy(f"pages_{self._worker}_{self._count}", source=self._source)
        files = self._folder / f"var-{self._count}"
        files.mkdir()
        for link, target in (("now.sqlite3", Path(self._name)), ("var", files)):
            new = self._folder / f"{link}.new"
            new.symlink_to(target)
            new.replace(self._folder / link)
        return old
