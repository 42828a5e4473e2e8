"""Where a subject stands: Murmur3 with a salt of its own for each question, so that no answer tells another.

Unleash once asked one hash both "is it in?" and "which variant?": all whom a small share let in got the first variant.
Hence four salts. MurmurHash3 x86-32 is Austin Appleby's (SMHasher, 2011); the salt is its seed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from mmh3 import mmh3_32_uintdigest

from common.shares import FULL

SEPARATOR: Final = "\x1f"


class Salts(NamedTuple):
    """Seeds of Murmur3, one a question; 0 to 2^32 - 1."""

    holdout: int
    layer: int
    traffic: int
    variant: int


class Buckets(NamedTuple):
    """A subject's places in 0…99 999, thousandths of a percent, one a salt."""

    holdout: int
    layer: int
    traffic: int
    variant: int


def murmur3(text: str, seed: int = 0) -> int:
    """Return MurmurHash3 x86-32 of a text in UTF-8, 0 to 2^32 - 1."""
    return mmh3_32_uintdigest(text.encode(), seed)


def salts_of(*, key: str, layer: str, version: str) -> Salts:
    """Return the salts of an experiment's phase.

    Args:
        key: of the experiment; its holdout outlasts phases, so that nobody who was held out is exposed by the next.
        layer: key of its layer, the same for all experiments in it: else their slices would not exclude each other.
            Empty where it is in none.
        version: hash of the frozen configuration; a new phase draws traffic and variants anew.
    """
    return Salts(
        holdout=murmur3(f"holdout{SEPARATOR}{key}"),
        layer=murmur3(f"layer{SEPARATOR}{layer}"),
        traffic=murmur3(f"traffic{SEPARATOR}{version}"),
        variant=murmur3(f"variant{SEPARATOR}{version}"),
    )


def buckets_of(subject_id: str, salts: Salts) -> Buckets:
    """Return a subject's place for each salt; sticky: it depends on nothing but the id and the salt."""
    name = subject_id.encode()
    holdout, layer, traffic, variant = salts
    return Buckets(
        mmh3_32_uintdigest(name, holdout) % FULL,
        mmh3_32_uintdigest(name, layer) % FULL,
        mmh3_32_uintdigest(name, traffic) % FULL,
        mmh3_32_uintdigest(name, variant) % FULL,
    )
