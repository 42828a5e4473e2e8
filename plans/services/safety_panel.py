"""Plans of a candidate for made-up athletes: what the gate asks before anybody gets one.

The panel covers sports, levels, horizons and sizes of history; nobody real is in it. It is the same for every
candidate, so that a refusal is repeatable.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product
from typing import Final

import numpy as np

from modeling.core.conventions import pmc
from modeling.core.errors import FitError
from modeling.core.posterior import PosteriorFit, fit_posterior
from modeling.core.series import LoadSeries, PerformanceTest
from modeling.learned.algorithm import LearnedAlgorithm
from modeling.learned.context import age_group
from plans.pipelines.contract import AthleteSnapshot, RaceGoal, Thresholds
from plans.pipelines.registry import check_plan, generate

TODAY: Final = date(2026, 3, 4)
RACES: Final = {"running": ("10k", "marathon"), "cycling": ("40km_tt", "gran_fondo")}
DAY_LOADS: Final = {"beginner": 22.0, "intermediate": 42.0, "advanced": 65.0, "elite": 100.0}
RESULTS: Final = {
    "running": {"beginner": 33.0, "intermediate": 43.0, "advanced": 53.0, "elite": 67.0},
    "cycling": {"beginner": 160.0, "intermediate": 220.0, "advanced": 290.0, "elite": 370.0},
}
HISTORY_DAYS: Final = (0, 60, 400)
WEEKS: Final = (4, 12, 20)
AGES: Final = (24, 61)
SEED: Final = 7
"""Of the made-up loads and of the plans."""


def broken_guards(algorithm: LearnedAlgorithm) -> list[str]:
    """Return what the version's plans break, one sentence a plan; empty where every plan may be handed out.

    A pipeline that fails altogether is told as well: the template would answer, but the version would be of no use.
    """
    return [said for athlete, goal in panel(algorithm) if (said := _broken(athlete, goal))]


def panel(algorithm: LearnedAlgorithm) -> Iterator[tuple[AthleteSnapshot, RaceGoal]]:
    """Yield the made-up athletes with their races; those with tests are fitted with the version's priors."""
    cases = product(RACES.items(), DAY_LOADS, HISTORY_DAYS)
    for number, ((sport, races), level, days) in enumerate(cases):
        athlete = _athlete(algorithm, sport, level, days, AGES[number % len(AGES)])
        for race, weeks in zip((races[number % 2], *races), WEEKS, strict=True):
            available = frozenset(range(7)) if weeks != WEEKS[0] else frozenset({1, 3, 5, 6})
            yield athlete, RaceGoal(TODAY + timedelta(weeks=weeks, days=4), race, None, available)


def _broken(athlete: AthleteSnapshot, goal: RaceGoal) -> str:
    history = 0 if athlete.series is None else len(athlete.series.loads)
    weeks = (goal.race_date - TODAY).days // 7
    who = f"{athlete.sport}, {athlete.level}, {history} days of history, {goal.race} in {weeks} weeks"
    try:
        broken = check_plan(generate("auto", athlete, goal, seed=SEED), athlete, goal)
    except Exception as error:
        return f"{who}: no plan ({type(error).__name__}: {error})"
    return f"{who}: broke {len(broken)} guards, first {broken[0]}" if broken else ""


def _athlete(algorithm: LearnedAlgorithm, sport: str, level: str, days: int, age: int) -> AthleteSnapshot:
    series, tests = _history(level, days, RESULTS[sport][level])
    loads = np.asarray(series.loads) if series else np.zeros(0)
    recent = float(loads[-30:].max(initial=0.0))
    weeks = loads[len(loads) % 7 :].reshape(-1, 7).sum(axis=1)
    return AthleteSnapshot(
        athlete_id=f"panel-{sport}-{level}-{days}",
        sport=sport,  # type: ignore[arg-type]
        level=level,  # type: ignore[arg-type]
        age=age,
        sex="female" if age < 40 else "male",
        today=TODAY,
        series=series,
        tests=tests,
        longest_session_load_30d=recent,
        longest_session_minutes_30d=recent / 50 * 60,
        best_ctl_year=float(pmc(loads).ctl.max(initial=0.0)) if loads.size else 0.0,
        median_week_load_year=float(np.median(weeks)) if weeks.size else 0.0,
        thresholds=Thresholds(),
        fit=_fit(algorithm, sport, level, age, series, tests),
        grade="provisional" if tests else "population",
        data_hash=f"panel {sport} {level} {days}",
        algorithm=algorithm,
    )


def _history(level: str, days: int, result: float) -> tuple[LoadSeries | None, tuple[PerformanceTest, ...]]:
    """Return loads that end yesterday, five days a week, with a test every five weeks from the eighth on."""
    if not days:
        return None, ()
    rng = np.random.default_rng(SEED)
    start = TODAY - timedelta(days=days)
    loads = DAY_LOADS[level] * rng.gamma(6.0, 1 / 4.3, days) * (np.arange(days) % 7 < 5)
    daily = {start + timedelta(days=k): float(load) for k, load in enumerate(loads) if load > 0}
    series = LoadSeries.from_daily(daily, start=start, until=TODAY - timedelta(days=1))
    at = range(56, days, 35)
    values = result * rng.normal(1.0, 0.015, len(at))
    return series, tuple(
        PerformanceTest(start + timedelta(days=k), float(value), "race") for k, value in zip(at, values, strict=True)
    )


def _fit(
    algorithm: LearnedAlgorithm,
    sport: str,
    level: str,
    age: int,
    series: LoadSeries | None,
    tests: tuple[PerformanceTest, ...],
) -> PosteriorFit | None:
    if series is None or not tests:
        return None
    priors = algorithm.priors_for(sport=sport, level=level, age_group=age_group(TODAY.year - age, TODAY))
    try:
        return fit_posterior(series, tests, priors=priors)
    except FitError:
        return None
