"""Text that people typed, made safe for every format: no control characters, no halves of surrogate pairs."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

_LINE_ENDS: Final = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_NO_CHARACTERS: Final = frozenset("\ufffe\uffff\ufeff")
"""The first two XML 1.0 cannot write (section 2.2, Char); the byte order mark vanishes where a text begins with it."""


def plain(value: Any) -> str:
    """Return a text with `\\n` for every kind of line end and without characters that XML 1.0 or RFC 5545 forbid.

    A value that is no text (a coach's edit may put anything into a target) becomes "".
    """
    if not isinstance(value, str):
        return ""
    return "".join(c for c in _LINE_ENDS.sub("\n", value) if c in "\n\t" or _is_writable(c)).strip()


def one_line(value: Any) -> str:
    """Return a text as one line with single blanks."""
    return " ".join(plain(value).split())


def clipped(text: str, most: int) -> str:
    """Return as much of a text as fits into so many bytes of UTF-8; never half a character."""
    return text.encode("utf-8")[:most].decode("utf-8", errors="ignore")


def _is_writable(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cs") and character not in _NO_CHARACTERS
