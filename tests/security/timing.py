"""Does the time of an answer tell who has an account? Attempts by known and unknown addresses, in random order.

    CELERY_BROKER_URL=redis://… python -m tests.security.timing [--attempts 60]

Runs in this process against the database of the environment, with the hasher of its settings, and counts processor
time, so that a busy machine does not matter. Not collected by pytest: it takes a minute. Exit code 1 where a difference
is larger than `TOLERANCE` of the median and its interval excludes 0.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

TOLERANCE: Final = 0.05
RESAMPLES: Final = 4000


@dataclass(frozen=True)
class Difference:
    """Of two medians, in milliseconds, with its 95 % interval (percentile bootstrap)."""

    median_ms: float
    difference_ms: float
    low_ms: float
    high_ms: float

    @property
    def tells(self) -> bool:
        """Return whether somebody who asks often enough could tell them apart."""
        excludes = self.low_ms > 0 or self.high_ms < 0
        return excludes and abs(self.difference_ms) > TOLERANCE * self.median_ms


def difference(first: Sequence[float], second: Sequence[float], *, seed: int = 1) -> Difference:
    """Compare two samples of seconds; the first gives the median.

    Raises:
        ValueError: a sample is empty.
    """
    if not first or not second:
        raise ValueError("two samples are wanted")
    a, b, random = np.asarray(first), np.asarray(second), np.random.default_rng(seed)
    drawn = [np.median(random.choice(one, (RESAMPLES, len(one))), axis=1) for one in (a, b)]
    low, high = np.percentile(drawn[1] - drawn[0], [2.5, 97.5])
    return Difference(*(1000 * float(x) for x in (np.median(a), np.median(b) - np.median(a), low, high)))


def _measure(kinds: dict[str, Callable[[], Any]], attempts: int) -> dict[str, list[float]]:
    order = np.random.default_rng(7).permutation(np.repeat(np.arange(len(kinds)), attempts))
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    names = list(kinds)
    for ask in kinds.values():
        ask()
    for place in order:
        begun = time.process_time()
        kinds[names[place]]()
        taken[names[place]].append(time.process_time() - begun)
    return taken


def main() -> int:
    """Measure, print a table, and say whether anything tells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attempts", type=int, default=60)
    attempts = parser.parse_args().attempts
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    os.environ |= {"THROTTLE_LOGIN": "off", "THROTTLE_LOGIN_ADDRESS": "off", "THROTTLE_PASSWORD_RESET": "off"}
    import django

    django.setup()
    from accounts.models import User
    from accounts.services.passwords import ask_for_reset
    from accounts.services.tokens import log_in
    from common.errors import NotAuthenticated

    known = User.objects.filter(is_active=True, role="coach").exclude(password__startswith="!")[0].email
    unknown = f"nobody-{os.getpid()}@timing.invalid"

    def try_log_in(email: str) -> None:
        try:
            log_in(email=email, password="wrong")  # noqa: S106
        except NotAuthenticated:
            return

    asked = {
        "log-in": {email: lambda email=email: try_log_in(email) for email in (known, unknown)},
        "link for a new password": {
            email: lambda email=email: ask_for_reset(email=email) for email in (known, unknown)
        },
    }
    wrong = 0
    print("| asked for | attempts each | median, known (ms) | unknown − known (ms) | 95 % | tells |")
    print("| --- | --- | --- | --- | --- | --- |")
    for what, kinds in asked.items():
        taken = _measure(kinds, attempts)
        found = difference(taken[known], taken[unknown])
        wrong += found.tells
        span = f"{found.low_ms:+.2f} … {found.high_ms:+.2f}"
        numbers = f"{found.median_ms:.2f} | {found.difference_ms:+.2f} | {span}"
        print(f"| {what} | {attempts} | {numbers} | {'yes' if found.tells else 'no'} |")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
