"""Experiments' analysis, by fresh simulation: how often daily looks mislead, and how soon a leak is found."""

from __future__ import annotations

import math
import random
import time
from functools import partial
from multiprocessing import get_context
from statistics import median
from typing import Final

import numpy as np

from bench.rows import Row
from experiments.analysis import Table, Tuning, estimate, sequence
from tests.experiments.analysis.simulating import DAYS, SETTINGS, False30, Setting, first_alarm, misled

ALPHA: Final = 0.05
LEAK: Final = 0.03
LEAK_ALPHA: Final = 0.01
LEAK_DAYS: Final = 90
FOUND_BY: Final = 36
STRATA: Final = (0, 12)
PROCESSES: Final = 2


def run(quick: bool = False) -> list[Row]:
    """Return the rows of this benchmark; `quick` runs a twentieth."""
    runs, seed = 100 if quick else 2000, random.SystemRandom().randrange(2**31)
    rows = [row for name, setting in SETTINGS.items() for row in _looks(name, setting, runs, seed)]
    for strata in STRATA:
        rows += [_false(strata, runs, seed, alpha) for alpha in (LEAK_ALPHA, ALPHA)]
        rows.append(_leak(strata, runs // 4, seed))
    return [*rows, _speed(seed)]


def _most(alpha: float, runs: int) -> float:
    return alpha + 3 * math.sqrt(alpha * (1 - alpha) / runs)


def _looks(name: str, setting: Setting, runs: int, seed: int) -> list[Row]:
    """Two equal arms, looked at on each of thirty days; the peer is Student's test, looked at as often."""
    with get_context("spawn").Pool(PROCESSES) as pool:
        found: list[False30] = pool.map(partial(misled, setting), range(seed, seed + runs), chunksize=10)
    share, rails = (sum(each) / runs for each in zip(*((f.sequence, f.guardrail) for f in found), strict=True))
    peeked, at_the_end = (sum(each) / runs for each in zip(*((f.peeking, f.at_the_end) for f in found), strict=True))
    most = _most(ALPHA, runs)
    label, target = f"{name}: A/A, {DAYS} daily looks, {runs} runs (seed {seed})", f"≤ {100 * most:.2f}"
    return [
        Row(f"{label}: ever significant / fixed test", 100 * share, 100 * peeked, None, "%", target, share <= most),
        Row(f"{label}: stopped by a guardrail", 100 * rails, None, None, "%", target, rails <= most),
        Row(f"{label}: fixed test at the end alone", 100 * at_the_end, None, None, "%"),
    ]


def _false(strata: int, runs: int, seed: int, alpha: float) -> Row:
    work = partial(first_alarm, leak=0.0, days=LEAK_DAYS, alpha=alpha, strata=strata)
    with get_context("spawn").Pool(PROCESSES) as pool:
        alarms = sum(day is not None for day in pool.map(work, range(seed, seed + runs), chunksize=10)) / runs
    most = _most(alpha, runs)
    label = f"sample ratio, {strata} strata: false alarms in {LEAK_DAYS} days at {alpha}, {runs} runs (seed {seed})"
    return Row(label, 100 * alarms, None, None, "%", f"≤ {100 * most:.2f}", alarms <= most)


def _leak(strata: int, runs: int, seed: int) -> Row:
    work = partial(first_alarm, leak=LEAK, days=LEAK_DAYS, alpha=LEAK_ALPHA, strata=strata)
    with get_context("spawn").Pool(PROCESSES) as pool:
        days = [day or LEAK_DAYS + 1 for day in pool.map(work, range(seed, seed + runs), chunksize=10)]
    label = f"sample ratio, {strata} strata: a leak of 3 points, 100 subjects a day, found at {LEAK_ALPHA}, median"
    return Row(label, median(days), None, None, "days", f"≤ {FOUND_BY}", median(days) <= FOUND_BY)


def _speed(seed: int) -> Row:
    rng = np.random.default_rng(seed)
    n = 10_000
    arm, stratum, coach = (rng.integers(0, k, n).astype(str) for k in (2, 12, 60))
    table = Table.of_subjects(arm, rng.normal(size=n), before=rng.normal(size=n), stratum=stratum, cluster=coach)
    started = time.perf_counter()
    for _ in range(100):
        found = estimate(table, "1", "0")
        assert not hasattr(found, "why")
        sequence(found, Tuning(n))  # type: ignore[arg-type]
    each = (time.perf_counter() - started) / 100
    return Row(f"a comparison of {len(table.n)} sums (12 strata, 60 coaches)", each * 1e3, None, None, "ms")
