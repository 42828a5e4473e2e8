"""A fit's parameters computed a second time, another way, so that a mistake of the first shows (H6, H7).

Same model, same priors (`modeling.core.priors`), and of `posterior.py` its constants alone: time constants come from
the prior as a Sobol sequence instead of a grid, the sums over loads are written out, and the tests' likelihood is the
dense Gaussian of all of them, coefficients and drift integrated out, instead of whitened least squares.

    y ~ N(X·b̄, X·diag(s²)·Xᵀ + σ²·e^(−|t−t′|/T) + diag(noise))        given τ1, τ2 and the drift's setting

Sources: Owen 2013, *Monte Carlo theory, methods and examples*, ch. 9 (self-normalised importance sampling) and 17
(quasi-Monte Carlo); Rasmussen & Williams 2006, eq. 2.39–2.42 (Gaussian evidence, explicit basis functions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats.qmc import Sobol

from modeling.core.posterior import GAP_FADES_DAYS, GAP_SD, TAU1_GRID, TAU2_GRID
from modeling.core.priors import Priors
from modeling.core.series import LoadSeries, PerformanceTest

Vector = NDArray[np.float64]

PARAMETERS: Final = ("tau1", "tau2", "k1", "k2", "p0")
POINTS: Final = 2048
BLOCK: Final = 128
TOLERANCE: Final = 0.1
"""A value is contradicted where it lies further off than this share of its own 95 % interval's width.

A tenth of the width is 0.4 standard deviations. Where both ways are right they differ by 0.003 in the median of 500
simulated athletes and by 0.044 at most: where tests tell a time constant sharply, the fit's grid is coarse.
"""


@dataclass(frozen=True)
class Deviation:
    """One parameter: as stated, as computed anew, and how far apart, as a share of the stated interval's width."""

    name: str
    stated: float
    recomputed: float
    share: float

    @property
    def contradicts(self) -> bool:
        """Return whether it is more than two ways of computing the same may differ by; what is no number is."""
        return not self.share <= TOLERANCE


def recomputed(series: LoadSeries, tests: Sequence[PerformanceTest], priors: Priors) -> dict[str, float]:
    """Return the posterior means of τ1, τ2 (days, of the logarithm), k1, k2 (performance a unit of load) and p0.

    Args:
        series: daily loads. tests: at least one, within the series. priors: those of the fit.
    """
    ordered = sorted(tests, key=lambda test: test.day)
    days = np.array([(test.day - series.start).days for test in ordered], dtype=np.float64)
    values = np.array([test.value for test in ordered])
    scale = float(np.mean(values[:2]))
    mean_load = float(np.mean(series.loads[series.known])) or 1.0
    tau1, tau2 = _time_constants(priors)
    noises = list(_noises(series, ordered, days, priors))
    logs, means = [], []
    for start in range(0, len(tau1), BLOCK):
        block = slice(start, start + BLOCK)
        design = _regressors(series.loads, days, tau1[block], tau2[block], mean_load)
        for noise in noises:
            log, mean = _evidence(design, values / scale, noise, priors)
            logs.append(np.column_stack([log, tau1[block], tau2[block]]))
            means.append(mean)
    told, coefficients = np.concatenate(logs), np.concatenate(means)
    weight = np.exp(told[:, 0] - told[:, 0].max())
    weight /= weight.sum()
    gain = scale / mean_load
    return {
        "tau1": float(np.exp(weight @ np.log(told[:, 1]))),
        "tau2": float(np.exp(weight @ np.log(told[:, 2]))),
        "k1": float(weight @ (coefficients[:, 1] * gain / told[:, 1])),
        "k2": float(weight @ (coefficients[:, 2] * gain / told[:, 2])),
        "p0": float(weight @ coefficients[:, 0] * scale),
    }


