"""No regular expression of the product takes long over a hostile text (ReDoS).

Each is asked about texts that repeat what it looks for and then end otherwise. A pattern that backtracks over the whole
text again and again needs 10^8 steps and more here, one that does not some 10^4: the bound, of processor time, lies
two orders of magnitude from either.
"""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

import accounts
import audit
import common
import experiments
import modeling
import plans
import rollout
import telemetry
from modeling.history.checks import BadValue
from modeling.history.values import LONGEST_CELL, parse_duration, parse_number

pytestmark = [pytest.mark.pure, pytest.mark.once]

APPS: Final = (accounts, audit, common, experiments, modeling, plans, rollout, telemetry)
LENGTH: Final = 20_000
BOUNDED: Final = {"modeling.history.dates": 80, "modeling.history.values": LONGEST_CELL}
"""Modules that hand no more than so many characters to their patterns."""
SECONDS: Final = 0.25
PIECES: Final = (
    *"a1 -,.:/$\"'=;_T\t",
    *(a + b for a, b in itertools.permutations("a1 -,.:", 2)),
    "return=", "wait=1,", "W/\"", "1:1", "1.111", "/sessions/", "v1:", " bpm", "h:mm", "monday, ",
)  # fmt: skip


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield every compiled pattern that a module of ours holds, also in a table."""
    for app in APPS:
        for info in pkgutil.walk_packages(app.__path__, f"{app.__name__}."):
            if ".migrations" in info.name or info.name.endswith("__main__"):
                continue
            for name, value in vars(importlib.import_module(info.name)).items():
                held: dict[Any, Any] = value if isinstance(value, dict) else {"": value}
                for key, one in held.items():
                    if isinstance(one, re.Pattern) and isinstance(one.pattern, str):
                        yield f"{info.name}.{name}{key}", one


def is_slow(pattern: re.Pattern[str], text: str) -> bool:
    """Return whether a way to ask takes too long, twice."""
    return any(min(_seconds(ask, text) for _ in range(2)) > SECONDS for ask in (pattern.fullmatch, pattern.search))


def _seconds(ask: Callable[[str], object], text: str) -> float:
    begun = time.process_time()
    ask(text)
    return time.process_time() - begun


def test_no_pattern_backtracks_over_a_long_text() -> None:
    found = dict(patterns())
    wrong = []
    for name, pattern in found.items():
        length = BOUNDED.get(name.rpartition(".")[0], LENGTH)
        pieces = (piece for piece in PIECES if is_slow(pattern, piece * (length // len(piece)) + "\x00"))
        wrong += [f"{name} {pattern.pattern!r} over {piece!r}" for piece in itertools.islice(pieces, 1)]
    assert wrong == [], "\n".join(wrong)
    assert len({pattern.pattern for pattern in found.values()}) > 25


def test_the_test_notices_one_that_does() -> None:
    assert is_slow(re.compile(r"\s*(?:w|bpm)$"), " " * LENGTH + "\x00")


@pytest.mark.parametrize("cell", ["1" * 100_000, "9" * 50_000 + "x", "1:" * 40_000, "1" + " " * 90_000 + "x"])
def test_a_cell_that_is_too_long_is_no_number(cell: str) -> None:
    for read in (lambda: parse_number(cell, "."), lambda: parse_duration(cell, "s", ".")):
        with pytest.raises(BadValue, match="too long"):
            read()
