"""Numbers of things in words. Pure."""

from __future__ import annotations


def counted(number: int, one: str, several: str) -> str:
    """Return a number with its word: 1 day, 1,234 athletes."""
    return f"{number:,} {one if number == 1 else several}"
