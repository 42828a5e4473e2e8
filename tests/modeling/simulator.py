"""Simulated athletes for checking the fit; shares no code with it: plain loops, parameters from the literature's
spread.

Time constants: 42 and 11 days with the spread of published individual fits (Clarke & Skiba 2013; Hellard et al.
2006). Gains: sustained
training is worth 10–30 % of performance, fatigue at mean load costs 4–16 %. The history starts in the middle of a
training life: fitness
and fatigue on the first day are unknown to the fit.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import date, timedelta

START = date(2024, 1, 1)


@dataclass(frozen=True)
class Simulated:
    """One athlete: daily loads, true performance after each day, noisy tests as (day number, value), true constants."""

    loads: list[float]
    truth: list[float]
    tests: list[tuple[int, float]]
    tau1: float
    tau2: float

    def day(self, number: int) -> date:
        return START + timedelta(days=number)


def simulate(rng: random.Random, *, n_tests: int = 10, noise: float = 0.015, days: int | None = None) -> Simulated:
    """Return one athlete with tests spread over their history."""
    days = days or rng.randint(160, 320)
    loads = _loads(rng, days)
    mean_load = sum(loads) / days
    tau1 = min(max(math.exp(rng.gauss(math.log(42), 0.3)), 20.0), 90.0)
    tau2 = min(max(math.exp(rng.gauss(math.log(11), 0.4)), 4.0), tau1 / 1.6)
    fitness_share, fatigue_share = rng.uniform(0.10, 0.30), rng.uniform(0.04, 0.16)
    base = rng.uniform(35.0, 60.0)
    fitness = rng.uniform(0.2, 1.1) * mean_load * tau1
    fatigue = rng.uniform(0.2, 1.1) * mean_load * tau2
    truth = []
    for load in loads:
        fitness = fitness * math.exp(-1.0 / tau1) + load
        fatigue = fatigue * math.exp(-1.0 / tau2) + load
        gain = fitness_share * fitness / (mean_load * tau1) - fatigue_share * fatigue / (mean_load * tau2)
        truth.append(base * (1.0 + gain))
    numbers = sorted(rng.sample(range(14, days), n_tests))
    tests = [(number, truth[number] * (1.0 + rng.gauss(0.0, noise))) for number in numbers]
    return Simulated(loads, truth, tests, tau1, tau2)


def _loads(rng: random.Random, days: int) -> list[float]:
    """Return loads in blocks of three hard weeks and an easy one, with rest days and a slow build-up."""
    level, build = rng.uniform(35.0, 80.0), rng.uniform(-0.2, 0.5)
    loads = []
    for day in range(days):
        week = day // 7 % 4
        size = level * (1.0 + build * day / days) * (0.55 if week == 3 else 0.9 + 0.15 * week)
        loads.append(0.0 if rng.random() < 0.2 else size * rng.uniform(0.4, 1.9))
    return loads
