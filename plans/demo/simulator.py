"""Synthetic athletes for the demo: seeded, plausible, and labelled synthetic wherever they are shown. Pure.

Two years of sessions in blocks of three building weeks and a recovery week, an off-season, an illness or a holiday
now and then; tests whose
values follow a fitness–fatigue response to exactly these loads, with noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import numpy as np

from modeling.core.performance import training_pace
from modeling.history.contract import ParsedActivity

DAYS: Final = 730
WEEKLY_HOURS: Final = {"beginner": 3.2, "intermediate": 5.0, "advanced": 7.0, "elite": 10.0}
RUNNING_LEVEL: Final = {"beginner": 36.0, "intermediate": 44.0, "advanced": 52.0, "elite": 64.0}
CYCLING_LEVEL: Final = {"beginner": 170.0, "intermediate": 220.0, "advanced": 275.0, "elite": 330.0}
# Share of the week's hours and intensity factor of each day, Monday first.
WEEK: Final = ((0.0, 0.0), (0.16, 0.84), (0.13, 0.70), (0.17, 0.87), (0.0, 0.0), (0.18, 0.72), (0.36, 0.73))
TEST_EVERY_DAYS: Final = 38


@dataclass(frozen=True)
class SyntheticAthlete:
    """Who to make: a sport, a level, and the seed that fixes everything else."""

    name: str
    sport: str
    level: str
    tier: str
    sex: str
    birth_year: int
    seed: int


@dataclass
class SyntheticHistory:
    """Two years: activities, tests as (day, value), and thresholds that fit them."""

    activities: list[ParsedActivity] = field(default_factory=list)
    tests: list[tuple[date, float]] = field(default_factory=list)
    threshold_pace: float | None = None
    ftp: float | None = None


def synthetic_history(athlete: SyntheticAthlete, *, until: date, days: int = DAYS) -> SyntheticHistory:
    """Return an athlete's last `days` days up to the day before `until`."""
    rng = np.random.default_rng(athlete.seed)
    start = until - timedelta(days=days)
    base = (RUNNING_LEVEL if athlete.sport == "running" else CYCLING_LEVEL)[athlete.level] * rng.uniform(0.93, 1.07)
    history = SyntheticHistory()
    if athlete.sport == "running":
        history.threshold_pace = round(training_pace(base, "threshold"))
    else:
        history.ftp = round(base)
    loads = np.zeros(days)
    scale = _week_scales(rng, days // 7 + 1)
    for number in range(days):
        day = start + timedelta(days=number)
        share, intensity = WEEK[day.weekday()]
        hours = WEEKLY_HOURS[athlete.level] * scale[number // 7] * share * rng.uniform(0.85, 1.15)
        if hours < 0.25 or rng.random() < 0.07:
            continue
        factor = intensity * rng.uniform(0.97, 1.03)
        loads[number] = hours * factor**2 * 100
        history.activities.append(_activity(athlete, history, day, hours, factor, number))
    history.tests = _tests(rng, loads, base, start)
    return history


def _week_scales(rng: np.random.Generator, weeks: int) -> list[float]:
    """Return each week's size: blocks of four, a season's rise, an off-season, an illness now and then."""
    scales = []
    phase = int(rng.integers(0, 52))
    for week in range(weeks):
        season = 0.85 + 0.2 * math.sin(2 * math.pi * (week + phase) / 52)
        block = (0.95, 1.05, 1.15, 0.65)[week % 4]
        trend = 0.85 + 0.3 * week / weeks
        ill = 0.15 if rng.random() < 0.03 else 1.0
        scales.append(season * block * trend * ill)
    return scales


def _activity(
    athlete: SyntheticAthlete, history: SyntheticHistory, day: date, hours: float, factor: float, number: int
) -> ParsedActivity:
    running = athlete.sport == "running"
    seconds = round(hours * 3600)
    distance = (
        seconds * factor * 1000 / history.threshold_pace if history.threshold_pace else hours * 31_000 * factor**0.5
    )
    return ParsedActivity(
        source_name="synthetic history",
        line=None,
        started_at=datetime.combine(day, time(17 if day.weekday() < 5 else 9), tzinfo=UTC),
        day=day,
        sport="running" if running else "cycling",
        duration_s=float(seconds),
        moving_s=float(seconds),
        distance_m=round(distance, 1),
        mean_hr=round(172 * (0.35 + 0.65 * factor), 1),
        max_hr=188.0,
        normalised_power_w=None if running else round((history.ftp or 0) * factor, 1),
        mean_power_w=None if running else round((history.ftp or 0) * factor * 0.94, 1),
        fingerprint=f"synthetic-{athlete.seed}-{number}-{day.isoformat()}",
    )


def _tests(rng: np.random.Generator, loads: np.ndarray, base: float, start: date) -> list[tuple[date, float]]:
    """Return tests every five to six weeks, following a fitness–fatigue response to the loads."""
    tau1, tau2 = rng.uniform(34, 52), rng.uniform(7, 14)
    fitness_share, fatigue_share = rng.uniform(0.14, 0.26), rng.uniform(0.06, 0.12)
    mean = loads.mean()
    fitness, fatigue = 0.9 * mean * tau1, 0.9 * mean * tau2
    tests, due = [], int(rng.integers(40, 60))
    for number, load in enumerate(loads):
        fitness = fitness * math.exp(-1 / tau1) + load
        fatigue = fatigue * math.exp(-1 / tau2) + load
        if number >= due:
            gain = fitness_share * fitness / (mean * tau1) - fatigue_share * fatigue / (mean * tau2)
            value = base * (1 - fitness_share + fatigue_share + gain) * (1 + rng.normal(0, 0.013))
            tests.append((start + timedelta(days=number), round(float(value), 1)))
            due = number + TEST_EVERY_DAYS + int(rng.integers(-6, 7))
    return tests
