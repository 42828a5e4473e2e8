"""Clients that ask without pause and count what failed: on kept connections, on new ones, reading and writing."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

TIMEOUT_SECONDS: Final = 60.0
SHOWN: Final = 5


@dataclass
class Told:
    """What clients saw: requests answered below 500, failures by kind, the slowest answer in seconds.

    written: what the server acknowledged of writes, each with a mark of its own. again: requests that were sent a
    second time since their kept connection had been closed.
    """

    answered: int = 0
    slowest: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)
    written: list[str] = field(default_factory=list)
    again: int = 0

    def __add__(self, other: Told) -> Told:
        return Told(
            self.answered + other.answered,
            max(self.slowest, other.slowest),
            self.failures + other.failures,
            self.written + other.written,
            self.again + other.again,
        )

    @property
    def failed(self) -> int:
        """How many requests failed."""
        return sum(self.failures.values())


@dataclass(frozen=True)
class Ask:
    """One request; `is_write` ones carry a mark in their body, and are counted as written when answered 201."""

    method: str
    path: str
    make_body: Callable[[str], object] | None = None

    @property
    def is_write(self) -> bool:
        return self.make_body is not None


class Clients:
    """Threads that ask in turn what they are given until they leave the block; what failed is not tried a second time.

    But where a connection that was used before ends without a byte of an answer, the request is sent once more on a
    new one, a write with its key (RFC 9112, 9.3.1: the server may have closed it in that moment); `again` counts them.
    A server that says `Connection: close` is obeyed. Every other end of a connection is a failure.
    """

    def __init__(
        self,
        host: str,
        port: int,
        headers: Mapping[str, str],
        asks: list[Ask],
        *,
        kept: int,
        new: int,
        tell: Callable[[float, str], None] | None = None,
    ) -> None:
        """Describe clients that begin when the block is entered.

        Args:
            kept, new: how many keep their connection, and how many make one for each request.
            tell: called after each request with how long it took, in seconds, and how it failed (empty: it did not).
        """
        self._tell = tell or (lambda seconds, failure: None)
        self._to, self._headers, self._asks = (host, port), dict(headers), asks
        self._ends = threading.Event()
        self._told = [Told() for _ in range(kept + new)]
        self._threads = [
            threading.Thread(target=self._run, args=(told, number < kept), daemon=True)
            for number, told in enumerate(self._told)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join(timeout=TIMEOUT_SECONDS + 5)

    @property
    def told(self) -> Told:
        """What all of them saw."""
        return sum(self._told, Told())

    def _run(self, told: Told, keeps: bool) -> None:
        connection = http.client.HTTPConnection(*self._to, timeout=TIMEOUT_SECONDS)
        turn = 0
        while not self._ends.is_set():
            ask, turn = self._asks[turn % len(self._asks)], turn + 1
            started, failure = time.monotonic(), ""
            try:
                failure = self._ask(connection, ask, told, keeps)
            except (OSError, http.client.HTTPException) as error:
                failure = type(error).__name__
                connection.close()
            took = time.monotonic() - started
            told.slowest = max(told.slowest, took)
            if failure:
                failure = f"{ask.method} {ask.path}: {failure}"
                told.failures[failure] += 1
            self._tell(took, failure)
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, ask: Ask, told: Told, keeps: bool) -> str:
        """Ask, and return the status of an answer that is a failure; empty for others."""
        mark = uuid4().hex
        body = json.dumps(ask.make_body(mark)) if ask.make_body else None
        headers = self._headers | ({} if keeps else {"Connection": "close"})
        if body is not None:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": mark}
        was_used = connection.sock is not None
        try:
            answer = _answer(connection, ask, body, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if not was_used:
                raise
            told.again += 1
            connection.close()
            answer = _answer(connection, ask, body, headers)
        answer.read()
        if not keeps:
            connection.close()
        if answer.status >= 400:
            return str(answer.status)
        told.answered += 1
        if ask.is_write and answer.status == 201:
            told.written.append(mark)
        return ""


def _answer(
    connection: http.client.HTTPConnection, ask: Ask, body: str | None, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    connection.request(ask.method, ask.path, body=body, headers=dict(headers))
    return connection.getresponse()
