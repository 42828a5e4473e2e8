"""A small feature store with planted habits of coaches, as the export writes one; everybody in it is made up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from modeling.training.contract import TABLES
from modeling.training.store import FeatureStore
from modeling.training.store_files import write_manifest
from modeling.training.store_write import write_table

BEGIN: Final = datetime(2026, 1, 5, 8, tzinfo=UTC)
KINDS: Final = ("easy", "long", "tempo", "interval", "strength")
WEEKS: Final = 6


@dataclass(frozen=True)
class World:
    """coaches, athletes of each, plans of each athlete. chance: of an override of a session, by (coach number, kind,
    weekday). coach_token, athlete_token: of a number."""

    coaches: int = 6
    athletes: int = 4
    plans: int = 3
    chance: Callable[[int, str, int], float] = lambda coach, kind, weekday: 0.05
    coach_token: Callable[[int], str] = lambda number: f"v1:c{number:05}"
    athlete_token: Callable[[int], str] = lambda number: f"v1:a{number:05}"
    begin: datetime = BEGIN
    seed: int = 0


def write_store(root: Path, world: World) -> FeatureStore:
    """Write a store and open it."""
    rows = rows_of(world)
    parts = {name: write_table(root, TABLES[name], found) for name, found in rows.items()}
    write_manifest(root, parts, exported_at=world.begin + timedelta(days=365))
    return FeatureStore.open(str(root))


def rows_of(world: World) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every table that has any."""
    draw, rows = Random(world.seed), defaultdict(list)
    for number in range(world.coaches * world.athletes):
        athlete, coach = world.athlete_token(number), number % world.coaches
        _add(
            rows, "athletes", world.begin - timedelta(days=30), athlete=athlete, tier="basic", birth_year=1990,
            sport=("running", "cycling")[number % 2], level=("beginner", "advanced")[number // 2 % 2],
            sex="unspecified", is_synthetic=True,
        )  # fmt: skip
        for order in range(world.plans):
            at = world.begin + timedelta(days=7 * WEEKS * order + number % 3)
            _plan(rows, world, draw, f"p{number:04}-{order}", athlete, coach, at)
    return rows


def _plan(rows: Any, world: World, draw: Random, plan: str, athlete: str, coach: int, at: datetime) -> None:
    token, submitted = world.coach_token(coach), at + timedelta(hours=5)
    _add(
        rows, "plans", at, athlete=athlete, plan=plan, version_number=1, coach=token, race="10k",
        race_date=(at + timedelta(weeks=WEEKS)).date(), pipeline="advanced", algorithm_version="1",
    )  # fmt: skip
    _add(
        rows, "reviews", submitted, athlete=athlete, review=f"r-{plan}", plan=plan, version_number=2,
        baseline_number=1, coach=token, decision="submit", is_override=False,
    )  # fmt: skip
    changed = due = 0
    for week in range(WEEKS):
        for weekday, kind in ((0, "easy"), (1, "interval"), (3, "tempo"), (5, "long"), (6, "strength"), (4, "long")):
            monday = at.date() - timedelta(days=at.weekday()) + timedelta(weeks=week + 1)
            day, session = monday + timedelta(days=weekday), f"s-{plan}-{week}-{weekday}"
            phase = ("base", "build", "peak", "taper")[min(week * 4 // WEEKS, 3)]
            _add(
                rows, "sessions", at, athlete=athlete, plan=plan, version_number=1, role="proposed", session=session,
                day=day, kind=kind, modality="running", minutes=60.0, load=50.0, key_session=kind == "long",
                phase=phase, is_recovery=False, week_number=week + 1, weeks_to_race=WEEKS - week - 1,
            )  # fmt: skip
            due += 1
            if draw.random() < world.chance(coach, kind, weekday):
                changed += 1
                _add(
                    rows, "overrides", submitted, athlete=athlete, review=f"r-{plan}", plan=plan, version_number=2,
                    baseline_number=1, coach=token, session=session, adjustment="volume", day=day, volume_factor=0.8,
                    load_factor=0.8, from_kind=kind, to_kind=kind, reason="travel" if kind == "long" else "fatigue",
                )  # fmt: skip
            done_at = datetime(day.year, day.month, day.day, 20, tzinfo=UTC)
            status = "done" if draw.random() < 0.8 else "skipped"
            _add(
                rows, "completions", done_at, athlete=athlete, completion=f"c-{session}", plan=plan, session=session,
                day=day, status=status, minutes=50.0,
            )  # fmt: skip
    ended = at + timedelta(weeks=WEEKS)
    _add(
        rows, "outcomes", ended, athlete=athlete, plan=plan, version_number=2, coach=token, from_day=at.date(),
        until_day=ended.date(), due=due, done=due * (0.7 + 0.02 * min(changed, 10)),
        improvement_percent=draw.gauss(1, 1),
    )  # fmt: skip


def _add(rows: Any, table: str, at: datetime, **values: Any) -> None:
    rows[table].append({"event_at": at, "available_at": at, **values})
