"""Plain JSON in one form alone, and its hash: two writers of the same thing get the same text. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(content: Any) -> str:
    """Return the canonical JSON: sorted keys, no blanks, no NaN, and 24.0 as 24 as RFC 8785 has it.

    A browser sends back 24 for 24.0; that is no change.
    """
    return json.dumps(_plain(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def text_sha256(text: str) -> str:
    """Return the SHA-256 of a canonical text in UTF-8, as hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
