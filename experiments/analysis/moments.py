"""Sufficient statistics: what the warehouse adds up, and what the analysis reads; no subject is told apart here.

Sums are plain, so that SQL can make them and days add up. A variance taken from them loses as many digits as the square
of mean / standard deviation has: beyond a ratio of a thousand, subtract a constant first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector = NDArray[np.float64]
Codes = NDArray[np.int64]
Y, D, Z, KNOWN = range(4)
"""Columns of a subject: numerator, denominator, pre-period value (0 where unknown), whether that is known (0 or 1)."""

_PAIRS = ((Y, Y), (Y, D), (D, D), (Y, Z), (Y, KNOWN), (D, Z), (D, KNOWN), (Z, Z))


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over n subjects; two add up.

    y: numerator, or the metric itself. d: denominator, 1 for a mean. z: the pre-period value, 0 where it is unknown;
    known: how many it is known of. A pair of letters is the sum of products; y_known and d_known are sums over the
    subjects whose pre-period value is known.
    """

    n: float = 0.0
    y: float = 0.0
    d: float = 0.0
    z: float = 0.0
    known: float = 0.0
    yy: float = 0.0
    yd: float = 0.0
    dd: float = 0.0
    yz: float = 0.0
    y_known: float = 0.0
    dz: float = 0.0
    d_known: float = 0.0
    zz: float = 0.0

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in astuple(self)):
            raise ValueError("sums are finite numbers")
        if not 0 <= self.known <= self.n:
            raise ValueError("of n subjects, 0 to n have a pre-period value")

    @classmethod
    def of_mean(
        cls,
        n: float,
        y: float,
        yy: float,
        *,
        known: float = 0.0,
        z: float = 0.0,
        zz: float = 0.0,
        yz: float = 0.0,
        y_known: float = 0.0,
    ) -> Moments:
        """Return the sums of a metric that is one number a subject.

        Raises:
            ValueError: a sum is not finite, or more pre-period values are known than there are subjects.
        """
        return cls(n, y, n, z, known, yy, y, n, yz, y_known, z, known, zz)

    @classmethod
    def of_share(cls, n: int, successes: int) -> Moments:
        """Return the sums of a yes or no a subject.

        Raises:
            ValueError: not 0 to n of n.
        """
        if not 0 <= successes <= n:
            raise ValueError("of n subjects, 0 to n succeed")
        return cls.of_mean(n, successes, successes)

    def __add__(self, other: Moments) -> Moments:
        return Moments(*(mine + yours for mine, yours in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class Cell:
    """The sums of one variant's subjects of one stratum and one cluster (a coach)."""

    variant: str
    moments: Moments
    stratum: str = ""
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as columns, m of them.

    variants, strata, clusters: names; variant, stratum, cluster: (m,) indices into them. n: (m,) subjects. sums: (m, 4)
    and products: (m, 4, 4) of the columns numerator, denominator, pre-period value, known.
    """

    variants: tuple[str, ...]
    strata: tuple[str, ...]
    clusters: tuple[str, ...]
    variant: Codes
    stratum: Codes
    cluster: Codes
    n: Vector
    sums: Vector
    products: Vector

    @classmethod
    def of(cls, cells: Iterable[Cell]) -> Table:
        """Set cells side by side; the same variant, stratum and cluster may come twice."""
        rows = list(cells)
        variants, variant = _coded([row.variant for row in rows])
        strata, stratum = _coded([row.stratum for row in rows])
        clusters, cluster = _coded([row.cluster for row in rows])
        found = np.array([astuple(row.moments) for row in rows], dtype=np.float64).reshape(len(rows), 13)
        products = np.zeros((len(rows), 4, 4))
        for (row, column), values in zip(_PAIRS, found[:, 5:].T, strict=True):
            products[:, row, column] = products[:, column, row] = values
        products[:, Z, KNOWN] = products[:, KNOWN, Z] = found[:, 3]
        products[:, KNOWN, KNOWN] = found[:, 4]
        return cls(variants, strata, clusters, variant, stratum, cluster, found[:, 0], found[:, 1:5], products)

    @classmethod
    def of_subjects(
        cls,
        variant: Sequence[str],
        values: ArrayLike,
        *,
        denominators: ArrayLike | None = None,
        before: ArrayLike | None = None,
        stratum: Sequence[str] | None = None,
        cluster: Sequence[str] | None = None,
    ) -> Table:
        """Add up subjects one by one.

        Args:
            variant, stratum, cluster: (k,) names. values: (k,) the metric, or a ratio's numerators.
            denominators: (k,) of a ratio. before: (k,) pre-period values, NaN where unknown.

        Raises:
            ValueError: lengths differ, or a number is not finite (an infinite `before` too).
        """
        y = np.asarray(values, dtype=np.float64)
        d = np.ones_like(y) if denominators is None else np.asarray(denominators, dtype=np.float64)
        z = np.full_like(y, np.nan) if before is None else np.asarray(before, dtype=np.float64)
        known = ~np.isnan(z)
        columns = np.stack([y, d, np.where(known, z, 0.0), known], axis=1)
        if not np.isfinite(columns).all():
            raise ValueError("values are finite numbers")
        names = [[""] * len(y) if given is None else given for given in (variant, stratum, cluster)]
        (variants, a), (strata, s), (clusters, g) = (_coded(each) for each in names)
        keys, cell = np.unique(np.stack([a, s, g], axis=1), axis=0, return_inverse=True)
        sums, products = np.zeros((len(keys), 4)), np.zeros((len(keys), 4, 4))
        np.add.at(sums, cell, columns)
        np.add.at(products, cell, columns[:, :, None] * columns[:, None, :])
        n = np.bincount(cell, minlength=len(keys)).astype(np.float64)
        return cls(variants, strata, clusters, keys[:, 0], keys[:, 1], keys[:, 2], n, sums, products)


def _coded(names: Sequence[str]) -> tuple[tuple[str, ...], Codes]:
    found, codes = np.unique(np.asarray(names, dtype=str), return_inverse=True)
    return tuple(str(name) for name in found), codes.astype(np.int64)
