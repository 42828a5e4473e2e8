"""Two arms' means or ratios with their joint uncertainty: the one place where data become an estimate.

Everything is linear in the sums. A ratio metric is its delta-method linearisation (Deng, Knoblich & Lu 2018, "Applying
the delta method in metric analytics", KDD), a mean the ratio whose denominator is 1. What a pre-period value explains
is taken off with one coefficient for both arms (CUPED: Deng, Xu, Kohavi & Walker 2013, WSDM); who has none gets an
indicator of his own (Zhao & Ding 2022, "To adjust or not to adjust?", JASA). Arms are compared within strata, which
are weighted by all their subjects (post-stratification: Miratrix, Sekhon & Yu 2013, JRSS B). The mix of strata and
pre-period values is taken as given.

Uncertainty comes from the clusters' scores, CR2 (Bell & McCaffrey 2002, "Bias reduction in standard errors for linear
regression with multi-stage samples", Survey Methodology 28), with Student's t on as many clusters less one, counted as
equally large ones (Carter, Schnepel & Steigerwald 2017, Review of Economics and Statistics 99). Where coaches have as
many athletes each, that is the usual CR1 with G - 1 degrees of freedom (Cameron & Miller 2015), and Welch's test of
coaches' means where each has one arm. Where they have not, CR1 misled in 7 to 10 % of simulated A/A runs at 5 %. With
every subject his own cluster it is the variance of independent subjects (Welch 1947, Satterthwaite 1946).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from experiments.analysis.moments import KNOWN, Codes, D, Table, Vector, Y, Z

FEWEST_SUBJECTS: Final = 2
FEWEST_CLUSTERS: Final = 3.0
"""An arm with fewer clusters, counted as equally large ones, does not tell how much clusters differ."""

BEFORE: Final = [Z, KNOWN]
_ROUNDING: Final = 1e-13


@dataclass(frozen=True, slots=True)
class NotIdentified:
    """No estimate, and why, in words that follow "not identified:"."""

    treatment: str
    control: str
    why: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two arms' estimates, their covariance matrix, and the degrees of freedom of their difference.

    clusters: how many were told apart; None where single subjects were. before_missing: subjects without a pre-period
    value, None where no such value was used. collapsed: strata that were joined because an arm has fewer than two
    subjects (or clusters) there. variance_reduction: how much of subjects' variance the pre-period value explains.
    """

    treatment: str
    control: str
    mean_treatment: float
    mean_control: float
    variance_treatment: float
    variance_control: float
    covariance: float
    df: float
    n_treatment: int
    n_control: int
    clusters: int | None = None
    before_missing: int | None = None
    collapsed: int = 0
    variance_reduction: float = 0.0

    @property
    def difference(self) -> float:
        return self.mean_treatment - self.mean_control

    @property
    def variance(self) -> float:
        """Variance of the difference."""
        return self.variance_treatment + self.variance_control - 2 * self.covariance

    @property
    def se(self) -> float:
        return math.sqrt(self.variance)


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of two arms, m of them: treatment is arm 0, control arm 1. Strata are numbered without gaps."""

    arm: Codes
    stratum: Codes
    cluster: Codes
    n: Vector
    sums: Vector
    products: Vector
    collapsed: int


@dataclass(frozen=True, slots=True)
class _Arms:
    """Treatment and control (axis 0) by stratum (axis 1).

    n: (2, s). mean: (2, s, 4). within: (2, s, 4, 4) sums of products about the mean. weight: (s,) shares of subjects.
    """

    n: Vector
    mean: Vector
    within: Vector
    weight: Vector


@dataclass(frozen=True, slots=True)
class _Spread:
    """covariance: (2, 2) of the arms' estimates. clusters: None where subjects were told apart."""

    covariance: Vector
    df: float
    clusters: int | None


