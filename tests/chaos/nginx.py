"""Nginx in front of the web processes, as `deploy/nginx` has it but for TLS; one process can be taken out at a time."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import psutil

# Until a process that is taken out may be stopped: nobody is connected to it at two looks.
LOOK_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 60.0

_CONFIGURATION: Final = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/upstream.conf;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto https;
    proxy_connect_timeout 2s;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://web; }}
        location /static/ {{
            proxy_pass http://web;
            proxy_next_upstream error timeout http_404;
        }}
    }}
}}
"""


class Nginx:
    """A server of our own on one port; runs while its block does."""

    def __init__(self, folder: Path, port: int, urls: Sequence[str]) -> None:
        """Write its files to a folder that is not there yet.

        Args:
            urls: of the web processes; the first is number 1.
        """
        folder.mkdir(parents=True)
        self.folder, self.port = folder, port
        self._hosts = [urlsplit(url).netloc for url in urls]
        self._command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
        (folder / "nginx.conf").write_text(_CONFIGURATION.format(folder=folder, port=port))
        self._choose()

    def __enter__(self) -> Self:
        with (self.folder / "error.log").open("wb") as log:
            self._process = subprocess.Popen([*self._command, "-g", "daemon off;"], stdout=log, stderr=log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(30)

    @contextmanager
    def without(self, number: int) -> Iterator[None]:
        """Send nothing to a web process within the block, which begins once what was sent to it has been answered.

        Not after a fixed time: what waits in the backlog while the process replaces its only worker (`max_requests`)
        would be lost when it stops.

        Raises:
            TimeoutError: somebody stays connected.
        """
        self._choose(number)
        self._reload()
        self._wait_until_left(int(self._hosts[number - 1].rpartition(":")[2]))
        yield
        self._choose()
        self._reload()

    def _wait_until_left(self, port: int) -> None:
        deadline, quiet = time.monotonic() + PATIENCE_SECONDS, 0
        while quiet < 2:
            if time.monotonic() > deadline:
                raise TimeoutError(f"somebody stays connected to {port}")
            time.sleep(LOOK_SECONDS)
            connected = [
                one
                for one in psutil.net_connections("tcp4")
                if one.laddr and one.laddr.port == port and one.status == psutil.CONN_ESTABLISHED
            ]
            quiet = 0 if connected else quiet + 1

    def _choose(self, out: int = 0) -> None:
        servers = "".join(
            f"server {host}{' down' if number == out else ''}; " for number, host in enumerate(self._hosts, start=1)
        )
        written = self.folder / "upstream.conf.new"
        written.write_text(f"upstream web {{ {servers}}}\n")
        written.rename(self.folder / "upstream.conf")  # whole at any moment: a reload may still be reading

    def _reload(self) -> None:
        subprocess.run([*self._command, "-s", "reload"], check=True, capture_output=True)