def deviations(report: Mapping[str, Any], found: Mapping[str, float]) -> tuple[Deviation, ...]:
    """Return how far a report's parameters are from those computed anew.

    Args:
        report: `FitReport.as_dict()` of a fit by "posterior", or its JSON.
    """
    told = []
    for name in PARAMETERS:
        stated, (low, high) = float(report[name]["value"]), report[name]["interval"]
        width = float(high) - float(low)
        share = abs(stated - found[name]) / width if width > 0 else float("inf")
        told.append(Deviation(name, stated, found[name], share))
    return tuple(told)


def _time_constants(priors: Priors) -> tuple[Vector, Vector]:
    """Return (n,) and (n,) equally probable pairs under the prior, cut to where time constants may lie."""
    uniform = Sobol(2, seed=0).random(POINTS)
    taus = []
    for column, centre, sd, ends in (
        (uniform[:, 0], priors.tau1_days, priors.tau1_log_sd, TAU1_GRID[[0, -1]]),
        (uniform[:, 1], priors.tau2_days, priors.tau2_log_sd, TAU2_GRID[[0, -1]]),
    ):
        low, high = ndtr((np.log(ends) - np.log(centre)) / sd)
        taus.append(centre * np.exp(sd * ndtri(low + (high - low) * column)))
    allowed = taus[0] >= priors.min_ratio * taus[1]
    return taus[0][allowed], taus[1][allowed]


def _noises(series: LoadSeries, tests: Sequence[PerformanceTest], days: Vector, priors: Priors) -> list[Vector]:
    """Return the (m, m) covariance of drift and noise, one for each setting of the drift."""
    own = np.array([priors.noise[test.kind] ** 2 for test in tests]) + _of_gaps(series, days)
    apart = np.abs(np.subtract.outer(days, days))
    settings = product(priors.drift_sd, priors.drift_days, priors.noise_factors)
    return [sd**2 * np.exp(-apart / span) + factor**2 * np.diag(own) for sd, span, factor in settings]


def _of_gaps(series: LoadSeries, days: Vector) -> Vector:
    """Return what each day in an unknown stretch adds to the variance at later days, day by day, (m,)."""
    total = np.zeros(len(days))
    for day in np.flatnonzero(~series.known):
        rest = series.known[day:]
        end = day + (int(np.argmax(rest)) if rest.any() else len(rest))  # the first known day after it
        total += (days > day) * GAP_SD**2 / 21.0 * np.exp(-np.maximum(days - end, 0.0) / GAP_FADES_DAYS)
    return total


def _regressors(loads: Vector, days: Vector, tau1: Vector, tau2: Vector, mean_load: float) -> Vector:
    """Return (n, m, 4): base, fitness, fatigue and initial state at the tests, each sum written out."""
    ages = np.subtract.outer(days, np.arange(len(loads)))  # (m, days)
    done = ages >= 0
    told = [np.ones((len(tau1), len(days)))]
    for taus, sign in ((tau1, 1.0), (tau2, -1.0)):
        decay = np.where(done, np.exp(-np.where(done, ages, 0.0) / taus[:, None, None]), 0.0)
        told.append(sign * (decay @ loads) / (mean_load * taus)[:, None])
    told.append(-np.exp(-days / tau1[:, None]))
    return np.stack(told, axis=-1)


def _evidence(design: Vector, y: Vector, noise: Vector, priors: Priors) -> tuple[Vector, Vector]:
    """Return the log density of the tests (n,) and the coefficients' mean given them (n, 4)."""
    centre, variance = np.array(priors.mean), np.array(priors.sd) ** 2
    weighted = design * variance  # (n, m, 4)
    total = weighted @ np.swapaxes(design, 1, 2) + noise
    off = y - design @ centre
    solved = np.linalg.solve(total, off[..., None])[..., 0]
    _, log_determinant = np.linalg.slogdet(total)
    log = -0.5 * (np.sum(off * solved, axis=1) + log_determinant)
    return log, centre + np.einsum("nmp,nm->np", weighted, solved)
