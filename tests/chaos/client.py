"""A client as the API's documentation wants it: one key a write, sent again with that key until there is an answer."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import requests

from tests.chaos.ledger import Ledger, Outcome, Write

TIMEOUT_SECONDS = 20.0
GIVE_UP_SECONDS = 120.0
_AGAIN = frozenset({429, 500, 502, 503, 504})
_FORM_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass
class Traffic:
    """Requests by status, errors by kind and by fault, and how long answers took, in seconds.

    faults: names of what goes on now, kept by whoever causes it.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)
    faults: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, status: int, seconds: float) -> None:
        """Count an answer."""
        with self._lock:
            self.statuses[f"{status // 100}xx"] += 1
            self.took.append(seconds)
            self._note(str(status) if status >= 500 else "")

    def failed(self, error: Exception) -> None:
        """Count a request without an answer."""
        with self._lock:
            self.statuses["no answer"] += 1
            self._note(_kind_of(error))

    def _note(self, error: str) -> None:
        if error:
            self.errors[error, " + ".join(sorted(self.faults)) or "between faults"] += 1


class Client:
    """One person with an access token; used by one thread."""

    def __init__(
        self, urls: Sequence[str], email: str, password: str, user_id: str, ledger: Ledger, traffic: Traffic
    ) -> None:
        """`urls` are those of every web process: whoever does not answer is left for the next one."""
        self.urls, self.user_id = list(urls), user_id
        self._email, self._password = email, password
        self._ledger, self._traffic = ledger, traffic
        self._session = requests.Session()
        self._session.headers.update({"X-Forwarded-Proto": "https"})
        self._token = ""

    def read(self, path: str, **query: str) -> Any:
        """Return a GET's document, None where there is no 200."""
        answer = self._until_answered("GET", f"/api/v1/{path}", {"params": query}, {}, time.monotonic() + 30.0)[0]
        return answer.json() if answer is not None and answer.status_code == 200 else None

    def write(
        self,
        kind: str,
        method: str,
        path: str,
        body: Any,
        facts: Callable[[Any, str], dict[str, Any]],
        key: str = "",
        **headers: str,
    ) -> Any:
        """Send a write until there is an answer, note it in the ledger, and return its document (None if refused).

        facts: what the ledger keeps of the answer's document and the key.
        """
        key = key or str(uuid4())
        begin = time.monotonic()
        sent = {"Idempotency-Key": key, **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer, attempts = self._until_answered(
            method, f"/api/v1/{path}", {"json": body}, sent, begin + GIVE_UP_SECONDS
        )
        status = answer.status_code if answer is not None else 0
        done = 200 <= status < 300
        outcome = Outcome.ACKNOWLEDGED if done else Outcome.REFUSED if 400 <= status < 500 else Outcome.UNKNOWN
        document = answer.json() if answer is not None and done else None
        found = facts(document, key)
        replayed = answer is not None and answer.headers.get("Idempotency-Replayed") == "true"
        took = round(time.monotonic() - begin, 3)
        self._ledger.add(Write(kind, key, self.user_id, outcome, status, attempts, took, replayed, found))
        return document

    def _until_answered(
        self, method: str, path: str, content: dict[str, Any], headers: dict[str, str], deadline: float
    ) -> tuple[requests.Response | None, int]:
        """Send until an answer that is final; None where none came until the deadline, with how often it was sent."""
        attempts, pause = 0, 0.2
        while True:
            attempts += 1
            answer = self._with_token(method, path, content, headers)
            if answer is not None and answer.status_code not in _AGAIN and not _is_busy(answer):
                return answer, attempts
            if time.monotonic() > deadline:
                return None, attempts
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 2, 3.0)

    def _with_token(
        self, method: str, path: str, content: dict[str, Any], headers: dict[str, str]
    ) -> requests.Response | None:
        """Send once, with a fresh token where there is none or the old one is refused (it is out of date)."""
        if not self._token and not self._log_in():
            return None
        answer = self.send(method, path, content, {**headers, "Authorization": f"Bearer {self._token}"})
        if answer is not None and answer.status_code == 401:
            self._token = ""
            if not self._log_in():
                return None
            answer = self.send(method, path, content, {**headers, "Authorization": f"Bearer {self._token}"})
            if answer is not None and answer.status_code == 401:
                self._token = ""
                return None
        return answer

    def _log_in(self) -> bool:
        body = {"email": self._email, "password": self._password}
        answer = self.send("POST", "/api/v1/auth/token", {"json": body}, {})
        self._token = answer.json()["access"] if answer is not None and answer.status_code == 200 else ""
        return bool(self._token)

    def send(self, method: str, path: str, content: dict[str, Any], headers: dict[str, str]) -> Any:
        """Send one request; None where there is no whole answer."""
        begin = time.monotonic()
        try:
            answer = self._session.request(
                method, self.urls[0] + path, headers={"Accept": "application/json", **headers},
                timeout=TIMEOUT_SECONDS, **content,
            )  # fmt: skip
        except requests.RequestException as error:
            self._traffic.failed(error)
            self.urls.append(self.urls.pop(0))
            return None
        self._traffic.answered(answer.status_code, time.monotonic() - begin)
        return answer


class Operator(Client):
    """One person in front of the pages: a session, and forms with their token."""

    def page(self, path: str) -> str:
        """Return a page's text, logging in where that is asked for; empty where there is none."""
        for _ in range(2):
            answer = self.send("GET", f"/admin/{path}", {}, {"Accept": "text/html"})
            if answer is None or answer.status_code != 200:
                return ""
            if 'name="username"' not in answer.text:
                return str(answer.text)
            self.submit("login/", answer.text, {"username": self._email, "password": self._password})
        return ""

    def submit(self, path: str, page: str, form: dict[str, str]) -> str:
        """Send a page's form once, and return the page that follows; empty where there is none."""
        token = _FORM_TOKEN.search(page)
        if token is None:
            return ""
        data = {"data": {**form, "csrfmiddlewaretoken": token[1]}}
        answer = self.send(
            "POST", f"/admin/{path}", data, {"Accept": "text/html", "Referer": self.urls[0].replace("http:", "https:")}
        )
        return str(answer.text) if answer is not None and answer.status_code == 200 else ""

    def noted(self, kind: str, key: str, outcome: Outcome, facts: dict[str, Any]) -> None:
        """Put what a form came to into the ledger."""
        self._ledger.add(Write(kind, key, self.user_id, outcome, 0, 1, 0.0, False, facts))


def _is_busy(answer: requests.Response) -> bool:
    """Another request holds what this one needs: the one conflict that is no decision."""
    return answer.status_code == 409 and "/problems/busy/" in answer.text


def _kind_of(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "timed out"
    text = str(error).lower()
    for words, kind in (("refused", "refused"), ("reset", "cut off"), ("aborted", "cut off"), ("broken", "cut off")):
        if words in text:
            return kind
    return type(error).__name__
