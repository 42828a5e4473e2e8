"""Which kinds of things differ between what the machine proposed and what became of it."""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.document import KINDS_OF_CHANGE, apply_patch, changed_kinds, parse_patch, session_changes, session_entry
from tests.plans.document.strategies import content, edit_operation

pytestmark = pytest.mark.pure

EASY, HARD, REST, LIFT = ("00000000-0000-4000-8000-00000000000" + digit for digit in "1234")
EASY_TARGET, HARD_TARGET = {"zone": "easy", "text": "easy"}, {"zone": "interval", "text": "4:00"}


def session(day: str, kind: str, minutes: float, *, hard: float = 0.0, target: Any = None) -> dict[str, Any]:
    modality = kind if kind in ("rest", "strength") else "running"
    steps = [{"type": "work", "repeat": 5, "steps": [{"type": "work", "duration_min": 3, "target": target}]}]
    work = {"steps": steps, "duration_min": minutes, "distance_km": minutes / 6, "hard_min": hard, "summary": "as said"}
    return session_entry(
        day=day, modality=modality, kind=kind, title=kind, prescribed_work=work, load=minutes, key_session=False
    )


def proposed() -> dict[str, Any]:
    return {
        "sessions": {
            EASY: session("2026-03-02", "easy", 40, target=EASY_TARGET),
            HARD: session("2026-03-03", "interval", 60, hard=15, target=HARD_TARGET),
            REST: session("2026-03-04", "rest", 0),
            LIFT: session("2026-03-05", "strength", 30),
        }
    }


NEW = "00000000-0000-4000-8000-000000000009"


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({f"{EASY}/prescribed_work/duration_min": 50}, ["volume"]),
        ({f"{EASY}/prescribed_work/distance_km": 9.5}, ["volume"]),
        # Load and steps follow the minutes, and speak of intensity where those stay.
        ({f"{EASY}/prescribed_work/duration_min": 50, f"{EASY}/load": 50.0}, ["volume"]),
        ({f"{EASY}/load": 55.0}, ["intensity"]),
        ({f"{HARD}/prescribed_work/steps/0/repeat": 6}, ["intensity"]),
        ({f"{HARD}/prescribed_work/steps/0/repeat": 6, f"{HARD}/prescribed_work/duration_min": 66}, ["volume"]),
        (
            {f"{HARD}/prescribed_work/steps/0/steps/0/target": EASY_TARGET, f"{HARD}/prescribed_work/duration_min": 50},
            ["intensity", "volume"],
        ),
        ({f"{HARD}/prescribed_work/hard_min": 12.0}, ["intensity"]),
        ({f"{EASY}/kind": "tempo", f"{EASY}/title": "Tempo"}, ["session_type"]),
        ({f"{EASY}/modality": "cycling"}, ["session_type"]),
        ({f"{EASY}/day": "2026-03-03"}, ["order", "rest_days"]),
        ({f"{EASY}/day": "2026-03-03", f"{HARD}/day": "2026-03-02"}, ["order"]),
        ({f"{REST}/day": "2026-03-06"}, ["order", "rest_days"]),
        ({REST: None}, ["rest_days"]),
        ({REST: session("2026-03-04", "easy", 30)}, ["rest_days", "volume"]),
        ({EASY: session("2026-03-02", "rest", 0)}, ["rest_days", "volume"]),
        ({EASY: None}, ["rest_days", "volume"]),
        ({HARD: None}, ["intensity", "rest_days", "volume"]),
        ({NEW: session("2026-03-03", "easy", 30)}, ["volume"]),
        ({NEW: session("2026-03-02", "strength", 30)}, ["strength"]),
        ({f"{LIFT}/prescribed_work/duration_min": 20}, ["strength"]),
        ({f"{LIFT}/kind": "easy", f"{LIFT}/modality": "running"}, ["strength"]),
        ({f"{LIFT}/day": "2026-03-03"}, ["order", "rest_days"]),
        ({f"{EASY}/prescribed_work/notes": "on grass"}, ["notes"]),
        ({f"{EASY}/prescribed_work/notes": "long", f"{EASY}/prescribed_work/duration_min": 70}, ["notes", "volume"]),
        ({f"{EASY}/title": "Fartlek"}, ["notes"]),
        ({f"{EASY}/locked": True}, ["notes"]),
        ({f"{REST}/title": "Day off"}, ["notes"]),
    ],
)
def test_what_a_change_counts_as(changes: dict[str, Any], kinds: list[str]) -> None:
    after = proposed()
    for path, value in changes.items():
        *way, last = path.split("/")
        inner: Any = after["sessions"]
        for name in way:
            inner = inner[int(name) if name.isdecimal() else name]
        inner[last] = value
    after["sessions"] = {key: entry for key, entry in after["sessions"].items() if entry is not None}
    count, found = changed_kinds(proposed(), after)
    assert (count, list(found)) == (len({path.split("/")[0] for path in changes}), kinds)


@given(st.integers(0, 2**32))
def test_something_is_named_exactly_where_something_differs(seed: int) -> None:
    rng = random.Random(seed)
    before = content(rng)
    after = deepcopy(before)
    for _ in range(rng.randrange(4)):
        after = apply_patch(after, parse_patch([edit_operation(rng, after)]))
    count, kinds = changed_kinds(before, after)
    assert count == len(session_changes(before, after))
    assert bool(kinds) == bool(count)
    assert list(kinds) == sorted(set(kinds) & set(KINDS_OF_CHANGE))
