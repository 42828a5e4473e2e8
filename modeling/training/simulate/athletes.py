"""Simulated athletes: loads and tests whose truth is planted by group, as tables of the feature store. Synthetic.

Each athlete's constants are drawn from the planted population, drift and noise as `modeling.core.priors` states them.
The fit measures in shares of the mean of the first two tests, so each draw is conditioned on that mean being 1: with
nothing planted, the published priors are then exactly the right ones, and nothing can be learned that helps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.core.posterior import TAU1_GRID, TAU2_GRID
from modeling.core.priors import DEFAULT_PRIORS, Priors
from modeling.learned.context import LEVELS, SPORTS, TIERS, age_group
from modeling.training.contract import TABLES

if TYPE_CHECKING:
    import pyarrow

Vector = NDArray[np.float64]

UNTIL: Final = date(2026, 11, 1)
"""The last simulated day, unless another is asked for."""
KINDS: Final = ("lab", "race", "field")
BLOCK: Final = 1000


def published(_sport: str, _level: str, _age_group: str) -> Priors:
    """Plant nothing: everybody is as published."""
    return DEFAULT_PRIORS


@dataclass(frozen=True)
class Athletes:
    """A simulated cohort: tables by name, and the truth of athlete i in row i.

    truth: (n, 6) of b0, bF, bH, bI in shares of the first two tests' mean, log τ1, log τ2.
    """

    tables: dict[str, pyarrow.Table]
    tokens: tuple[str, ...]
    groups: tuple[tuple[str, str, str], ...]
    truth: Vector


def simulate_athletes(
    n: int,
    *,
    seed: int = 0,
    planted: Callable[[str, str, str], Priors] = published,
    sports: Sequence[str] = SPORTS,
    levels: Sequence[str] = LEVELS,
    birth_years: tuple[int, int] = (1960, 2006),
    days: int = 300,
    tests: int = 8,
    rest: float = 0.4,
    tokens: Sequence[str] | None = None,
    until: date = UNTIL,
) -> Athletes:
    """Return a cohort.

    Args:
        planted: sport, level and age group → the population that constants, drift and noise are drawn from.
        days: of history. tests: an athlete, at least 2 where there are any. rest: share of days without a load.
        tokens: the athletes' names; by default numbered. until: the last day.
    """
    rng = np.random.default_rng(seed)
    names = tuple(tokens or (f"synthetic-{seed}-{number:06d}" for number in range(n)))
    profile = {
        "sport": rng.choice(np.array(sports), n),
        "level": rng.choice(np.array(levels), n),
        "tier": rng.choice(np.array(TIERS), n),
        "sex": rng.choice(np.array(["female", "male"]), n),
        "birth_year": rng.integers(*birth_years, n, endpoint=True),
    }
    groups = tuple(
        (str(sport), str(level), age_group(int(born), until))
        for sport, level, born in zip(profile["sport"], profile["level"], profile["birth_year"], strict=True)
    )
    blocks = [
        _block([planted(*group) for group in groups[start : start + BLOCK]], rng, days, tests, rest)
        for start in range(0, n, BLOCK)
    ]
    loads, when, values, kinds, truth = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    found = {
        "athletes": _profiles(names, profile, until - timedelta(days=days)),
        "activities": _activities(names, profile["sport"], loads, _number(until) - days + 1),
        "tests": _tests(names, profile["sport"], when + _number(until) - days + 1, values, kinds),
    }
    return Athletes(found, names, groups, truth)


def _block(of: list[Priors], rng: np.random.Generator, days: int, tests: int, rest: float) -> tuple[Any, ...]:
    """Return loads (n, days), test days, relative values and kinds (n, tests) and the truth (n, 6)."""
    n = len(of)
    loads = _loads(rng, n, days, rest)
    when = np.sort(np.argsort(rng.random((n, days - 14)), axis=1)[:, :tests] + 14, axis=1)
    kinds = rng.integers(0, len(KINDS), (n, tests))
    tau1, tau2, design, covariance = _accepted(of, rng, loads, when, kinds)
    mean, sd = np.array([one.mean for one in of]), np.array([one.sd for one in of])
    gains = mean + sd * rng.standard_normal((n, 4))
    rest_of = (np.linalg.cholesky(covariance) @ rng.standard_normal((n, tests, 1)))[..., 0]
    shares = np.einsum("ntk,nk->nt", design, gains) + rest_of
    # Kriging of one linear constraint: draws given that the first two tests' mean is 1.
    first = slice(0, 2)
    with_gains = (design * sd[:, None, :] ** 2)[:, first].mean(axis=1)  # (n, 4) covariance of the gains with that mean
    with_tests = np.einsum("ntk,nk->nt", design, with_gains) + covariance[:, :, first].mean(axis=2)
    variance = with_tests[:, first].mean(axis=1)
    missing = (1.0 - shares[:, first].mean(axis=1)) / variance
    gains = gains + with_gains * missing[:, None]
    shares = shares + with_tests * missing[:, None]
    return loads, when, np.maximum(shares, 0.05), kinds, np.column_stack([gains, np.log(tau1), np.log(tau2)])


def _accepted(
    of: list[Priors], rng: np.random.Generator, loads: Vector, when: NDArray[np.int64], kinds: NDArray[np.int64]
) -> tuple[Vector, Vector, Vector, Vector]:
    """Return τ1, τ2 (n,), regressors (n, tests, 4) and covariance of the tests, by rejection.

    A draw is kept as often as the first two tests' mean is 1 under it: the density of that, over its greatest value.
    """
    n, tests = when.shape
    mean, sd = np.array([one.mean for one in of]), np.array([one.sd for one in of])
    tau1, tau2 = np.empty(n), np.empty(n)
    design, covariance = np.empty((n, tests, 4)), np.empty((n, tests, tests))
    left = np.arange(n)
    while len(left):
        some = [of[i] for i in left]
        tau1[left], tau2[left] = _time_constants(some, rng)
        design[left] = _design(loads[left], when[left], tau1[left], tau2[left])
        covariance[left] = _drift_and_noise(some, rng, when[left], kinds[left])
        unit = design[left, :2].mean(axis=1)
        own = covariance[left][:, :2, :2].mean(axis=(1, 2))
        variance = np.sum((unit * sd[left]) ** 2, axis=1) + own
        missing = 1.0 - np.sum(unit * mean[left], axis=1)
        kept = sd[left, 0] / np.sqrt(variance) * np.exp(-0.5 * missing**2 / variance)
        left = left[rng.random(len(left)) >= kept]
    return tau1, tau2, design, covariance


def _time_constants(of: list[Priors], rng: np.random.Generator) -> tuple[Vector, Vector]:
    """Return τ1 and τ2 (n,) from the planted log-normals within the fit's grid; what falls outside is drawn again."""
    centre = np.log([[one.tau1_days, one.tau2_days] for one in of])
    spread = np.array([[one.tau1_log_sd, one.tau2_log_sd] for one in of])
    drawn = np.full((len(of), 2), np.nan)
    left = np.arange(len(of))
    while len(left):
        drawn[left] = np.exp(centre[left] + spread[left] * rng.standard_normal((len(left), 2)))
        tau1, tau2 = drawn[left].T
        outside = (tau1 < TAU1_GRID[0]) | (tau1 > TAU1_GRID[-1]) | (tau2 < TAU2_GRID[0]) | (tau2 > TAU2_GRID[-1])
        left = left[outside | (tau1 < 1.5 * tau2)]
    return drawn[:, 0], drawn[:, 1]


