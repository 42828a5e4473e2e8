"""Which kinds of things differ between two documents: what coaches change about plans, counted (D1, E1).

| kind | what differs |
| --- | --- |
| `volume` | planned minutes or kilometres of a session; a session more or less |
| `intensity` | minutes of hard work, a step's target; load or steps at the same volume; a hard session more or less |
| `session_type` | kind or modality of a session |
| `order` | the day of a session |
| `rest_days` | which days have a rest session, or which have any other |
| `strength` | a strength session more or less, or anything but its day: it counts as nothing else |
| `notes` | the notes of a session; also whatever is none of the above: title, summary, key session, locked |

Rest sessions count for `rest_days` and `order` alone, and a session that becomes one, or was one, as removed or added.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from plans.document.content import Content, Entry
from plans.document.diff import SessionChange, field_changes, session_changes

VOLUME, INTENSITY, SESSION_TYPE, ORDER = "volume", "intensity", "session_type", "order"
REST_DAYS, STRENGTH, NOTES = "rest_days", "strength", "notes"
KINDS_OF_CHANGE: Final = (INTENSITY, NOTES, ORDER, REST_DAYS, SESSION_TYPE, STRENGTH, VOLUME)

_KIND_OF_FIELD: Final = {
    "day": ORDER,
    "kind": SESSION_TYPE,
    "modality": SESSION_TYPE,
    "prescribed_work/duration_min": VOLUME,
    "prescribed_work/distance_km": VOLUME,
    "prescribed_work/hard_min": INTENSITY,
    "prescribed_work/notes": NOTES,
}
_WITH_VOLUME: Final = frozenset({"load", "prescribed_work/steps"})
"""Fields that follow minutes and kilometres, and speak of intensity where those stay."""


def changed_kinds(before: Content, after: Content) -> tuple[int, tuple[str, ...]]:
    """Return how many sessions differ, and which kinds of things do, in the order of their names."""
    changes = session_changes(before, after)
    fields = _fields(before, after)
    found = {REST_DAYS} if _days(before) != _days(after) else set()
    for change in changes:
        found |= _kinds(change, fields[change.session_id]) or {NOTES}
    return len(changes), tuple(sorted(found))


def _fields(before: Content, after: Content) -> dict[str, set[str]]:
    """Return the fields that differ, by session; a session that was added or removed has the field ""."""
    found: dict[str, set[str]] = defaultdict(set)
    for change in field_changes(before, after):
        found[change.session_id].add(change.path.removeprefix(f"/sessions/{change.session_id}").lstrip("/"))
    return found


def _kinds(change: SessionChange, fields: set[str]) -> set[str]:
    was, now = change.before, change.after
    trained = [side for side in (was, now) if side is not None and side["kind"] != "rest"]
    found = {ORDER} if "day" in fields else set()
    if not trained:
        return found | ({REST_DAYS} if "" in fields else set())
    if any(_is_strength(side) for side in trained):
        return found | ({STRENGTH} if fields - {"day"} else set())
    if len(trained) == 1:  # added or removed, or rest on the other side
        return found | {VOLUME} | ({INTENSITY} if _hard_minutes(trained[0]) else set())
    found |= {_KIND_OF_FIELD[name] for name in fields if name in _KIND_OF_FIELD}
    if _targets(trained[0]) != _targets(trained[1]) or (fields & _WITH_VOLUME and VOLUME not in found):
        found.add(INTENSITY)
    return found


def _is_strength(entry: Entry) -> bool:
    return "strength" in (entry["kind"], entry["modality"])


def _hard_minutes(entry: Entry) -> float:
    return float(entry["prescribed_work"].get("hard_min") or 0.0)


def _targets(entry: Entry) -> list[Any]:
    """Return the targets of a session's steps one after the other, those of a block once."""
    steps, found = list(entry["prescribed_work"].get("steps") or []), []
    for step in steps:
        inner = step.get("steps")
        found += [part.get("target") for part in inner] if inner else [step.get("target")]
    return found


def _days(content: Content) -> tuple[set[str], set[str]]:
    """Return the days with a rest session, and those with any other."""
    sessions = content["sessions"].values()
    resting = {entry["day"] for entry in sessions if entry["kind"] == "rest"}
    return resting, {entry["day"] for entry in sessions if entry["kind"] != "rest"}
