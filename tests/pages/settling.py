"""Going to a page and waiting until all that it asked for has come."""

from __future__ import annotations

import time
from typing import Any, Final

QUIET_SECONDS: Final = 0.5
MOST_WAITED_SECONDS: Final = 90.0


def go(page: Any, address: str) -> Any:
    """Go to a page; return its answer once nothing that it asked for has been outstanding for half a second.

    Playwright's own `networkidle` counts on from page to page: a poll that is cut off by leaving a page may count as
    outstanding for ever. Here the page before is forgotten, and what does not come is named.
    """
    asked: set[Any] = set()

    def arrived(frame: Any) -> None:
        if frame == page.main_frame:
            asked.clear()

    def begun(request: Any) -> None:
        asked.add(request)

    def ended(request: Any) -> None:
        asked.discard(request)

    listeners = {"request": begun, "requestfinished": ended, "requestfailed": ended, "framenavigated": arrived}
    for event, listener in listeners.items():
        page.on(event, listener)
    try:
        answer = page.goto(address)
        _wait(page, asked)
    finally:
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
    return answer


def _wait(page: Any, asked: set[Any]) -> None:
    busy = began = time.monotonic()
    while busy > time.monotonic() - QUIET_SECONDS:
        page.wait_for_timeout(50)
        if asked:
            busy = time.monotonic()
        missing = sorted(request.url for request in asked)
        assert time.monotonic() < began + MOST_WAITED_SECONDS, f"{page.url} waits for {missing}"