def estimate(
    table: Table,
    treatment: str,
    control: str,
    *,
    by_cluster: bool = True,
    by_stratum: bool = True,
    with_before: bool = True,
) -> Pair | NotIdentified:
    """Estimate two arms of a table; the other arms do not matter.

    by_cluster: let subjects of one cluster be alike (the default: a coach's athletes are). by_stratum: compare within
    strata. with_before: take off what pre-period values explain, where there are any.
    """
    names = (treatment, control)
    cells = _cells_of(table, names, by_stratum, by_cluster)
    if isinstance(cells, str):
        return NotIdentified(*names, cells)
    arms = _arms(cells)
    overall = np.einsum("s,asc->ac", arms.weight, arms.mean)
    if (overall[:, D] <= 0).any():
        return NotIdentified(*names, "the denominator adds up to nothing in an arm")
    means = overall[:, Y] / overall[:, D]
    direction = np.zeros((2, 4))
    direction[:, Y], direction[:, D] = 1 / overall[:, D], -means / overall[:, D]
    reduction, missing = 0.0, None
    if with_before and (overall[:, KNOWN] > 0).any():
        theta, reduction = _theta(arms, direction)
        direction[:, BEFORE] = -theta
        both = np.einsum("s,as,asc->c", arms.weight / arms.n.sum(axis=0), arms.n, arms.mean)
        means = means - (overall[:, BEFORE] - both[BEFORE]) @ theta
        missing = round(float(cells.n.sum() - cells.sums[:, KNOWN].sum()))
    spread = _of_clusters(cells, arms, direction) if by_cluster else _of_subjects(arms, direction)
    if isinstance(spread, str):
        return NotIdentified(*names, spread)
    return _pair(names, arms, means, spread, missing, cells.collapsed, reduction)


def _pair(
    names: tuple[str, str],
    arms: _Arms,
    means: Vector,
    spread: _Spread,
    missing: int | None,
    collapsed: int,
    reduction: float,
) -> Pair | NotIdentified:
    (v, shared), (_, w) = ((float(value) for value in row) for row in spread.covariance)
    n = arms.n.sum(axis=1)
    if not v + w - 2 * shared > _ROUNDING * float((means**2 / n).max()):
        return NotIdentified(*names, "all subjects gave the same value, so nothing tells how certain it is")
    return Pair(
        *names,
        mean_treatment=float(means[0]),
        mean_control=float(means[1]),
        variance_treatment=v,
        variance_control=w,
        covariance=shared,
        df=spread.df,
        n_treatment=round(float(n[0])),
        n_control=round(float(n[1])),
        clusters=spread.clusters,
        before_missing=missing,
        collapsed=collapsed,
        variance_reduction=reduction,
    )


def _cells_of(table: Table, names: tuple[str, str], by_stratum: bool, by_cluster: bool) -> _Cells | str:
    """Return the cells of two arms, thin strata joined; or why there is nothing to estimate."""
    arm = np.full(len(table.n), -1)
    for index, name in enumerate(names):
        if name in table.variants:
            arm[table.variant == table.variants.index(name)] = index
    inside = (arm >= 0) & (table.n > 0)
    arm, n = arm[inside], table.n[inside]
    for index, name in enumerate(names):
        if (found := float(n[arm == index].sum())) < FEWEST_SUBJECTS:
            return f"{found:.0f} subjects in {name}, at least {FEWEST_SUBJECTS} are needed"
    stratum = table.stratum[inside] if by_stratum else np.zeros(len(n), dtype=np.int64)
    stratum, collapsed = _joined(stratum, arm, n, table.cluster[inside] if by_cluster else None)
    return _Cells(arm, stratum, table.cluster[inside], n, table.sums[inside], table.products[inside], collapsed)


def _joined(stratum: Codes, arm: Codes, n: Vector, cluster: Codes | None) -> tuple[Codes, int]:
    """Return every cell's stratum (m,) with thin strata joined, and how many were joined.

    Joining keeps all subjects, where leaving strata out would answer for others than were asked about.
    """
    _, stratum = np.unique(stratum, return_inverse=True)
    thin = _units(stratum, arm, n, cluster).min(axis=0) < 2
    sizes = np.bincount(stratum, weights=n)
    while thin.any() and not thin.all() and _units(np.where(thin[stratum], 0, 1), arm, n, cluster)[:, 0].min() < 2:
        thin[np.where(thin, math.inf, sizes).argmin()] = True  # the smallest takes them in
    _, codes = np.unique(np.where(thin, -1, np.arange(len(thin)))[stratum], return_inverse=True)
    return codes, int(thin.sum())


def _units(stratum: Codes, arm: Codes, n: Vector, cluster: Codes | None) -> Vector:
    """Return how many subjects, or clusters, either arm has in every stratum, (2, s)."""
    found = np.zeros((2, int(stratum.max()) + 1))
    if cluster is None:
        np.add.at(found, (arm, stratum), n)
    else:
        apart = np.unique(np.stack([arm, stratum, cluster]), axis=1)
        np.add.at(found, (apart[0], apart[1]), 1.0)
    return found


