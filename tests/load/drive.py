"""Virtual people against a running server: `python -m tests.load.drive URL --users 50 200 500 --seconds 100`.

The number of people grows from step to step, so that each logs in once. What a step measures begins once everybody is
there and has settled; what was asked before is counted as its ramp. Prints one JSON document; the times are those that
the client saw, in milliseconds, and are kept one by one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from typing import Any

import gevent
from locust.env import Environment

from tests.load.locustfile import Athlete, Coach, Operator, arrived
from tests.load.report import Route, Step, as_json, route_of

SETTLE, PATIENCE = 10.0, 120.0
"""Seconds from the last log-in to the first measured request; how long the last one may take."""


class Ledger:
    """Times and errors by route since the last `take`."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)
        self.errors: dict[str, list[str]] = defaultdict(list)

    def add(self, name: str, response_time: float, exception: BaseException | None, **_: Any) -> None:
        """Take note of an answer; locust calls this."""
        self.times[name].append(response_time)
        if exception is not None:
            self.errors[name].append(str(exception)[:300])

    def fault(self, user_instance: Any, exception: BaseException, **_: Any) -> None:
        """Take note of a virtual person who fell over an answer."""
        self.errors[type(user_instance).__name__].append(f"{type(exception).__name__}: {exception}"[:300])

    def take(self) -> tuple[Route, list[Route], list[str]]:
        """Return all requests as one, the routes and the errors, and begin anew.

        Raises:
            ValueError: nothing was asked.
        """
        together = [time for times in self.times.values() for time in times]
        everything = route_of("all", together, sum(len(texts) for texts in self.errors.values()))
        routes = [route_of(name, times, len(self.errors[name])) for name, times in sorted(self.times.items())]
        errors = sorted({f"{name}: {text}" for name, texts in self.errors.items() for text in texts})
        self.times.clear()
        self.errors.clear()
        return everything, routes, errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--users", type=int, nargs="+", default=[50, 200, 500])
    parser.add_argument("--seconds", type=float, default=100.0, help="to measure each step (default: %(default)s)")
    parser.add_argument("--arrivals", type=float, default=3.0, help="people a second (default: %(default)s)")
    options = parser.parse_args()
    if sorted(options.users) != options.users or options.users[0] < 1 or options.seconds <= 0 or options.arrivals <= 0:
        parser.error("--users grow from step to step; --users, --seconds and --arrivals are positive")
    environment = Environment(user_classes=[Athlete, Coach, Operator], host=options.url)
    ledger = Ledger()
    environment.events.request.add_listener(ledger.add)
    environment.events.user_error.add_listener(ledger.fault)
    runner = environment.create_local_runner()
    steps = [_step(runner, ledger, users, options.seconds, options.arrivals) for users in options.users]
    runner.quit()
    print(json.dumps(as_json(steps)))


def _step(runner: Any, ledger: Ledger, users: int, seconds: float, arrivals: float) -> Step:
    runner.start(users, spawn_rate=arrivals)
    while runner.state != "running" or runner.user_count < users:
        gevent.sleep(0.5)
    last = time.monotonic() + PATIENCE
    while len(arrived) < users and time.monotonic() < last:
        gevent.sleep(0.5)
    gevent.sleep(SETTLE)
    _, ramp, ramp_errors = ledger.take()
    started = time.monotonic()
    gevent.sleep(seconds)
    everything, routes, errors = ledger.take()
    step = Step(users, time.monotonic() - started, everything, routes, errors, ramp, ramp_errors)
    print(f"{users} people: {everything.requests} requests, {len(errors)} kinds of errors", file=sys.stderr)
    return step


if __name__ == "__main__":
    main()
