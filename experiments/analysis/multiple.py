"""Several questions at once: p-values adjusted so that one error rate covers them all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for "no false claim at all", in the order given (Holm 1979).

    Raises:
        ValueError: one is not from 0 to 1.
    """
    p, order = _sorted(p_values)
    adjusted = np.maximum.accumulate(p * np.arange(len(p), 0, -1))
    return _in_order(adjusted, order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for the expected share of false claims (Benjamini & Hochberg 1995).

    The share is kept for independent or positively dependent tests.

    Raises:
        ValueError: one is not from 0 to 1.
    """
    p, order = _sorted(p_values)
    adjusted = np.minimum.accumulate((p * (len(p) / np.arange(1, len(p) + 1)))[::-1])[::-1]
    return _in_order(adjusted, order)


def _sorted(p_values: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("a p-value lies from 0 to 1; leave out what is not identified")
    order = np.argsort(p, kind="stable")
    return p[order], order


def _in_order(adjusted: NDArray[np.float64], order: NDArray[np.int64]) -> list[float]:
    found = np.empty_like(adjusted)
    found[order] = np.minimum(adjusted, 1.0)
    return [float(value) for value in found]
