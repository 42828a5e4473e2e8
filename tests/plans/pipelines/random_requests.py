"""Random athletes and goals, seeded: every sport, level, race, availability, horizon and kind of history, the
absurd ones too."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from modeling.core.series import LoadSeries, PerformanceTest
from plans.pipelines.contract import AthleteSnapshot, RaceGoal, Thresholds

RACES = {"running": ("5k", "10k", "half_marathon", "marathon"), "cycling": ("40km_tt", "gran_fondo")}
LEVELS = ("beginner", "intermediate", "advanced", "elite")
USUAL_DAY = {"beginner": 22.0, "intermediate": 42.0, "advanced": 65.0, "elite": 100.0}
PERFORMANCE = {
    "running": {"beginner": 33.0, "intermediate": 43.0, "advanced": 53.0, "elite": 67.0},
    "cycling": {"beginner": 160.0, "intermediate": 220.0, "advanced": 290.0, "elite": 370.0},
}
PIPELINES = ("simplified", "advanced", "auto", "template")


def random_history(rng: np.random.Generator, level: str, today: date) -> tuple[LoadSeries | None, np.ndarray]:
    """Return a series that ends yesterday and its loads; none in a sixth of the cases, with gaps and absurd
    volumes in others."""
    if rng.random() < 1 / 6:
        return None, np.zeros(0)
    n_days = int(rng.choice([3, 10, 30, 90, 200, 365, 730]))
    scale = USUAL_DAY[level] * float(rng.choice([0.1, 0.5, 0.8, 1.0, 1.3, 4.0], p=[0.05, 0.2, 0.25, 0.3, 0.15, 0.05]))
    trained = rng.random(n_days) < rng.uniform(0.3, 0.95)
    loads = np.minimum(scale * rng.gamma(3.0, 1 / 2.0, n_days) * trained, 900.0)
    if rng.random() < 0.25 and n_days > 5:
        length = int(rng.integers(2, min(n_days, 120)))
        first = int(rng.integers(0, n_days - length + 1)) if rng.random() < 0.5 else n_days - length
        loads[first : first + length] = 0.0
    if loads.sum() == 0:
        return None, np.zeros(0)
    start = today - timedelta(days=n_days)
    days = {start + timedelta(days=k): float(v) for k, v in enumerate(loads) if v > 0}
    return LoadSeries.from_daily(days, start=start, until=today - timedelta(days=1)), loads


def random_request(seed: int) -> tuple[str, AthleteSnapshot, RaceGoal]:
    """Return pipeline, athlete and goal of one random request; the same for the same seed."""
    rng = np.random.default_rng(seed)
    sport = str(rng.choice(["running", "cycling"], p=[0.67, 0.33]))
    level = str(rng.choice(LEVELS))
    today = date(2026, 1, 1) + timedelta(days=int(rng.integers(0, 365)))
    series, loads = random_history(rng, level, today)
    recent = loads[-30:] if len(loads) else np.zeros(1)
    tests = _tests(rng, series, PERFORMANCE[sport][level])
    fit, grade = _fit(series, tests)
    longest = float(recent.max(initial=0.0)) * float(rng.uniform(0.6, 1.0))
    days = frozenset(int(d) for d in rng.choice(7, size=int(rng.integers(1, 8)), replace=False))
    ahead = int(rng.integers(1, 22)) if rng.random() < 0.2 else int(rng.integers(1, 365))
    goal = RaceGoal(today + timedelta(days=ahead), str(rng.choice(RACES[sport])), None, days)
    athlete = AthleteSnapshot(
        athlete_id=f"athlete-{seed}",
        sport=sport,  # type: ignore[arg-type]
        level=level,  # type: ignore[arg-type]
        age=None if rng.random() < 0.1 else int(rng.integers(18, 75)),
        sex=str(rng.choice(["female", "male", "unspecified"])),  # type: ignore[arg-type]
        today=today,
        series=series,
        tests=tests,
        longest_session_load_30d=longest,
        longest_session_minutes_30d=longest / 50 * 60,
        best_ctl_year=_best_ctl(loads),
        median_week_load_year=_median_week(loads),
        thresholds=Thresholds(),
        fit=fit,
        grade=grade,
        data_hash=f"seed-{seed}",
    )
    return str(rng.choice(PIPELINES, p=[0.35, 0.35, 0.15, 0.15])), athlete, goal


def _tests(rng: np.random.Generator, series: LoadSeries | None, level: float) -> tuple[PerformanceTest, ...]:
    if series is None or len(series.loads) < 30 or rng.random() < 0.4:
        return ()
    count = int(rng.integers(1, 13))
    at = sorted(rng.choice(len(series.loads), size=count, replace=False))
    return tuple(
        PerformanceTest(series.start + timedelta(days=int(k)), level * float(rng.normal(1.0, 0.03)), "race") for k in at
    )


def _fit(series: LoadSeries | None, tests: tuple[PerformanceTest, ...]):  # type: ignore[no-untyped-def]
    if series is None or len(tests) < 5:
        return None, "population"
    from modeling.core.posterior import fit_posterior

    return fit_posterior(series, tests), "provisional" if len(tests) < 9 else "calibrated"


def _best_ctl(loads: np.ndarray) -> float:
    best = ctl = 0.0
    for load in loads.tolist():
        ctl += (load - ctl) * (1 - np.exp(-1 / 42))
        best = max(best, ctl)
    return float(best)


def _median_week(loads: np.ndarray) -> float:
    weeks = [float(loads[k : k + 7].sum()) for k in range(len(loads) % 7, len(loads), 7)]
    active = [w for w in weeks if w > 0]
    return float(np.median(active)) if active else 0.0
