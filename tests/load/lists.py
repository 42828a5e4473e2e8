"""List pages of a running server, one request after the other: what a list costs where nobody else asks."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.parse import urlencode

from tests.load.names import DEMO_DOMAIN, DEMO_PASSWORD, DOMAIN, PASSWORD
from tests.load.report import Route, route_of

COACH: Final = f"coach0.copy00003@{DOMAIN}"
ADMIN: Final = f"admin@{DEMO_DOMAIN}"
PLANS: Final = "/api/v1/plans"
PAGES: Final = {
    COACH: (PLANS, f"{PLANS}?status=pending", "/api/v1/athletes", "/admin/plans/plan/pending/"),
    ADMIN: (
        PLANS,
        f"{PLANS}?status=pending",
        f"{PLANS}?status=published",
        "/api/v1/athletes",
        "/admin/plans/plan/pending/",
        "/admin/plans/plan/",
        "/admin/plans/plan/?q=07",
        "/admin/accounts/athlete/",
        "/admin/accounts/athlete/?q=Running+07",
        "/admin/audit/auditevent/",
    ),
}
TIMES, DEEP = 30, 40
"""Requests of each list; pages turned by cursor to see whether later ones cost more."""


class Visitor:
    """Somebody who logged in to the pages."""

    def __init__(self, url: str, email: str, password: str) -> None:
        self.url, jar = url, CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        self.opener.addheaders = [
            ("X-Forwarded-Proto", "https"),
            ("Referer", url.replace("http://", "https://") + "/"),
            ("Accept", "application/json, text/html"),
        ]
        found = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', self.get("/admin/login/"))
        token = found[1].decode() if found else ""
        form = {"username": email, "password": password, "csrfmiddlewaretoken": token, "next": "/health/live"}
        self._open("/admin/login/", urlencode(form).encode())

    def get(self, path: str) -> bytes:
        """Return an answer's body.

        Raises:
            HTTPError: it was none.
        """
        return self._open(path, None)

    def _open(self, path: str, data: bytes | None) -> bytes:
        with self.opener.open(self.url + path, data, timeout=120) as answer:
            return bytes(answer.read())


def measure(
    url: str,
    *,
    progress: Callable[[str], None] = lambda _: None,
    spent: Callable[[], float] = lambda: 0.0,
    costs: dict[str, float] | None = None,
) -> list[Route]:
    """Return the times of each list, and of an administrator's walk through the plans by cursor.

    costs: gets what a request cost, by the route's name, from what `spent` says before and after.
    """
    found = []

    def take(name: str, ask: Callable[[], list[float]]) -> None:
        progress(name)
        before = spent()
        found.append(route_of(name, ask(), 0))
        if costs is not None:
            costs[name] = (spent() - before) / found[-1].requests

    for email, password in ((COACH, PASSWORD), (ADMIN, DEMO_PASSWORD)):
        visitor, who = Visitor(url, email, password), email.split(".")[0].split("@")[0].rstrip("0123456789")
        for path in PAGES[email]:
            visitor.get(path)
            take(f"{who} {path}", partial(_some, visitor, path))
    take(f"admin {PLANS}?cursor=, {DEEP} pages on", partial(_walk, visitor))
    return found


def _some(visitor: Visitor, path: str) -> list[float]:
    return [_timed(visitor, path)[0] for _ in range(TIMES)]


def _walk(visitor: Visitor) -> list[float]:
    times, path = [], PLANS
    for _ in range(DEEP):
        took, body = _timed(visitor, path)
        times.append(took)
        after = json.loads(body)["next"]
        if after is None:
            break
        path = after[after.index(PLANS) :]
    return times


def _timed(visitor: Visitor, path: str) -> tuple[float, bytes]:
    started = time.perf_counter()
    body = visitor.get(path)
    return (time.perf_counter() - started) * 1e3, body
