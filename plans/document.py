"""A plan's content as a canonical document, and its hash. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any


def session_entry(
    *,
    day: str,
    modality: str,
    kind: str,
    title: str,
    prescribed_work: Mapping[str, Any],
    load: float,
    key_session: bool,
) -> dict[str, Any]:
    """Return one session as the document holds it; the load is kept to a tenth, as athletes see it."""
    return {
        "day": day,
        "modality": modality,
        "kind": kind,
        "title": title,
        "prescribed_work": dict(prescribed_work),
        "load": round(load, 1),
        "key_session": key_session,
    }


def document(entries: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Return the document `{"sessions": {id: entry}}`; sessions are addressed by id, never by position."""
    return {"sessions": dict(entries)}


def content_sha256(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical JSON (sorted keys, no blanks, UTF-8), as hex."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
