"""Many athletes' posteriors under any population: the fit's linear problem reduced to fifteen numbers a node. Pure.

For one athlete, one setting of drift and noise and one pair (τ1, τ2) the tests enter the posterior only through XᵀX,
Xᵀz and zᵀz of the whitened regressors and values. They are computed once; the posterior under another population of
gains and time constants is then a 4 × 4 solve a node, which is written out here for all nodes at once, since a library
call a matrix takes ten times as long. `modeling.core.posterior` is the same arithmetic for one athlete; a test holds
them equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from modeling.core.posterior import drift_setting, gap_variance, grid_design
from modeling.core.priors import Priors
from modeling.training.histories import History

Vector = NDArray[np.float64]

BLOCK: Final = 48
"""Athletes solved at once; their arrays then stay within the processor's cache."""
PAIRS: Final = ((0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2), (3, 3))
"""The lower triangle of a symmetric 4 × 4 matrix, in the order of the stored sums."""
_PLACE: Final = {pair: index for index, pair in enumerate(PAIRS)}


@dataclass(frozen=True)
class GridStatistics:
    """Sufficient statistics of some athletes.

    sums: (15, athletes, settings, nodes): lower triangle of XᵀX, Xᵀz, zᵀz. log_noise: (athletes, settings), half the
    log determinant of drift and noise. log_tau: (2, nodes). log_drift, log_factor: (settings,).
    unit: (athletes, 4, nodes), the regressors of the mean of the first two tests, and unit_variance: (athletes,
    settings), its variance. Performance is measured in shares of that mean, so that it is 1 for everybody: it tells the
    fit something, and of the population nothing.
    """

    sums: Vector
    log_noise: Vector
    unit: Vector
    unit_variance: Vector
    log_tau: Vector
    log_drift: Vector
    log_factor: Vector

    def only(self, athletes: NDArray[np.int64]) -> GridStatistics:
        """Return the statistics of some of the athletes."""
        chosen = np.ascontiguousarray(self.sums[:, athletes])
        return replace(
            self,
            sums=chosen,
            log_noise=self.log_noise[athletes],
            unit=self.unit[athletes],
            unit_variance=self.unit_variance[athletes],
        )


@dataclass(frozen=True)
class Moments:
    """Posterior moments by athlete: mean and variance (athletes, 6) of b0, bF, bH, bI, log τ1, log τ2.

    settings: (athletes, settings), the posterior weight of each. log_evidence: (athletes,), up to a constant that no
    population changes.
    """

    mean: Vector
    variance: Vector
    settings: Vector
    log_evidence: Vector


def statistics(histories: Sequence[History], priors: Priors) -> GridStatistics:
    """Return the statistics; of the priors only drift, noise and the grid's ratio matter."""
    settings = list(product(priors.drift_sd, priors.drift_days, priors.noise_factors))
    found = [_of_athlete(history, priors, settings) for history in histories]
    sums, noises, units, variances, log_taus = zip(*found, strict=True)
    return GridStatistics(
        sums=np.stack(sums, axis=1),
        log_noise=np.array(noises),
        unit=np.array(units),
        unit_variance=np.array(variances),
        log_tau=log_taus[0],
        log_drift=np.log([sd for sd, _, _ in settings]),
        log_factor=np.log([factor for _, _, factor in settings]),
    )


def _of_athlete(
    history: History, priors: Priors, settings: Sequence[tuple[float, float, float]]
) -> tuple[Vector, Vector, Vector, Vector, Vector]:
    """Return one athlete's sums (15, settings, nodes), log noise, unit and its variance, and log τ (2, nodes)."""
    series = history.series
    days = np.array([series.index(test.day) for test in history.tests], dtype=np.float64)
    values = np.array([test.value for test in history.tests])
    mean_load = float(series.loads[series.known].mean()) or 1.0
    design, tau1, tau2 = grid_design(days, series.loads, mean_load, priors.min_ratio)
    noise = np.array([priors.noise[test.kind] for test in history.tests]) ** 2 + gap_variance(series.known, days)
    drifts = [drift_setting(days, noise, *setting) for setting in settings]
    whiten = np.stack([drift.whiten for drift in drifts])
    z = whiten @ (values / float(values[:2].mean()))  # (s, m)
    columns = [whiten @ design[:, :, k].T for k in range(4)]  # each (s, m, nodes)
    sums = np.empty((15, len(settings), len(tau1)))
    for place, (i, j) in enumerate(PAIRS):
        sums[place] = np.einsum("smn,smn->sn", columns[i], columns[j])
    for i in range(4):
        sums[10 + i] = np.einsum("smn,sm->sn", columns[i], z)
    sums[14] = np.sum(z**2, axis=1)[:, None]
    log_noise = np.array([np.log(np.diag(drift.chol)).sum() for drift in drifts])
    variance = np.array([float(np.sum(drift.chol[:2].mean(axis=0) ** 2)) for drift in drifts])
    return sums, log_noise, design[:, :2].mean(axis=1).T, variance, np.log(np.stack([tau1, tau2]))


