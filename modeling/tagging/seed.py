"""The comments that the project ships to train on: made up for it, nobody wrote them about anybody."""

from __future__ import annotations

import csv
import functools
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from modeling.tagging.reach import Reach
from modeling.tagging.tags import fault_of, in_order

FILE: Final = Path(__file__).with_name("seed.csv")
HELD_OUT: Final = Path(__file__).with_name("held_out.csv")


@dataclass(frozen=True)
class Example:
    """A text with the whole set of its tags.

    `group`: examples that say the same, or come from one person; they are never both learnt from and asked about.
    `weight`: how much it counts, 1 for one of the seed set.
    """

    text: str
    tags: tuple[str, ...]
    group: str
    weight: float = 1.0


@functools.cache
def seed() -> tuple[Example, ...]:
    """Return the seed set.

    Raises:
        ValueError: a row has no text, or tags that cannot be.
    """
    return _read(FILE)


@functools.cache
def held_out() -> tuple[Example, ...]:
    """Return comments that were written, once, after features and settings stood; nothing learns or is chosen from
    them."""
    return _read(HELD_OUT)


def _read(path: Path) -> tuple[Example, ...]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows, start=2):
        if not row["text"].strip() or fault_of(row["tags"].split()):
            raise ValueError(f"line {number} of {path.name}: {fault_of(row['tags'].split()) or 'no text'}")
    return tuple(Example(row["text"], in_order(row["tags"].split()), row["group"]) for row in rows)


@functools.cache
def seed_sha256() -> str:
    """Return the SHA-256 of the seed set's file."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()


@functools.cache
def seed_reach() -> Reach:
    """Return what a model of the seed set can judge; corrections do not widen it, so it holds nobody's words."""
    return reach_of(seed())


def reach_of(examples: Iterable[Example]) -> Reach:
    """Return what a model of these examples can judge."""
    return Reach.of(example.text for example in examples)
