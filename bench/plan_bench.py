"""Plans: the 52-week optimum sparse against dense, a 20-week individual plan, and 10,000 random requests.

Every random plan is checked twice: by the product's own check, and by the plain loop of the tests that shares no
code with it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import timedelta
from statistics import median
from typing import Final

import numpy as np

from bench.rows import Row
from modeling.core.guards import LIMITS, StartState
from modeling.core.optimum import WeekModel, best_weeks
from plans.pipelines.contract import RaceGoal
from plans.pipelines.frames import cycles
from plans.pipelines.registry import check_plan, generate
from plans.pipelines.response import population_gains
from tests.plans.pipelines.golden import athlete_of
from tests.plans.pipelines.learning import shorter_long, version
from tests.plans.pipelines.random_requests import random_request
from tests.plans.pipelines.resimulate import unreported

REQUESTS: Final = 10_000
PROCESSES: Final = 2
CHUNK: Final = 250
SHARES: Final = np.array([0.0, 0.17, 0.13, 0.17, 0.0, 0.18, 0.35])
Tally = tuple[int, int, float, Counter[str]]


def run(quick: bool = False) -> list[Row]:
    """Return the rows of this part; `quick` samples 500 requests."""
    return [_optimum(), _twenty_weeks(), _learned(), *_random_requests(500 if quick else REQUESTS)]


def _median_ms(work: Callable[[], object], repeats: int = 15) -> float:
    work()
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return median(taken) * 1000


def _optimum() -> Row:
    roles = ["recovery" if r else "loading" for r in cycles(50, short=False)] + ["taper", "taper"]
    gains = population_gains(7 * len(roles))
    weeks = [WeekModel(role, SHARES, gains[7 * k : 7 * k + 7], 2000.0) for k, role in enumerate(roles)]
    state = StartState(50.0, 50.0, 350.0, 100.0, 81.0, LIMITS["advanced"])
    sparse = _median_ms(lambda: best_weeks(weeks, state))
    dense = _median_ms(lambda: best_weeks(weeks, state, sparse=False))
    return Row(
        "52-week optimum, sparse against dense matrix", sparse, dense, dense / sparse, "ms", ">= 1", sparse <= dense
    )


def _twenty_weeks() -> Row:
    athlete, goal = athlete_of("marathon", "intermediate")
    goal = RaceGoal(athlete.today + timedelta(days=20 * 7 - 1), goal.race, None, goal.available_days)
    took = _median_ms(lambda: generate("advanced", athlete, goal, seed=1), 9)
    return Row("individual plan, 20 weeks", took, 150.0, 150.0 / took, "ms", "< 150 ms", took < 150.0)


def _learned() -> Row:
    """A version that shortens every long run and prefers some days, against the one that ships."""
    athlete, goal = athlete_of("marathon", "intermediate")
    goal = RaceGoal(athlete.today + timedelta(days=20 * 7 - 1), goal.race, None, goal.available_days)
    learned = replace(athlete, algorithm=version(shorter_long, lambda context: 0.6 + 0.05 * (context.weekday % 3)))
    shipped = _median_ms(lambda: generate("advanced", athlete, goal, seed=1), 9)
    took = _median_ms(lambda: generate("advanced", learned, goal, seed=1), 9)
    return Row("the same plan by a learned version, against the shipped one", took, shipped, took / shipped, "ms",
               "< 300 ms", took < 300.0)  # fmt: skip


def _random_requests(count: int) -> list[Row]:
    chunks = [(first, min(first + CHUNK, count)) for first in range(0, count, CHUNK)]
    with ProcessPoolExecutor(PROCESSES) as pool:
        tallies = list(pool.map(_chunk, chunks))
    broken, relaxed = sum(t[0] for t in tallies), sum(t[1] for t in tallies)
    took = sum(t[2] for t in tallies) / count * 1000
    guards: Counter[str] = sum((t[3] for t in tallies), Counter())
    said = ", ".join(f"{name} {n}" for name, n in guards.most_common())
    return [
        Row(f"{count:,} random requests: plans with an unreported breach", broken, 0, 1.0, "plans", "0", broken == 0),
        Row(f"of them with a reported relaxation ({said})", relaxed, count, relaxed / count, "plans", "", True),
        Row("random request, mean", took, 60.0, 60.0 / took, "ms", "<= 60 ms", took <= 60.0),
    ]


def _chunk(bounds: tuple[int, int]) -> Tally:
    broken = relaxed = 0
    seconds = 0.0
    guards: Counter[str] = Counter()
    for seed in range(*bounds):
        pipeline, athlete, goal = random_request(seed)
        started = time.perf_counter()
        plan = generate(pipeline, athlete, goal, seed=seed)
        seconds += time.perf_counter() - started
        broken += bool(check_plan(plan, athlete, goal) or unreported(plan, athlete, goal))
        relaxed += bool(plan.relaxed)
        guards.update({r.guard for r in plan.relaxed})
    return broken, relaxed, seconds, guards
