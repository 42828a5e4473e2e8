"""Who is learned from and who is asked: by athlete and by time, so that neither is known beforehand. Pure.

An athlete's fold is a hash of the token: it stays where the cohort grows, and needs no seed to be kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.training.columns import TrainingSet

Array = NDArray[Any]

HELD_OUT: Final = 0.25
EARLIER: Final = 0.75


@dataclass(frozen=True)
class Split:
    """train: decisions before the cut of athletes who are not held out, with the labels known by then. test: decisions
    from the cut on, of athletes who are. cut_us: microseconds since 1970."""

    train: TrainingSet
    test: TrainingSet
    cut_us: int


def shares(tokens: Sequence[str], *, salt: str = "") -> Array:
    """Return a number in [0, 1) for each token, from its SHA-256."""
    digests = (hashlib.sha256(f"{salt}\0{token}".encode()).digest()[:8] for token in tokens)
    return np.array([int.from_bytes(one, "big") / 2**64 for one in digests], dtype=np.float64)


def folds(training: TrainingSet, count: int, *, salt: str = "folds") -> Array:
    """Return the fold of each row, 0 to count - 1; an athlete's rows share one."""
    found: Array = np.floor(shares(training.athletes, salt=salt) * count).astype(np.int64)[training.athlete]
    return found


def split(
    training: TrainingSet, *, cut_us: int | None = None, held_out: float = HELD_OUT, earlier: float = EARLIER
) -> Split:
    """Return who is learned from and who is asked.

    Args:
        cut_us: by default the moment before which `earlier` of the decisions lie.
        held_out: share of the athletes who are asked.

    Raises:
        ValueError: held_out or earlier is not between 0 and 1.
    """
    if not 0 < held_out < 1 or not 0 < earlier < 1:
        raise ValueError("held_out and earlier are between 0 and 1")
    if cut_us is None:
        decided = np.sort(training.decided_us)
        cut_us = int(decided[int(earlier * len(decided))]) if len(decided) else 0
    asked = (shares(training.athletes, salt="held out") < held_out)[training.athlete]
    before = training.decided_us < cut_us
    return Split(training.take(before & ~asked).known_by(cut_us), training.take(~before & asked), cut_us)
