"""The gates, by fresh simulation: how often a healthy feature is rolled back, and how soon a bad one is caught."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from statistics import median
from typing import Final

from bench.rows import Row
from rollout.policy import load
from rollout.policy.model import GateKind, Metric, Policy, Purpose
from tests.rollout.gates.policies import policy_of
from tests.rollout.gates.traffic import ACTING, exposures_until_caught, false_rollback

WEEK: Final = timedelta(days=7)
ERRORS: Final = (0.002, 0.01)
FALSE: Final = 0.02
REACHED: Final = 3000
MEDIAN: Final = 900
CAUGHT: Final = 0.99
PROCESSES: Final = 2


def run(quick: bool = False) -> list[Row]:
    """Return the rows of this benchmark; `quick` runs a twentieth."""
    runs, seed = 50 if quick else 1000, random.SystemRandom().randrange(2**31)
    policies = {"every gate, 50 %": policy_of()} | load.shipped()
    rows = []
    for name, policy in policies.items():
        rows += [_false(name, policy, error, runs, seed) for error in ERRORS]
        rows += [row for stage in range(len(policy.stages)) for row in _caught(name, policy, stage, runs, seed)]
    return [*rows, _speed(seed)]


def _false(name: str, policy: Policy, error: float, runs: int, seed: int) -> Row:
    """Seven days of two equal arms, 5 to 5,000 requests a window, each run from another stage on."""
    judged = [
        index
        for index, stage in enumerate(policy.stages)
        if stage.duration and any(gate.purpose in ACTING for gate in policy.gates_of(stage))
    ]
    with get_context("spawn").Pool(PROCESSES) as pool:
        found = pool.map(partial(_one_week, policy, judged, error, seed), range(runs), chunksize=10)
    tripped = Counter(where for where in found if where)
    share, most = tripped.total() / runs, FALSE + 3 * math.sqrt(FALSE * (1 - FALSE) / runs)
    which = ", ".join(f"{where} {count}" for where, count in tripped.most_common(3))
    label = f"{name}: healthy, {error:.1%} errors, {runs} weeks (seed {seed}): rolled back {which}"
    return Row(label, 100 * share, None, None, "%", f"≤ {100 * most:.2f}", share <= most)


def _one_week(policy: Policy, judged: list[int], error: float, seed: int, index: int) -> str:
    chosen = random.Random(f"{seed} {error} {index}")
    a_window = math.exp(chosen.uniform(math.log(5), math.log(5000)))
    first = judged[index % len(judged)]
    found = false_rollback(policy, first, a_window=a_window, error=error, span=WEEK, seed=chosen.randrange(2**63))
    return "/".join((found[0], found[1].gate)) if found else ""


def _caught(name: str, policy: Policy, stage: int, runs: int, seed: int) -> list[Row]:
    """1 % errors become 3 % in the new arm alone, where a guardrail of errors rolls back."""
    gates = [
        gate
        for gate in policy.gates_of(policy.stages[stage])
        if (gate.kind, gate.metric, gate.purpose) == (GateKind.GUARDRAIL, Metric.ERROR, Purpose.ROLLBACK)
    ]
    if not gates:
        return []
    work = partial(_one_regression, policy, stage, gates[0].name, seed)
    with get_context("spawn").Pool(PROCESSES) as pool:
        found = pool.map(work, range(runs), chunksize=10)
    caught = [each for each in found if each]
    share, new = len(caught) / runs, median(each[0] for each in caught)
    smaller = median(min(each) for each in caught)
    label = f"{name}, {policy.stages[stage].name}: 1 % → 3 % errors"
    return [
        Row(f"{label}: caught by {REACHED} an arm", 100 * share, None, None, "%", "≥ 99", share >= CAUGHT),
        Row(f"{label}: exposures of the smaller arm / new arm, median", smaller, new, new / smaller, "",
            f"≤ {MEDIAN}", smaller <= MEDIAN),
    ]  # fmt: skip


def _one_regression(policy: Policy, stage: int, gate: str, seed: int, index: int) -> tuple[int, int] | None:
    chosen = random.Random(f"{seed} caught {index}")
    a_window = math.exp(chosen.uniform(math.log(5), math.log(200)))
    return exposures_until_caught(
        policy, stage, gate, a_window=a_window, most=REACHED, seed=chosen.randrange(2**63), before=0.01, after=0.03
    )


def _speed(seed: int) -> Row:
    started = time.perf_counter()
    false_rollback(policy_of(), 0, a_window=100, error=0.002, span=WEEK, seed=seed)
    each = (time.perf_counter() - started) / 2016
    return Row("a window made, observed by eleven gates and judged", each * 1e6, None, None, "µs")
