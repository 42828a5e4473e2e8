"""Whoever keeps processes running: what ended is started again, 0 to 5 seconds later."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter

from tests.support.stack import Stack

LONGEST_PAUSE_SECONDS = 5.0


class Watch(threading.Thread):
    """Starts again what ended, as systemd's `Restart=always` would; counts who died by themselves."""

    def __init__(self, stack: Stack, killed: set[int], rng: random.Random) -> None:
        super().__init__(daemon=True)
        self._stack, self._killed, self._rng = stack, killed, rng
        self._over = threading.Event()
        self._due: dict[str, float] = {}
        self.restarts: Counter[str] = Counter()

    def end(self) -> None:
        """Leave everything as it is from now on."""
        self._over.set()
        if self.is_alive():
            self.join(timeout=30)

    def run(self) -> None:
        """Look four times a second."""
        while not self._over.wait(0.25):
            for name in self._stack.names:
                if not self._stack.is_running(name):
                    self._again(name)

    def _again(self, name: str) -> None:
        due = self._due.get(name)
        if due is None:
            how = "was killed" if self._stack.pid(name) in self._killed else "ended by itself"
            self.restarts[f"{name.partition('.')[0]} {how}"] += 1
            self._due[name] = time.monotonic() + self._rng.uniform(0.0, LONGEST_PAUSE_SECONDS)
        elif time.monotonic() >= due:
            del self._due[name]
            # It need not be ready for us to go on: the database may be away.
            with contextlib.suppress(RuntimeError):
                self._stack.launch(name)
