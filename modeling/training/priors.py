"""Priors learned by sport × level × age group, used only where held-out athletes' next tests are predicted better.

Half of the athletes are learned from, a quarter checks each group, the last quarter is left to the gate; a token's hash
says who. A group's population is pulled towards the sport's, the sport's towards the published one
(`modeling.training.population`); noise and drift are the sport's. A group, or a sport, replaces the published priors
only where its checks fall (95 % interval of the paired difference below 0). A group that does not has the sport's where
those are no worse for it than the published ones, and its row says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.core.priors import DEFAULT_PRIORS
from modeling.learned.context import AGE_GROUPS, LEVELS, SPORTS
from modeling.learned.priors import LEARNED, POOLED, PUBLISHED
from modeling.training.grid import statistics
from modeling.training.histories import History, Store, histories, sampled, share_of
from modeling.training.intervals import Interval, mean_difference
from modeling.training.next_test import next_errors
from modeling.training.population import Population, estimate, published, rescaled

Vector = NDArray[np.float64]
Progress = Callable[[int, int], None]

LEARN_BELOW: Final = 0.5
CHECK_BELOW: Final = 0.75
LEAST_TESTS: Final = 3
"""Two tests are spent on the unit and say nothing more."""
LEAST_ATHLETES: Final = 20
LEAST_EFFECTIVE: Final = 5.0
LEAST_CHECKS: Final = 10
MOST_POOLED: Final = 1000
MOST_GROUP: Final = 250
MOST_SCALES: Final = 300
MOST_CHECKS: Final = 40
MOST_POOLED_CHECKS: Final = 400
"""Samples by hash: with more athletes the standard error of a mean falls below a twentieth of the spread."""
SCALE_ROUNDS: Final = 3


@dataclass(frozen=True)
class _Tried:
    """A population with the outcome of its check against the priors it would replace."""

    population: Population
    source: str
    reason: str
    checks: int = 0
    difference: Interval | None = None


def fit_priors(store: Store, *, as_of: datetime, progress: Progress | None = None) -> dict[str, Any] | None:
    """Return the document's part "priors", None where no sport has enough athletes with tests to learn from."""
    return fit_histories(histories(store, as_of=as_of, least_tests=LEAST_TESTS), progress=progress)


def fit_histories(everybody: Sequence[History], *, progress: Progress | None = None) -> dict[str, Any] | None:
    """Return the part for athletes that were read already."""
    usable = [one for one in everybody if len(one.tests) >= LEAST_TESTS]
    pooled, groups = [], []
    for done, sport in enumerate(SPORTS):
        mine = [one for one in usable if one.sport == sport]
        if progress:
            progress(done, len(SPORTS))
        learned, checks = _split(mine)
        if len(learned) < LEAST_ATHLETES:
            continue
        wide = _sport(learned, checks)
        pooled.append({"sport": sport} | _row(wide))
        for level in LEVELS:
            for age in AGE_GROUPS:
                key = {"sport": sport, "level": level, "age_group": age}
                of = [[one for one in part if (one.level, one.age_group) == (level, age)] for part in (learned, checks)]
                if of[0]:
                    groups.append(key | _row(_group(of[0], of[1], wide)))
    if not pooled:
        return None
    return {"method": "empirical Bayes on the grid, version 1", "pooled": pooled, "groups": groups}


def held_out(token: str) -> bool:
    """Return whether an athlete is left to the gate: neither learned from nor checked with."""
    return share_of(token, "priors") >= CHECK_BELOW


def _split(of: Sequence[History]) -> tuple[list[History], list[History]]:
    shares = [(one, share_of(one.athlete, "priors")) for one in of]
    learned = [one for one, share in shares if share < LEARN_BELOW]
    return learned, [one for one, share in shares if LEARN_BELOW <= share < CHECK_BELOW]


