"""JSON Patch (RFC 6902) on a plan's document, with an allow-list, bounds, and all or nothing.

JSON Patch is an attack surface: a few `copy` operations grow a small document beyond bounds, and positions in a list
point elsewhere once somebody removed an item. So there is no `copy` and no `move`, paths name sessions by id, and
number, depth and size are capped before anything is applied. Operations may carry `reason` and `note`: section 4 of the
RFC says that members it does not define are ignored.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import jsonpatch

from plans.document.content import FIELDS, Content, faults

MOST_OPERATIONS: Final = 500
MOST_BYTES: Final = 512 * 1024
MOST_DEPTH: Final = 12
LONGEST_NOTE: Final = 2000
MOST_NUMBER: Final = 1e6
VERBS: Final = ("add", "replace", "remove", "test")
REASONS: Final = {
    "injury": "Injury",
    "illness": "Illness",
    "time_constraint": "Time constraint",
    "athlete_preference": "Athlete's preference",
    "fatigue": "Fatigue",
    "travel": "Travel",
    "weather": "Weather",
    "equipment": "Equipment",
    "coach_judgement": "Coach's judgement",
}

_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_PATH: Final = re.compile(rf"/sessions/(?P<id>{_UUID})(?:/(?P<field>[a-z_]{{1,20}})(?:/(?P<name>[a-z_]{{1,30}}))?)?")


class InvalidPatch(ValueError):
    """The patch is refused whole; `errors` has (JSON pointer into the request, what is wrong)."""

    def __init__(self, errors: Iterable[tuple[str, str]]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(f"{pointer}: {detail}" for pointer, detail in self.errors))


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `field` "" is the session as a whole, `name` one member of its `prescribed_work`."""

    op: str
    session_id: str
    field: str
    name: str
    value: Any
    reason: str
    note: str

    @property
    def path(self) -> str:
        return "/".join(part for part in ("/sessions", self.session_id, self.field, self.name) if part)

    def plain(self) -> dict[str, Any]:
        """Return the operation as RFC 6902 has it."""
        plain = {"op": self.op, "path": self.path}
        return plain if self.op == "remove" else plain | {"value": self.value}


def parse_patch(raw: Any) -> tuple[Operation, ...]:
    """Return the operations of a request's body.

    Raises:
        InvalidPatch: not a list of operations that we take; every fault is named, up to 20.
    """
    if not isinstance(raw, list):
        raise InvalidPatch([("", "a JSON Patch is a list of operations")])
    if len(raw) > MOST_OPERATIONS:
        raise InvalidPatch([("", f"{len(raw)} operations are more than {MOST_OPERATIONS}")])
    size = _size(raw)
    if size > MOST_BYTES:
        raise InvalidPatch([("", f"{size} bytes are more than {MOST_BYTES}")])
    errors: list[tuple[str, str]] = []
    operations = [operation for i, item in enumerate(raw) if (operation := _operation(item, f"/{i}", errors))]
    if errors:
        raise InvalidPatch(errors[:20])
    return tuple(operations)


def from_payload(payload: Any) -> list[Any]:
    """Return the domain payload `{"sessions": {id: session, part of one, or null}, "reason"?, "note"?}` as operations.

    A whole session is added or replaces the one of its id, a part replaces those fields, null removes.

    Raises:
        InvalidPatch: no such object.
    """
    if not isinstance(payload, dict) or not isinstance(payload.get("sessions"), dict):
        raise InvalidPatch([("", 'send a JSON Patch (a list), or {"sessions": {id: …}}')])
    shared = {name: payload[name] for name in ("reason", "note") if name in payload}
    found: list[Any] = []
    for session_id, value in payload["sessions"].items():
        path = f"/sessions/{session_id}"
        if value is None:
            found.append({"op": "remove", "path": path, **shared})
        elif value == {}:
            raise InvalidPatch([(path, "names no field; null removes a session")])
        elif isinstance(value, dict) and not set(FIELDS[:-1]) <= value.keys():
            found += [{"op": "replace", "path": f"{path}/{name}", "value": v, **shared} for name, v in value.items()]
        else:
            found.append({"op": "add", "path": path, "value": value, **shared})
    return found


