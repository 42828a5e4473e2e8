"""Every address × every method × every way to stand to an athlete, against one table.

Every address and method for those whose answers differ most; `make test-heavy` asks as everybody, on PostgreSQL, where
row-level security decides as well.
"""

from __future__ import annotations

import pytest

from tests.access.asking import ask
from tests.access.table import row_of, rows
from tests.access.world import COLUMNS, World, routes

FEW = ("anon", "admin", "coach", "c-other", "c-plan", "own", "s-team")
EVERYBODY = pytest.param(tuple(COLUMNS), id="everybody", marks=[pytest.mark.heavy, pytest.mark.postgres])
BY_DAY = {"me-today"}
"""Whether there is a session today depends on the weekday: what is there may be nothing."""
VARIANTS = sorted(name for name, _ in rows() if "@" in name)
ASKED = sorted(
    {
        (name, pattern, method)
        for bare, pattern, methods in routes()
        for name in (bare, *(variant for variant in VARIANTS if variant.split("@")[0] == bare))
        for method in methods
    }
)


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    used = {(name, method): row_of(name, method) for name, _, method in ASKED}
    assert [key for key, row in used.items() if row is None and "@" not in key[0]] == []
    assert rows().keys() - set(used.values()) == set()
    assert len(ASKED) > 300


@pytest.mark.parametrize("asking", [pytest.param(FEW, id="few"), EVERYBODY])
@pytest.mark.parametrize("name", sorted({name for name, _, _ in ASKED}))
def test_everybody_gets_what_the_table_says(world: World, name: str, asking: tuple[str, ...]) -> None:
    wrong = []
    for route, pattern, method in ASKED:
        row = row_of(route, method)
        if route != name or row is None:
            continue
        wanted = rows()[row]
        found = {column: ask(world, column, route, pattern, method) for column in asking}
        if route in BY_DAY:
            found = {column: "nil" if answer == "ok" else answer for column, answer in found.items()}
        wrong += [f"{method} as {c}: {found[c]}, wanted {wanted[c]}" for c in asking if found[c] != wanted[c]]
    assert wrong == [], "\n".join(wrong)
