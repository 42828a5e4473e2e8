"""The real series, as the fit wants them."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest

from modeling.core.performance import vdot
from modeling.core.series import LoadSeries, PerformanceTest

START = date(2020, 1, 1)
Inputs = tuple[LoadSeries, list[PerformanceTest]]


@pytest.fixture(scope="session")
def cyclist(shared_data: Path) -> Inputs:
    """165 days of load and nine 5-minute power tests (Clarke & Skiba 2013)."""
    with (shared_data / "banister" / "cyclist_165_days.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    days = [START + timedelta(days=int(row["Day"]) - 1) for row in rows]
    daily = {day: float(row["BikeScore"] or 0) for day, row in zip(days, rows, strict=True)}
    power = [(day, row["Test_5min_Power"]) for day, row in zip(days, rows, strict=True)]
    return LoadSeries.from_daily(daily), [PerformanceTest(day, float(watts), "lab") for day, watts in power if watts]


@pytest.fixture(scope="session")
def runner(shared_data: Path) -> Inputs:
    """A runner's loads, and the best near-maximal effort of each 7-day block (heart rate ≥ 167, ≥ 4.5 km)."""
    daily: dict[date, float] = {}
    best: dict[int, tuple[float, date]] = {}
    with (shared_data / "history" / "runner_2022_2026.csv").open() as file:
        for row in csv.DictReader(file):
            day = date.fromisoformat(row["date"])
            daily[day] = daily.get(day, 0.0) + float(row["load"] or 0)
            if row["hr"] and float(row["hr"]) >= 167 and float(row["dist_m"]) >= 4500:
                block = (day - date(2022, 1, 1)).days // 7
                value = vdot(float(row["dist_m"]), float(row["mov_s"]))
                best[block] = max(best.get(block, (0.0, day)), (value, day))
    tests = [PerformanceTest(day, value, "field") for value, day in sorted(best.values(), key=lambda pair: pair[1])]
    return LoadSeries.from_daily(daily), tests