def apply_patch(content: Content, operations: Iterable[Operation]) -> Content:
    """Return a new document with the operations applied in order; `content` stays as it was.

    Raises:
        InvalidPatch: a session or field is not there, a test fails, or a session that was touched is not a good one.
    """
    listed = list(operations)
    patched = content
    for i, operation in enumerate(listed):
        known = operation.session_id in patched["sessions"]
        if not known and not (operation.op == "add" and not operation.field):
            raise InvalidPatch([(f"/{i}/path", f"there is no session {operation.session_id}")])
        try:
            # One session at a time: the library copies what it is given, and a plan has a hundred of them.
            touched = {"sessions": {operation.session_id: patched["sessions"][operation.session_id]} if known else {}}
            touched = jsonpatch.apply_patch(touched, [operation.plain()])
        except jsonpatch.JsonPatchTestFailed as error:
            raise InvalidPatch([(f"/{i}", "the test does not hold")]) from error
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
            raise InvalidPatch([(f"/{i}/path", f"cannot {operation.op}: {error}")]) from error
        others = {key: value for key, value in patched["sessions"].items() if key != operation.session_id}
        patched = {"sessions": others | touched["sessions"]}
    _check_touched(patched, listed)
    return patched


def _check_touched(content: Content, operations: list[Operation]) -> None:
    last = {operation.session_id: i for i, operation in enumerate(operations)}
    errors = []
    for session_id, i in last.items():
        entry = content["sessions"].get(session_id)
        if session_id in content["sessions"]:
            if isinstance(entry, dict):
                entry.setdefault("locked", False)
            found = [(f"/{i}/value", f"{name} {said}".strip()) for name, said in faults(entry).items()]
            if not found and entry is not None:
                entry["load"] = float(entry["load"])
            errors += found
    if errors:
        raise InvalidPatch(errors[:20])


def _operation(item: Any, pointer: str, errors: list[tuple[str, str]]) -> Operation | None:
    if not isinstance(item, dict):
        errors.append((pointer, "an operation is an object"))
        return None
    before = len(errors)
    op, match = item.get("op"), _PATH.fullmatch(item["path"]) if isinstance(item.get("path"), str) else None
    if op not in VERBS:
        errors.append((f"{pointer}/op", f"must be one of {', '.join(VERBS)}"))
    if match is None or not _is_allowed(op, match["field"] or "", match["name"] or ""):
        errors.append((f"{pointer}/path", "is no path that can be changed: /sessions/ID or /sessions/ID/FIELD"))
    if op != "remove" and "value" not in item:
        errors.append((f"{pointer}/value", "is missing"))
    reason, note = ("" if item.get(name) is None else item[name] for name in ("reason", "note"))
    if not isinstance(reason, str) or (reason and reason not in REASONS):
        errors.append((f"{pointer}/reason", f"must be one of {', '.join(REASONS)}"))
    if not isinstance(note, str) or len(note) > LONGEST_NOTE:
        errors.append((f"{pointer}/note", f"must be a text of at most {LONGEST_NOTE} characters"))
    if len(errors) > before or match is None:
        return None
    return Operation(str(op), match["id"], match["field"] or "", match["name"] or "", item.get("value"), reason, note)


def _is_allowed(op: Any, field: str, name: str) -> bool:
    if field and field not in FIELDS:
        return False
    if name:
        return field == "prescribed_work"
    return op != "remove" or not field


def _size(raw: list[Any]) -> int:
    """Return the size in bytes as JSON, after checking each value without recursion (a deep list would end ours)."""
    stack: list[tuple[Any, int]] = [(raw, 0)]
    while stack:
        value, depth = stack.pop()
        if depth > MOST_DEPTH:
            raise InvalidPatch([("", f"values are nested deeper than {MOST_DEPTH}")])
        if isinstance(value, dict):
            stack += [(child, depth + 1) for pair in value.items() for child in pair]
        elif isinstance(value, list):
            stack += [(child, depth + 1) for child in value]
        elif fault := _fault_of(value):
            raise InvalidPatch([("", fault)])
    return len(json.dumps(raw).encode())


def _fault_of(value: Any) -> str:
    """Say what is wrong with a text or number that some database would not give back as it was."""
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            return "texts hold neither NUL nor half a surrogate pair"
    elif isinstance(value, float) and (not math.isfinite(value) or (value == 0 and math.copysign(1, value) < 0)):
        return "NaN, infinity and negative zero are no numbers here"
    elif isinstance(value, int | float) and abs(value) > MOST_NUMBER:
        return f"numbers go up to {MOST_NUMBER:g}"
    return ""
