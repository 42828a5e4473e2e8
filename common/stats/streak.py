"""The longest run of failures, mergeable: a monoid over sequences of good and bad."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Streak:
    """Of a sequence: its length, the bad ones at its start and its end, and the longest run of bad ones within."""

    n: int = 0
    head: int = 0
    tail: int = 0
    longest: int = 0

    @classmethod
    def of(cls, bad: Iterable[bool]) -> Streak:
        """Return the streak of a sequence, in its order."""
        found = cls()
        for one in bad:
            found += BAD if one else GOOD
        return found

    def __add__(self, later: Streak) -> Streak:
        return Streak(
            self.n + later.n,
            self.head + (later.head if self.head == self.n else 0),
            later.tail + (self.tail if later.tail == later.n else 0),
            max(self.longest, later.longest, self.tail + later.head),
        )

    def as_json(self) -> list[int]:
        return [self.n, self.head, self.tail, self.longest] if self.n else []

    @classmethod
    def from_json(cls, found: Sequence[int]) -> Streak:
        return cls(*found)


GOOD = Streak(1, 0, 0, 0)
BAD = Streak(1, 1, 1, 1)
