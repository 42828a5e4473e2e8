"""Primary keys: UUIDv7 (RFC 9562, section 5.7), time-ordered so that indexes and partitions stay compact."""

from __future__ import annotations

import secrets
import threading
import time
import uuid

_LOCK = threading.Lock()
_SEQUENCE_BITS = 12
_SEQUENCE_MASK = (1 << _SEQUENCE_BITS) - 1
_last = 0  # (milliseconds << 12) | sequence of the newest id of this process


def uuid7(*, after: uuid.UUID | None = None) -> uuid.UUID:
    """Return a new UUIDv7; one that is greater than `after`, whatever clock that one was made by.

    `after` is for rows of which the newest counts: a process whose clock is behind still says the later word. It moves
    this id alone: a clock that was a year ahead once does not take the process along.

    Ids made by one process increase strictly, also within a millisecond: `rand_a` is a counter that starts at the
    sub-millisecond fraction (RFC 9562, section 6.2, methods 1 and 3), so that cursor pagination never
    sees two rows swap.
    """
    global _last
    nanoseconds = time.time_ns()
    fraction = (nanoseconds % 1_000_000 << _SEQUENCE_BITS) // 1_000_000
    tick = (nanoseconds // 1_000_000 << _SEQUENCE_BITS) | fraction
    with _LOCK:
        tick = max(tick, _last + 1)
        _last = tick
    if after is not None:
        tick = max(tick, _tick_of(after) + 1)
    value = (tick >> _SEQUENCE_BITS) << 80
    value |= 0x7 << 76
    value |= (tick & _SEQUENCE_MASK) << 64
    value |= 0b10 << 62
    value |= secrets.randbits(62)
    return uuid.UUID(int=value)


def _tick_of(made: uuid.UUID) -> int:
    return (made.int >> 80 << _SEQUENCE_BITS) | (made.int >> 64 & _SEQUENCE_MASK)
