"""Retraining: a night over 10,000 athletes and 1,000,000 sessions; what is found where there is nothing to find."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, date, datetime
from math import sqrt

import numpy as np
import psycopg

from bench.rows import Row
from common.stats.binomial import upper_bound
from modeling.learned.algorithm import SHIPPED_ALGORITHM
from modeling.training import habits
from modeling.training.contract import TABLES
from modeling.training.gate import Facts, judge
from modeling.training.null_cohorts import false_proposals
from modeling.training.pipeline import PARTS, train
from modeling.training.simulate.athletes import simulate_athletes
from modeling.training.simulate.coaching import Coaching, simulate_coaching
from modeling.training.store import FeatureStore, write_manifest, write_table
from tests.modeling.training.cohorts import AS_OF, TableStore
from tests.modeling.training.nulls import null_figures
from tests.support.databases import ADMIN_URL

HASH = "0" * 64


def run(quick: bool = False) -> list[Row]:
    """Return the rows of this benchmark."""
    return [
        _null_runs(20 if quick else 200),
        _null_coaches(3 if quick else 60),
        _null_figures(100 if quick else 1000),
        _false_proposals(20 if quick else 400),
        *_night(quick),
        *_night_from_database(quick),
    ]


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


def _null_coaches(cohorts: int) -> Row:
    """Whole runs, with what coaches change and athletes complete, where nothing is planted in either."""
    passed = 0
    for seed in range(cohorts):
        tables = simulate_coaching(Coaching(athletes=300, coaches=24, start=date(2026, 1, 5), seed=seed))
        tokens = tables["athletes"].column("athlete").to_pylist()
        tables |= simulate_athletes(300, seed=seed, tokens=tokens, days=240, until=date(2026, 8, 31)).tables
        moment = datetime(2026, 9, 1, tzinfo=UTC)
        with tempfile.TemporaryDirectory(prefix="null-") as folder:
            parts = {name: write_table(folder, TABLES[name], table) for name, table in tables.items()}
            write_manifest(folder, parts, exported_at=moment, consented=tokens)
            store = FeatureStore.open(folder)
            found = train(store, as_of=moment, champion=SHIPPED_ALGORITHM, safety=lambda _: [], seed=seed)
        passed += found.verdict.passed
    return _rate(f"{cohorts} null cohorts of 300 athletes and 24 coaches: the gate lets through", passed, cohorts)


def _null_figures(draws: int) -> Row:
    """The gate alone, given one part after another that differs from the champion and is no better."""
    passed = 0
    for seed in range(draws):
        figures = null_figures(np.random.default_rng(seed))
        facts = [Facts(HASH, HASH, (), {"a"}, {"a"}, {part}, ()) for part in PARTS]
        passed += any(judge(one, figures).passed for one in facts)
    return _rate(f"{draws} draws of three parts that are no better: the gate lets one through", passed, draws)


def _false_proposals(cohorts: int) -> Row:
    """A year of nights each: is a pattern of coaches' changes proposed where contexts make no difference?"""
    found = false_proposals(range(cohorts))
    return _rate(f"{cohorts} null years of 20 coaches: a pattern is proposed", found.proposed, found.cohorts)


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


def _night_from_database(quick: bool) -> list[Row]:
    """The same from PostgreSQL on; nothing where none answers. A database that is there already is used as it is."""
    try:
        psycopg.connect(ADMIN_URL).close()
    except psycopg.OperationalError:
        print("no PostgreSQL answers: the night from the database on is not measured", file=sys.stderr)
        return []
    plans = 500 if quick else 10_000
    environment = os.environ | {"LOAD_DATABASE": os.environ.get("LOAD_DATABASE", f"mesocycle_load_{plans}")}
    populate = [sys.executable, "-m", "tests.load.populate", "--plans", str(plans)]
    filled = json.loads(_last_line(populate, environment))["rows"]
    told = json.loads(_last_line([sys.executable, "-m", "bench.export_night"], environment))
    name = f"PostgreSQL, {filled['accounts_athlete']:,} athletes, {filled['plan_sessions']:,} sessions"
    print(", ".join(f"{step} {seconds:.0f} s" for step, seconds in told["steps"].items()), file=sys.stderr)
    print(f"{told['export']['cpu']:.0f} + {told['train']['cpu']:.0f} s of processor time", file=sys.stderr)
    mebibytes, seconds = told["mebibytes"], told["seconds"]
    return [
        Row(f"{name}: export of features", told["export"]["seconds"], None, None, "s"),
        Row(f"{name}: export with nothing changed", told["again"]["seconds"], None, None, "s"),
        Row(f"{name}: most memory of the export", told["export"]["mebibytes"], None, None, "MiB"),
        Row(f"{name}: export, learn, evaluate, judge", seconds, None, None, "s", "≤ 300", seconds <= 300),
        Row(f"{name}: most memory", mebibytes, None, None, "MiB", "≤ 2048", mebibytes <= 2048),
    ]


def _last_line(command: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=dict(environment))
    return done.stdout.splitlines()[-1]
