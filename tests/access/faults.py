"""Making services fail at each of their statements, and noticing what a failure left behind."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import pytest
from django.db import OperationalError, connection

from tests.support.databases import ON_POSTGRES
from tests.support.digests import changed, digest

EACH: Final = pytest.param(1, id="each", marks=[pytest.mark.heavy, pytest.mark.once])
STRIDES: Final = [EACH, pytest.param(9, id="every ninth")]
"""Statements from one fault to the next: `make test-heavy` lets each one fail, other runs every ninth.

Each one on SQLite alone: telling whether something changed takes a digest of all tables on PostgreSQL.
"""


class Fault(OperationalError):
    """What the database says at the statement of our choice."""


FORGIVEN: Final = {
    ("query_utils.py", "check"): "Django asks a check constraint beforehand; the table's own stands whatever it says",
    ("live.py", "refresh"): "flags that cannot be read keep their last values, or are off (I5)",
}
"""Reads whose failure is forgiven on purpose: (file, function)."""


def _is_forgiven() -> bool:
    frame = inspect.currentframe()
    while frame is not None:
        if (frame.f_code.co_filename.rsplit("/", 1)[-1], frame.f_code.co_name) in FORGIVEN:
            return True
        frame = frame.f_back
    return False


@contextmanager
def fault_at(number: int) -> Iterator[SimpleNamespace]:
    """Let the n-th statement fail, from 1; `fired` says whether there were so many."""
    seen = SimpleNamespace(count=0, fired=False, sql="")

    def fail(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.count += not _is_forgiven()
        if seen.count == number and not seen.fired:
            seen.fired, seen.sql = True, sql[:80]
            raise Fault("the database went away")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        yield seen


@dataclass
class Story:
    """What earlier steps made, for later ones; and whether the database has changed since it was last asked."""

    has: dict[str, Any] = field(default_factory=dict)
    _reader: sqlite3.Connection | None = None
    _version: int = 0
    _digest: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not ON_POSTGRES:
            self._reader = sqlite3.connect(str(connection.settings_dict["NAME"]))
        self.anything_changed()

    def anything_changed(self) -> bool:
        """Return whether a transaction has been committed; SQLite counts them for other connections."""
        if self._reader is not None:
            before, self._version = self._version, self._reader.execute("PRAGMA data_version").fetchone()[0]
            return before != self._version
        earlier, self._digest = self._digest, digest()
        return not earlier or bool(changed(earlier, self._digest))

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()


Call = Callable[[dict[str, Any]], Any]


def service(name: str) -> Callable[..., Any]:
    app, module, function = name.split(".")
    return getattr(importlib.import_module(f"{app}.services.{module}"), function)  # type: ignore[no-any-return]


def her(has: dict[str, Any]) -> Any:
    return has["athlete"].pk


def who(name: str) -> Call:
    return lambda has: has[name]


def key_of(name: str) -> Call:
    return lambda has: has[name].pk


def services_of(apps: Sequence[str]) -> set[str]:
    """Return every public function of the services that opens a unit of work or names who acts."""
    found = set()
    for app in apps:
        package = importlib.import_module(f"{app}.services")
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{app}.services.{info.name}")
            for name, function in inspect.getmembers(module, inspect.isfunction):
                own = function.__module__ == module.__name__ and not name.startswith("_")
                acts = "acting_user" in inspect.signature(function).parameters
                if own and (acts or "unit_of_work(" in inspect.getsource(function)):
                    found.add(f"{app}.{info.name}.{name}")
    return found


def tell(
    story: Story, name: str, keep: str, call: Call, *, stride: int, several: Collection[str] = (),
    noted_afterwards: Collection[str] = (),
) -> tuple[int, list[str]]:  # fmt: skip
    """Let the step fail at each statement, then succeed; returns how many faults there were, and what was wrong.

    Args:
        several: services of several transactions, each of which is whole.
        noted_afterwards: those whose last statements note what is done already, and may fail.
    """
    wrong, number = [], 1
    while True:
        run = call(story.has)
        story.anything_changed()
        with fault_at(number) as seen:
            try:
                result = run()
                raised = False
            except Exception as error:
                if not seen.fired:
                    raise AssertionError(f"{name} fails without a fault: {wrong}") from error
                raised = True
        if not seen.fired:
            break
        if not raised and name in noted_afterwards and story.anything_changed():
            break
        if not raised and name not in several:
            wrong.append(f"{name} swallowed a fault at statement {number}: {seen.sql}")
            break
        if raised and story.anything_changed() and name not in several:
            wrong.append(f"{name} changed something although it failed at statement {number}: {seen.sql}")
        number += stride
    assert number > 1, f"{name} sends no statement"
    if keep:
        story.has[keep] = result
    return (number - 1) // stride, wrong
