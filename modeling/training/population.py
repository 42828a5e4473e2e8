"""A population of athletes estimated from their tests: empirical Bayes on the posterior's grid. Pure.

Each athlete's exact posterior under the present population gives the slope of their log evidence in the population's
means and log spreads (Fisher's identity; Louis 1982); the outer products of the slopes give the information (Berndt et
al. 1974), and Newton steps climb to the maximum. Three things keep it sober:

- it is pulled towards a wider population, as if that had been seen in `PULL` fully informative athletes (Efron & Morris
  1975; Gelman et al., *Bayesian Data Analysis*, ch. 5), so that what the tests do not tell stays where it was;
- an athlete whose slope is further out than `ODD` counts less (Huber 1964), so that a few odd ones do not move it;
- a spread keeps between a quarter and three times the published one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from modeling.core.priors import DEFAULT_PRIORS, Priors
from modeling.training.grid import GridStatistics, moments, unit_moments

Vector = NDArray[np.float64]

NAMES: Final = ("base", "fitness", "fatigue", "initial state", "log τ1", "log τ2")
PULL: Final = 20.0
ODD: Final = 5.3
"""Length of a slope, in standard units of twelve dimensions, that 99.5 % keep within (χ², 12 degrees of freedom)."""
ROUNDS: Final = 15
SETTLED: Final = 2e-3
"""In standard deviations of the population; sampling errors are ten times as large."""


@dataclass(frozen=True)
class Population:
    """Means and standard deviations (6,) of `NAMES`, and factors on the published noise and drift.

    n: athletes it was estimated from. effective: (6,), how many athletes whose parameter were known exactly would tell
    as much about its mean. errors: (6,), standard errors of the means. evidence: mean log evidence an athlete.
    """

    mean: Vector
    sd: Vector
    noise: float = 1.0
    drift: float = 1.0
    n: int = 0
    effective: tuple[float, ...] = (0.0,) * 6
    errors: tuple[float, ...] = (0.0,) * 6
    evidence: float = 0.0

    @property
    def informative(self) -> float:
        """Return the effective number of athletes, averaged over the parameters."""
        return float(np.mean(self.effective))

    def priors(self, name: str) -> Priors:
        """Return the population as priors of a fit."""
        mean, sd = self.mean.tolist(), self.sd.tolist()
        return replace(
            DEFAULT_PRIORS,
            name=name,
            mean=(mean[0], mean[1], mean[2], mean[3]),
            sd=(sd[0], sd[1], sd[2], sd[3]),
            tau1_days=float(np.exp(mean[4])),
            tau1_log_sd=sd[4],
            tau2_days=float(np.exp(mean[5])),
            tau2_log_sd=sd[5],
            drift_sd=tuple(self.drift * sd for sd in DEFAULT_PRIORS.drift_sd),
            noise={kind: self.noise * sd for kind, sd in DEFAULT_PRIORS.noise.items()},
        )


def published() -> Population:
    """Return the published priors as a population."""
    of = DEFAULT_PRIORS
    mean = np.array([*of.mean, np.log(of.tau1_days), np.log(of.tau2_days)])
    return Population(mean, np.array([*of.sd, of.tau1_log_sd, of.tau2_log_sd]))


def estimate(of: GridStatistics, towards: Population, *, rounds: int = ROUNDS) -> Population:
    """Return the population of some athletes, pulled towards a wider one; noise and drift are that one's."""
    now = replace(towards, n=of.sums.shape[1])
    slopes, values = _slopes(of, now)
    for _ in range(rounds):
        weight = _weights(slopes)
        step = _step(slopes, weight, now, towards)
        height = float(weight @ values) - _penalty(now, towards)
        for _ in range(4):
            next_one = _moved(now, step)
            next_slopes, next_values = _slopes(of, next_one)
            if float(weight @ next_values) - _penalty(next_one, towards) >= height:
                break
            step = step / 3.0
        else:
            break
        now, slopes, values = next_one, next_slopes, next_values
        if np.max(np.abs(step)) < SETTLED:
            break
    return _described(now, slopes, values)