def _arms(cells: _Cells) -> _Arms:
    where, strata = (cells.arm, cells.stratum), int(cells.stratum.max()) + 1
    n, sums, products = np.zeros((2, strata)), np.zeros((2, strata, 4)), np.zeros((2, strata, 4, 4))
    np.add.at(n, where, cells.n)
    np.add.at(sums, where, cells.sums)
    np.add.at(products, where, cells.products)
    mean = sums / n[:, :, None]
    within = products - sums[:, :, :, None] * mean[:, :, None, :]
    return _Arms(n, mean, within, n.sum(axis=0) / n.sum())


def _theta(arms: _Arms, direction: Vector) -> tuple[Vector, float]:
    """Return the coefficients (2,) of pre-period value and indicator, pooled, and the share of variance explained."""
    before = arms.within.sum(axis=(0, 1))[np.ix_(BEFORE, BEFORE)]
    with_metric = np.einsum("asic,ac->i", arms.within[:, :, BEFORE, :], direction)
    metric = float(np.einsum("ai,asij,aj->", direction, arms.within, direction))
    raw = np.einsum("as,asc->c", arms.n, arms.mean[:, :, BEFORE] ** 2)
    varies = np.diag(before) > 1e-12 * raw
    theta = np.zeros(2)
    if not varies.any() or metric <= 0:
        return theta, 0.0
    scale = np.sqrt(np.diag(before)[varies])
    correlation = before[np.ix_(varies, varies)] / np.outer(scale, scale)
    solved, *_ = np.linalg.lstsq(correlation, with_metric[varies] / scale, rcond=1e-10)
    theta[varies] = solved / scale
    return theta, float(theta @ with_metric) / metric


def _of_subjects(arms: _Arms, direction: Vector) -> _Spread:
    """Return the spread of independent subjects, with Satterthwaite's degrees of freedom."""
    squares = np.einsum("ai,asij,aj->as", direction, arms.within, direction)
    variance = arms.weight**2 * np.maximum(squares, 0.0) / (arms.n - 1) / arms.n
    return _Spread(np.diag(variance.sum(axis=1)), _satterthwaite(variance, arms.n - 1), None)


def _of_clusters(cells: _Cells, arms: _Arms, direction: Vector) -> _Spread | str:
    """Return the spread of cluster scores; or why there is none."""
    share = _by_cluster(cells, cells.n) / arms.n[:, :, None]
    apart = cells.sums - cells.n[:, None] * arms.mean[cells.arm, cells.stratum]
    residual = _by_cluster(cells, np.einsum("mc,mc->m", apart, direction[cells.arm]))
    counts = (share * arms.n[:, :, None]).sum(axis=1)
    alike = _alike(counts)
    if alike.min() < FEWEST_CLUSTERS:
        of_arm = int((counts[alike.argmin()] > 0).sum())
        return (
            f"an arm's subjects belong to {of_arm} clusters, worth {alike.min():.1f} of equal size; "
            f"at least {FEWEST_CLUSTERS:.0f} are needed"
        )
    unshrunk = residual / np.sqrt(np.where(share < 1, 1 - share, 1.0))
    scores = np.einsum("as,asg->ag", arms.weight / arms.n, unshrunk)
    covariance = scores @ scores.T
    df = min(float(_alike(counts.sum(axis=0))) - 1, _satterthwaite(np.diag(covariance), alike - 1))
    return _Spread(covariance, df, int((counts.sum(axis=0) > 0).sum()))


def _by_cluster(cells: _Cells, values: Vector) -> Vector:
    """Return cells' values (m,) by arm, stratum and cluster."""
    found = np.zeros((2, int(cells.stratum.max()) + 1, int(cells.cluster.max()) + 1))
    np.add.at(found, (cells.arm, cells.stratum, cells.cluster), values)
    return found


def _alike(counts: Vector) -> Vector:
    """Return the number of equally large clusters that tell as much (Kish 1965), along the last axis."""
    found: Vector = np.round(counts.sum(axis=-1) ** 2 / (counts**2).sum(axis=-1), 9)
    return found


def _satterthwaite(variances: Vector, df: Vector) -> float:
    """Return the degrees of freedom of a sum of variance estimates; what has no variance does not matter."""
    counts = variances > 0
    if not counts.any():
        return math.inf
    parts = variances[counts] / variances.sum()
    return float(1 / (parts**2 / df[counts]).sum())
