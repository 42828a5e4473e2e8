"""Random three-way merges: cases, the script that merges them as the page does, and the rule that they must follow."""

from __future__ import annotations

import random
from typing import Any

from plans.document.merge import PARTS

MERGE_ALL = """async ([address, cases]) => {
  const { threeWay, PARTS } = await import(address);
  const read = (entry) => Object.fromEntries(Object.entries(PARTS).map(([name, part]) => [name, part.read(entry)]));
  const all = (sessions) => Object.fromEntries(Object.entries(sessions).map(([id, entry]) => [id, read(entry)]));
  return cases.map((sides) => {
    const { sessions, disputed } = threeWay(...sides);
    const named = disputed.flatMap(({ id, parts }) => parts.map((part) => `${id} ${part}`));
    return { sides: sides.map(all), merged: all(sessions), disputed: named };
  });
}"""
"""Answers {sides, merged, disputed} a case, every entry read by part."""


def random_cases(count: int) -> list[list[dict[str, Any]]]:
    """Return [base, mine, theirs] each; the same every time."""
    rng = random.Random(7)
    cases = []
    for _ in range(count):
        base = _document(rng)
        cases.append([base, _variant(rng, base), _variant(rng, base)])
    return cases


def _document(rng: random.Random) -> dict[str, Any]:
    return {f"s{i}": _entry(rng) for i in range(4)}


def _entry(rng: random.Random) -> dict[str, Any]:
    work: dict[str, Any] = {"duration_min": rng.choice([40, 50])}
    if rng.random() < 0.5:
        work["notes"] = rng.choice("ab")
    return {
        "day": rng.choice(["2026-12-01", "2026-12-02"]),
        "kind": rng.choice(["easy", "tempo"]),
        "modality": "running",
        "title": rng.choice("xy"),
        "prescribed_work": work,
        "load": rng.choice([40, 50]),
        "key_session": rng.random() < 0.5,
        "locked": rng.random() < 0.5,
    }


def _variant(rng: random.Random, base: dict[str, Any]) -> dict[str, Any]:
    """Return a document in which some sessions are gone, new, or differ in some parts."""
    found = {}
    for key, entry in base.items():
        if rng.random() < 0.15:
            continue
        other, changed = _entry(rng), dict(entry)
        for fields in PARTS.values():
            if rng.random() < 0.3:
                changed |= {name: other[name] for name in fields}
        found[key] = changed
    if rng.random() < 0.3:
        found[rng.choice(["n1", "n2"])] = _entry(rng)
    return found


def expected_merge(base: Any, mine: Any, theirs: Any) -> tuple[dict[str, Any], list[str]]:
    """Return the merge as the rule says it, on documents read by part."""
    found, disputed = {}, []
    for key in {*base, *mine, *theirs}:
        was, ours, new = (side.get(key) for side in (base, mine, theirs))
        entry = new if ours == was else ours
        if ours not in (was, new) and new != was:
            if None in (was, ours, new):
                disputed.append(f"{key} session")
            else:
                open_ = [p for p in was if new[p] not in (was[p], ours[p]) and ours[p] != was[p]]
                disputed += [f"{key} {part}" for part in open_]
                entry = {p: new[p] if ours[p] == was[p] else ours[p] for p in was}
        if entry is not None:
            found[key] = entry
    return found, disputed