def _slopes(of: GridStatistics, now: Population) -> tuple[Vector, Vector]:
    """Return each athlete's slope (n, 12), in means (a unit is the spread) and log spreads, and log evidence (n,).

    Both are of the tests given the unit (`GridStatistics.unit`): what the unit alone says is taken off.
    """
    seen, before = moments(of, now.mean, now.sd), unit_moments(of, now.mean, now.sd)
    mean = (seen.mean - before.mean) / now.sd
    square = seen.variance + (seen.mean - now.mean) ** 2 - before.variance - (before.mean - now.mean) ** 2
    return np.hstack([mean, square / now.sd**2]), seen.log_evidence - before.log_evidence


def _weights(slopes: Vector) -> Vector:
    """Return what each athlete counts (n,): 1, and less for the odd."""
    weight = np.ones(len(slopes))
    for _ in range(3):
        information = (slopes * weight[:, None] ** 2).T @ slopes / len(slopes) + 1e-6 * np.eye(slopes.shape[1])
        length = np.sqrt(np.sum(slopes * np.linalg.solve(information, slopes.T).T, axis=1))
        weight = np.minimum(1.0, ODD / np.maximum(length, 1e-12))
    return np.asarray(weight)


def _information(slopes: Vector, weight: Vector) -> Vector:
    """Return the information (12, 12) with the pull's: a fully informative athlete tells 1 of a mean, 2 of a spread."""
    own = (slopes * weight[:, None]).T @ slopes
    return np.asarray(own + np.diag(np.repeat([PULL, 2.0 * PULL], 6)))


def _step(slopes: Vector, weight: Vector, now: Population, towards: Population) -> Vector:
    """Return the step (12,): means in spreads, log spreads; bounded."""
    apart = (towards.mean - now.mean) * now.sd / towards.sd**2
    pulled = np.concatenate([apart, 2.0 * np.log(towards.sd / now.sd)])
    step = np.linalg.solve(_information(slopes, weight), weight @ slopes + PULL * pulled)
    return np.asarray(np.clip(step, -0.4, 0.4))


def _moved(now: Population, step: Vector) -> Population:
    bounds = published().sd
    sd = np.clip(now.sd * np.exp(step[6:]), 0.25 * bounds, 3.0 * bounds)
    return replace(now, mean=now.mean + step[:6] * now.sd, sd=sd)


def _penalty(now: Population, towards: Population) -> float:
    """Return what the pull takes off; its unit is the wider population's spread."""
    apart = np.sum(((now.mean - towards.mean) / towards.sd) ** 2)
    return float(0.5 * PULL * (apart + 2.0 * np.sum(np.log(now.sd / towards.sd) ** 2)))


def _described(now: Population, slopes: Vector, values: Vector) -> Population:
    weight = _weights(slopes)
    effective = tuple((weight @ slopes[:, :6] ** 2).tolist())
    variance = np.diag(np.linalg.inv(_information(slopes, weight)))[:6]
    errors = tuple((now.sd * np.sqrt(variance)).tolist())
    return replace(now, effective=effective, errors=errors, evidence=float(values.mean()))


def rescaled(of: GridStatistics, now: Population) -> tuple[float, float]:
    """Return what noise and drift should be multiplied by, from the posterior weights of their settings."""
    seen = moments(of, now.mean, now.sd).settings
    before = unit_moments(of, now.mean, now.sd).settings
    return _factor(seen, before, of.log_factor, now.noise), _factor(seen, before, of.log_drift, now.drift)


def _factor(seen: Vector, before: Vector, logs: Vector, present: float) -> float:
    """Return a factor between a third and three, in total, pulled towards the published size."""
    mean, centre = seen @ logs, before @ logs
    share = 1.0 - (seen @ logs**2 - mean**2) / (before @ logs**2 - centre**2)
    least = 0.1 * len(mean)
    step = float(np.sum(mean - centre)) - PULL * float(np.log(present))
    moved = np.log(present) + step / (max(float(share.sum()), least) + PULL)
    return float(np.exp(np.clip(moved, -np.log(3.0), np.log(3.0)))) / present