def _loads(rng: np.random.Generator, n: int, days: int, rest: float) -> Vector:
    """Return daily loads (n, days): blocks of three building weeks and an easy one, with rest days."""
    level, build = rng.uniform(45.0, 110.0, (n, 1)), rng.uniform(-0.2, 0.6, (n, 1))
    day = np.arange(days)
    week = (day // 7)[None, :] + rng.integers(0, 4, (n, 1))
    block = np.where(week % 4 == 3, 0.5, 0.85 + 0.2 * (week % 4))
    size = level * (1.0 + build * day / days) * block * rng.uniform(0.4, 1.8, (n, days))
    return np.where(rng.random((n, days)) < rest, 0.0, np.round(size, 1))


def _design(loads: Vector, when: NDArray[np.int64], tau1: Vector, tau2: Vector) -> Vector:
    """Return the regressors at the tests (n, tests, 4), day by day as the model is written."""
    n, days = loads.shape
    fitness, fatigue = np.zeros(n), np.zeros(n)
    keep1, keep2 = np.exp(-1.0 / tau1), np.exp(-1.0 / tau2)
    traces = np.empty((2, n, days))
    for day in range(days):
        fitness = fitness * keep1 + loads[:, day]
        fatigue = fatigue * keep2 + loads[:, day]
        traces[0, :, day], traces[1, :, day] = fitness, fatigue
    mean_load = loads.mean(axis=1)
    rows = np.arange(n)[:, None]
    at1 = traces[0][rows, when] / (mean_load * tau1)[:, None]
    at2 = traces[1][rows, when] / (mean_load * tau2)[:, None]
    start = np.exp(-when / tau1[:, None])
    return np.stack([np.ones_like(at1), at1, -at2, -start], axis=-1)


def _drift_and_noise(
    of: list[Priors], rng: np.random.Generator, when: NDArray[np.int64], kinds: NDArray[np.int64]
) -> Vector:
    """Return the tests' covariance (n, tests, tests); each athlete has one of the drift and noise settings."""
    sd = np.array([rng.choice(one.drift_sd) for one in of])
    span = np.array([rng.choice(one.drift_days) for one in of])
    factor = np.array([rng.choice(one.noise_factors) for one in of])
    noise = np.array([[one.noise[kind] for kind in KINDS] for one in of])
    own = factor[:, None] * np.take_along_axis(noise, kinds, axis=1)
    apart = np.abs(when[:, :, None] - when[:, None, :]) / span[:, None, None]
    covariance = (sd**2)[:, None, None] * np.exp(-apart)
    return np.asarray(covariance + np.eye(when.shape[1])[None] * (own**2)[:, :, None])


def _table(name: str, columns: dict[str, Any]) -> pyarrow.Table:
    import pyarrow as pa

    return pa.table({column.name: columns[column.name] for column in TABLES[name].columns})


def _moments(days: Any) -> pyarrow.Array:
    """Return days since 1970 as moments: eight in the evening, UTC."""
    import pyarrow as pa

    micros = (np.asarray(days, dtype=np.int64) * 86_400 + 20 * 3600) * 1_000_000
    return pa.array(micros).cast(pa.timestamp("us", tz="UTC"))


def _days(days: Any) -> pyarrow.Array:
    import pyarrow as pa

    return pa.array(np.asarray(days, dtype=np.int32)).cast(pa.date32())


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _profiles(names: Sequence[str], profile: dict[str, Any], since: date) -> pyarrow.Table:
    import pyarrow as pa

    begun = datetime.combine(since, datetime.min.time(), UTC)
    n = len(names)
    known = pa.array([begun] * n, pa.timestamp("us", tz="UTC"))
    columns = {name: pa.array(values) for name, values in profile.items()}
    columns |= {"athlete": pa.array(names, pa.string()), "is_synthetic": pa.array([True] * n)}
    return _table("athletes", columns | {"event_at": known, "available_at": known})


def _activities(names: Sequence[str], sports: Any, loads: Vector, first: int) -> pyarrow.Table:
    import pyarrow as pa

    athlete, day = np.nonzero(loads)
    when = day + first
    size = loads[athlete, day]
    n = len(athlete)
    own = pa.array(names, pa.string()).take(pa.array(athlete))
    columns = {
        "athlete": own,
        "activity": pa.array([f"synthetic-{number}" for number in range(n)], pa.string()),
        "day": _days(when),
        "sport": pa.array(sports).take(pa.array(athlete)),
        "load": pa.array(size),
        "load_unit": pa.array(np.repeat("TSS", n)),
        "minutes": pa.array(np.round(size / 0.9, 1)),
        "withdrawn_at": pa.nulls(n, pa.timestamp("us", tz="UTC")),
        "event_at": _moments(when),
        "available_at": _moments(when),
    }
    return _table("activities", columns)


def _tests(
    names: Sequence[str], sports: Any, when: NDArray[np.int64], values: Vector, kinds: NDArray[np.int64]
) -> pyarrow.Table:
    import pyarrow as pa

    n, tests = when.shape
    athlete = np.repeat(np.arange(n), tests)
    scale = np.where(np.asarray(sports) == "cycling", 240.0, 46.0)
    day = when.ravel()
    columns = {
        "athlete": pa.array(names, pa.string()).take(pa.array(athlete)),
        "test": pa.array([f"synthetic-{number}" for number in range(n * tests)], pa.string()),
        "day": _days(day),
        "value": pa.array(np.round(values.ravel() * scale[athlete], 3)),
        "kind": pa.array(np.array(KINDS)[kinds.ravel()]),
        "withdrawn_at": pa.nulls(n * tests, pa.timestamp("us", tz="UTC")),
        "event_at": _moments(day),
        "available_at": _moments(day),
    }
    return _table("tests", columns)