def _sport(learned: Sequence[History], checks: Sequence[History]) -> _Tried:
    """Return a sport's population with its noise and drift, checked against the published priors."""
    towards = published()
    few = sampled(learned, MOST_SCALES, "scales")
    for _ in range(SCALE_ROUNDS):
        found = statistics(few, towards.priors("scales"))
        noise, drift = rescaled(found, estimate(found, towards))
        towards = replace(towards, noise=towards.noise * noise, drift=towards.drift * drift)
    found = statistics(sampled(learned, MOST_POOLED, "pooled"), towards.priors("pooled"))
    population = estimate(found, towards)
    return _checked(population, sampled(checks, MOST_POOLED_CHECKS, "pooled"), PUBLISHED)


def _group(learned: Sequence[History], checks: Sequence[History], wide: _Tried) -> _Tried:
    """Return a group's population, checked against the sport's, or the published priors where that has not held."""
    kept = POOLED if wide.source == LEARNED else PUBLISHED
    if len(learned) < LEAST_ATHLETES:
        few = replace(wide.population, n=len(learned), effective=(0.0,) * 6)
        return _Tried(few, kept, f"{len(learned)} athletes to learn from, {LEAST_ATHLETES} are needed")
    found = statistics(sampled(learned, MOST_GROUP, "group"), wide.population.priors("group"))
    population = estimate(found, wide.population)
    if population.informative < LEAST_EFFECTIVE:
        told = (
            f"the tests tell as much as {population.informative:.1f} known athletes, {LEAST_EFFECTIVE:.0f} are needed"
        )
        return _Tried(population, kept, told)
    few_checks = sampled(checks, MOST_CHECKS, "group")
    wider = next_errors(few_checks, wide.population.priors("pooled")) if kept == POOLED else None
    return _checked(population, few_checks, kept, wider)


def _checked(population: Population, checks: Sequence[History], kept: str, wider: Vector | None = None) -> _Tried:
    """Return the population as learned if held-out next tests come out better than with the published priors.

    Args:
        kept: what stays otherwise. wider: errors with the sport's priors: they must not be smaller, and they stay only
            where they are no larger than the published ones' here.
    """
    ours, theirs = next_errors(checks, population.priors("ours")), next_errors(checks, DEFAULT_PRIORS)
    n = len(ours)
    difference = mean_difference(ours, theirs, np.arange(n)) if n >= LEAST_CHECKS else None
    if difference is None or difference.high is None:
        return _Tried(population, kept, f"{n} athletes to check with, {LEAST_CHECKS} are needed", n)
    if wider is not None and wider.mean() > theirs.mean():
        kept = PUBLISHED
    falls = difference.high < 0.0
    least = wider is None or ours.mean() <= wider.mean()
    told = "does not fall" if not falls else "falls" if least else "falls less than with the sport's"
    reason = (
        f"next-test error {told}: {difference.value:+.3f} points against the published priors "
        f"({difference.low:+.3f} to {difference.high:+.3f}, {n} athletes)"
    )
    return _Tried(population, LEARNED if falls and least else kept, reason, n, difference)


def _row(tried: _Tried) -> dict[str, Any]:
    """Return a row of the document; numbers rounded beyond what they can mean."""
    of, difference = tried.population, tried.difference
    mean, sd = np.round(of.mean, 6).tolist(), np.round(of.sd, 6).tolist()
    return {
        "source": tried.source,
        "reason": tried.reason,
        "n": of.n,
        "effective_n": round(of.informative, 2),
        "effective": [round(value, 1) for value in of.effective],
        "mean": mean[:4],
        "sd": sd[:4],
        "errors": [round(value, 6) for value in of.errors],
        "tau1": [round(float(np.exp(of.mean[4])), 4), sd[4]],
        "tau2": [round(float(np.exp(of.mean[5])), 4), sd[5]],
        "noise": round(of.noise, 5),
        "drift": round(of.drift, 5),
        "checks": tried.checks,
        "difference": None if difference is None else [difference.value, difference.low, difference.high],
    }
