"""Somebody who opens a page and loads the files that it names, without pause and without a cache, as a browser does."""

from __future__ import annotations

import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Final
from urllib.parse import urljoin

PAGE: Final = "/admin/login/"
FILES_EACH: Final = 4
PAUSE_SECONDS: Final = 0.3
_FILE = re.compile(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"')


class PageReaders(threading.Thread):
    """Reads until the block ends; `tell` gets how long each request took and how it failed."""

    def __init__(self, url: str, tell: Callable[[float, str], None]) -> None:
        super().__init__(daemon=True)
        self._url, self._tell = url, tell
        self._ends = threading.Event()

    def __enter__(self) -> PageReaders:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ends.set()
        self.join(timeout=70)

    def run(self) -> None:
        """Read the page and some of its files in turn."""
        turn = 0
        while not self._ends.wait(PAUSE_SECONDS):
            files = list(dict.fromkeys(_FILE.findall(self._read(PAGE))))
            for number in range(min(FILES_EACH, len(files))):
                self._read(files[(turn + number) % len(files)])
            turn += FILES_EACH

    def _read(self, path: str) -> str:
        begun, failure, text = time.monotonic(), "", ""
        request = urllib.request.Request(urljoin(self._url, path), headers={"X-Forwarded-Proto": "https"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            failure = f"GET {PAGE if path == PAGE else 'a file of the page'}: {error.code}"
        except OSError as error:
            failure = f"GET {PAGE if path == PAGE else 'a file of the page'}: {type(error).__name__}"
        self._tell(time.monotonic() - begun, failure)
        return text
