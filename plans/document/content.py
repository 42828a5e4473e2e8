"""The canonical document `{"sessions": {id: entry}}`, what an entry may hold, and the hash that people accept."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from common.canonical import canonical_json, text_sha256

Entry = dict[str, Any]
Content = dict[str, dict[str, Entry]]

KINDS: Final = ("easy", "long", "tempo", "interval", "repetition", "race", "strength", "rest")
MODALITIES: Final = ("running", "cycling", "strength", "swimming", "mobility", "rest")
FIELDS: Final = ("day", "modality", "kind", "title", "prescribed_work", "load", "key_session", "locked")
LONGEST_TITLE: Final = 60
MOST_LOAD: Final = 1000.0
MOST_MINUTES: Final = 24 * 60.0
MOST_KM: Final = 1000.0


def session_entry(
    *,
    day: str,
    modality: str,
    kind: str,
    title: str,
    prescribed_work: Mapping[str, Any],
    load: float,
    key_session: bool,
    locked: bool = False,
) -> Entry:
    """Return one session as the document holds it; the load is kept to a tenth, as athletes see it."""
    return {
        "day": day,
        "modality": modality,
        "kind": kind,
        "title": title,
        "prescribed_work": dict(prescribed_work),
        "load": round(load, 1),
        "key_session": key_session,
        "locked": locked,
    }


def document(entries: Iterable[tuple[str, Entry]]) -> Content:
    """Return the document; sessions are addressed by id, never by position."""
    return {"sessions": dict(entries)}


def session_texts(content: Content, known: tuple[Content, dict[str, str]] | None = None) -> dict[str, str]:
    """Return each session's canonical JSON by id.

    `known`: another document with its texts; a session that is the very object of that one is not written again.
    """
    before, texts = known or ({"sessions": {}}, {})
    old = before["sessions"]
    return {
        session_id: texts[session_id] if old.get(session_id) is entry else canonical_json(entry)
        for session_id, entry in content["sessions"].items()
    }


def document_text(texts: Mapping[str, str]) -> str:
    """Return the document's canonical JSON out of that of its sessions."""
    members = ",".join(f"{json.dumps(key, ensure_ascii=False)}:{texts[key]}" for key in sorted(texts))
    return f'{{"sessions":{{{members}}}}}'


def content_sha256(content: Content) -> str:
    """Return the SHA-256 of the document's canonical JSON in UTF-8, as hex."""
    return text_sha256(document_text(session_texts(content)))


def parsed(text: str, known: tuple[Content, Mapping[str, str]] | None = None) -> tuple[Content, dict[str, str]]:
    """Return the document of a canonical text, and each session's own canonical text: slices of it.

    `known`: another document with its texts; a session that reads the same is the very object of that one.

    Raises:
        ValueError: not a text that `document_text` made.
    """
    sessions: dict[str, Entry] = {}
    texts: dict[str, str] = {}
    before, written = known or ({"sessions": {}}, {})
    if not text.startswith(_OPENING):
        raise ValueError("this is no plan document")
    at = len(_OPENING)
    while text[at : at + 1] == '"':
        session_id, colon = _DECODER.raw_decode(text, at)
        same = written.get(session_id)
        if same is not None and text.startswith(same, colon + 1):  # no object's text begins another's
            at = colon + 1 + len(same)
            texts[session_id], sessions[session_id] = same, before["sessions"][session_id]
        else:
            entry, at = _DECODER.raw_decode(text, colon + 1)
            texts[session_id] = text[colon + 1 : at]
            sessions[session_id] = entry | {"load": float(entry["load"])}
        at += text[at] == ","
    return {"sessions": sessions}, texts


_OPENING: Final = '{"sessions":{'
_DECODER: Final = json.JSONDecoder()


def faults(entry: Any) -> dict[str, str]:
    """Return what is wrong with an entry, by field ("" for the entry as a whole); empty for a good one."""
    if not isinstance(entry, dict):
        return {"": "a session is an object"}
    found = {name: "is missing" for name in FIELDS if name not in entry and name != "locked"}
    found |= {name: "is no field of a session" for name in entry if name not in FIELDS}
    for name, fault in _CHECKS.items():
        if name in entry and name not in found and (said := fault(entry[name])):
            found[name] = said
    return found


def minutes(entry: Entry) -> float:
    """Return a session's planned minutes."""
    return float(entry["prescribed_work"].get("duration_min") or 0.0)


def _day(value: Any) -> str:
    try:
        return "" if date.fromisoformat(value).isoformat() == value else "is no day (YYYY-MM-DD)"
    except (TypeError, ValueError):
        return "is no day (YYYY-MM-DD)"


def _one_of(known: tuple[str, ...]) -> Any:
    return lambda value: "" if value in known else f"must be one of {', '.join(known)}"


def _title(value: Any) -> str:
    good = isinstance(value, str) and len(value.strip()) > 0 and len(value) <= LONGEST_TITLE
    return "" if good else f"must be a text of 1 to {LONGEST_TITLE} characters"


def _load(value: Any) -> str:
    good = _is_number(value) and 0 <= value <= MOST_LOAD and round(value, 1) == value
    return "" if good else f"must be a number from 0 to {MOST_LOAD:g} with at most one decimal"


def _truth(value: Any) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _work(value: Any) -> str:
    if not isinstance(value, dict):
        return "must be an object"
    for name, most in (("duration_min", MOST_MINUTES), ("hard_min", MOST_MINUTES), ("distance_km", MOST_KM)):
        if not _is_up_to(value.get(name), most):
            return f"{name} must be a number from 0 to {most:g}"
    return "" if _is_steps(value.get("steps", []), depth=1) else "steps must be a list of steps (see the plan's own)"


def _is_steps(steps: Any, *, depth: int) -> bool:
    if not isinstance(steps, list) or len(steps) > 60 or depth > 2:
        return False
    return all(_is_step(step, depth=depth) for step in steps)


def _is_step(step: Any, *, depth: int) -> bool:
    if not isinstance(step, dict) or not isinstance(step.get("type"), str):
        return False
    if "steps" in step:
        repeat = step.get("repeat")
        if not isinstance(repeat, int) or isinstance(repeat, bool) or not 1 <= repeat <= 100:
            return False
        return _is_steps(step["steps"], depth=depth + 1)
    sizes = [step[name] for name in ("duration_min", "distance_m") if name in step]
    return len(sizes) == 1 and _is_number(sizes[0]) and sizes[0] > 0 and isinstance(step.get("target", {}), dict)


def _is_up_to(value: Any, most: float) -> bool:
    return value is None or (_is_number(value) and 0 <= value <= most)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_CHECKS: Final = {
    "day": _day,
    "modality": _one_of(MODALITIES),
    "kind": _one_of(KINDS),
    "title": _title,
    "prescribed_work": _work,
    "load": _load,
    "key_session": _truth,
    "locked": _truth,
}
