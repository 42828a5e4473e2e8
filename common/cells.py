"""Cells of a CSV file that no spreadsheet takes for a formula (OWASP, CSV injection)."""

from __future__ import annotations

from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def guarded(text: str) -> str:
    """Return a text with an apostrophe before it where it begins as a formula may."""
    return f"'{text}" if text.startswith(_FORMULA) else text