def log_weights(log_tau: Vector, mean: Vector, sd: Vector) -> Vector:
    """Return the population's normalised log weight of each node (nodes,)."""
    weight = -0.5 * (((log_tau[0] - mean[4]) / sd[4]) ** 2 + ((log_tau[1] - mean[5]) / sd[5]) ** 2)
    top = weight.max()
    return np.asarray(weight - top - np.log(np.exp(weight - top).sum()))


def moments(of: GridStatistics, mean: Vector, sd: Vector) -> Moments:
    """Return the posterior moments under a population: mean and sd (6,) of b0, bF, bH, bI, log τ1, log τ2."""
    prior = log_weights(of.log_tau, mean, sd)
    parts = []
    for start in range(0, of.sums.shape[1], BLOCK):
        block = slice(start, start + BLOCK)
        evidence, centre, spread = _solved(of.sums[:, block], mean[:4], sd[:4] ** -2.0)
        parts.append(_mixed(evidence + prior - of.log_noise[block, :, None], centre, spread, of.log_tau))
    return Moments(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def unit_moments(of: GridStatistics, mean: Vector, sd: Vector) -> Moments:
    """Return the moments that follow from the unit alone: what is known before the tests tell anything."""
    prior = log_weights(of.log_tau, mean, sd)
    variance = sd[:4] ** 2
    parts = []
    for start in range(0, len(of.unit), BLOCK):
        unit, own = of.unit[start : start + BLOCK], of.unit_variance[start : start + BLOCK, :, None]
        missing = (1.0 - np.einsum("akn,k->an", unit, mean[:4]))[:, None, :]
        total = np.einsum("akn,k->an", unit**2, variance)[:, None, :] + own
        reach = [(variance[k] * unit[:, k])[:, None, :] for k in range(4)]
        centre = [mean[k] + reach[k] * missing / total for k in range(4)]
        spread = [variance[k] - reach[k] ** 2 / total for k in range(4)]
        parts.append(_mixed(prior - 0.5 * (missing**2 / total + np.log(total)), centre, spread, of.log_tau))
    return Moments(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _mixed(
    evidence: Vector, centre: Sequence[Vector], spread: Sequence[Vector], log_tau: Vector
) -> tuple[Vector, Vector, Vector, Vector]:
    """Return mean, variance, setting weights and log evidence over all settings and nodes (athletes, s, n)."""
    top = evidence.max(axis=(1, 2))
    weight = np.exp(evidence - top[:, None, None])
    total = weight.sum(axis=(1, 2))
    weight /= total[:, None, None]
    first = [np.sum(weight * one, axis=(1, 2)) for one in centre]
    second = [np.sum(weight * (v + m**2), axis=(1, 2)) for m, v in zip(centre, spread, strict=True)]
    nodes = weight.sum(axis=1)
    first += [nodes @ log_tau[0], nodes @ log_tau[1]]
    second += [nodes @ log_tau[0] ** 2, nodes @ log_tau[1] ** 2]
    means = np.stack(first, axis=1)
    variances = np.maximum(np.stack(second, axis=1) - means**2, 0.0)
    return means, variances, weight.sum(axis=2), np.asarray(top + np.log(total))


def _solved(sums: Vector, mean: Vector, precision: Vector) -> tuple[Vector, list[Vector], list[Vector]]:
    """Return log evidence, means and variances of the four coefficients at every node, by Cholesky written out."""
    low: dict[tuple[int, int], Vector] = {}
    for i, j in PAIRS:
        entry = sums[_PLACE[i, j]] + (precision[i] if i == j else 0.0)
        for k in range(j):
            entry = entry - low[i, k] * low[j, k]
        low[i, j] = np.sqrt(entry) if i == j else entry / low[j, j]
    inverse: dict[tuple[int, int], Vector] = {}
    for j in range(4):
        inverse[j, j] = 1.0 / low[j, j]
        for i in range(j + 1, 4):
            entry = sum((low[i, k] * inverse[k, j] for k in range(j, i)), start=np.zeros(()))
            inverse[i, j] = -entry / low[i, i]
    pulled = [sums[10 + i] + precision[i] * mean[i] for i in range(4)]
    half = [sum((inverse[i, j] * pulled[j] for j in range(i + 1)), start=np.zeros(())) for i in range(4)]
    centre = [sum((inverse[i, j] * half[i] for i in range(j, 4)), start=np.zeros(())) for j in range(4)]
    spread = [sum((inverse[i, j] ** 2 for i in range(j, 4)), start=np.zeros(())) for j in range(4)]
    explained = sum((one**2 for one in half), start=np.zeros(()))
    log_det = np.log(low[0, 0] * low[1, 1] * low[2, 2] * low[3, 3])
    constant = float(np.sum(precision * mean**2) - np.sum(np.log(precision)))
    evidence = -0.5 * (sums[14] - explained + constant) - log_det
    return np.asarray(evidence), [np.asarray(one) for one in centre], [np.asarray(one) for one in spread]
