"""Retraining: a night over 10,000 athletes and 1,000,000 sessions, and how often the gate lets nothing through."""

from __future__ import annotations

import json
import subprocess
import sys
from math import sqrt

import numpy as np

from bench.rows import Row
from common.stats.binomial import upper_bound
from modeling.learned.algorithm import SHIPPED_ALGORITHM
from modeling.training import habits
from modeling.training.gate import Facts, judge
from modeling.training.pipeline import PARTS, train
from modeling.training.simulate.athletes import simulate_athletes
from tests.modeling.training.cohorts import AS_OF, TableStore
from tests.modeling.training.nulls import null_figures

HASH = "0" * 64


def run(quick: bool = False) -> list[Row]:
    """Return the rows of this benchmark."""
    return [_null_runs(20 if quick else 200), _null_figures(100 if quick else 1000), *_night(quick)]


def _null_runs(cohorts: int) -> Row:
    """Whole runs where the published priors are the truth: nothing may pass."""
    passed = 0
    for seed in range(cohorts):
        made = simulate_athletes(200, seed=seed, sports=("running",), levels=("advanced",), days=200, tests=7)
        store = TableStore(made.tables)
        found = train(
            store, as_of=AS_OF, champion=SHIPPED_ALGORITHM, safety=lambda _: [], learners=habits.nobody(), seed=seed
        )
        passed += found.verdict.passed
    return _rate(f"{cohorts} null cohorts of 200 athletes: the gate lets through", passed, cohorts)


def _null_figures(draws: int) -> Row:
    """The gate alone, given one part after another that differs from the champion and is no better."""
    passed = 0
    for seed in range(draws):
        figures = null_figures(np.random.default_rng(seed))
        facts = [Facts(HASH, HASH, (), {"a"}, {"a"}, {part}, ()) for part in PARTS]
        passed += any(judge(one, figures).passed for one in facts)
    return _rate(f"{draws} draws of three parts that are no better: the gate lets one through", passed, draws)


def _rate(name: str, passed: int, n: int) -> Row:
    """Held unless more pass than 5 % would explain (99.9 %)."""
    allowed = 0.05 + 3.1 * sqrt(0.05 * 0.95 / n)
    share = 100.0 * passed / n
    print(f"{passed} of {n} passed; at most {100 * upper_bound(passed, n, 0.025):.1f} % (95 %)", file=sys.stderr)
    return Row(name, share, None, None, "%", "≤ 5 %", passed / n <= allowed)


def _night(quick: bool) -> list[Row]:
    """A run in a process of its own, so that its memory can be told."""
    athletes, weeks = (1000, 20) if quick else (10_000, 20)
    command = [sys.executable, "-m", "bench.retrain_night", str(athletes), str(weeks)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    name = f"retraining, {athletes:,} athletes, {told['sessions']:,} sessions"
    steps = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in told["steps"].items())
    print(steps, file=sys.stderr)
    print(f"{told['cpu']:.0f} s of processor time", file=sys.stderr)
    return [
        Row(f"{name}: read, learn, evaluate, judge", told["seconds"], None, None, "s", "≤ 300", told["seconds"] <= 300),
        Row(f"{name}: most memory", told["mebibytes"], None, None, "MiB", "≤ 2048", told["mebibytes"] <= 2048),
    ]
