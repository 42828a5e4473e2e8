"""Lengths of time in words. Pure."""

from __future__ import annotations

from datetime import timedelta


def span(length: timedelta) -> str:
    """Return a length of time in at most two units: 45 s, 12 min, 5 h 20 min, 17 h, 3 d 4 h, 14 d."""
    seconds = max(int(length.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest and hours < 10 else f"{hours} h"
    days, rest = divmod(hours, 24)
    return f"{days} d {rest} h" if rest and days < 7 else f"{days} d"
