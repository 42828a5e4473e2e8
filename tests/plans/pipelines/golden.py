"""The 24 golden plans: every race at every level, each pipeline among them, as text that a coach can read.

`python -m tests.plans.pipelines.golden --write` writes them anew; read the difference before committing it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from modeling.core.guard_checks import mornings
from modeling.core.posterior import fit_posterior
from modeling.core.series import LoadSeries, PerformanceTest
from plans.pipelines.contract import AthleteSnapshot, PlannedSession, PlannedWeek, ProposedPlan, RaceGoal, Thresholds
from plans.pipelines.registry import generate

FOLDER = Path(__file__).parents[1] / "golden"
TODAY = date(2026, 1, 5)
LEVELS = ("beginner", "intermediate", "advanced", "elite")
WEEKS_AHEAD = {"5k": 10, "10k": 12, "half_marathon": 14, "marathon": 18, "40km_tt": 12, "gran_fondo": 16}
PIPELINES = ("template", "simplified", "advanced", "auto")
WEEK_LOAD = {"beginner": 150, "intermediate": 290, "advanced": 440, "elite": 640}
DAYS = {"beginner": 4, "intermediate": 5, "advanced": 6, "elite": 7}
VDOT = {"beginner": 35.0, "intermediate": 45.0, "advanced": 54.0, "elite": 68.0}
WATTS = {"beginner": 170.0, "intermediate": 230.0, "advanced": 300.0, "elite": 380.0}
SHARES = {4: (0, 0.25, 0, 0.22, 0, 0.18, 0.35), 5: (0, 0.2, 0.15, 0.2, 0, 0.13, 0.32),
          6: (0, 0.19, 0.13, 0.19, 0.09, 0.1, 0.3), 7: (0.08, 0.18, 0.12, 0.18, 0.07, 0.09, 0.28)}  # fmt: skip


def cases() -> Iterator[tuple[str, str, str]]:
    """Yield (race, level, pipeline): each pipeline six times, on different races."""
    for row, race in enumerate(WEEKS_AHEAD):
        for column, level in enumerate(LEVELS):
            yield race, level, PIPELINES[(row + column) % len(PIPELINES)]


def athlete_of(race: str, level: str) -> tuple[AthleteSnapshot, RaceGoal]:
    """Return an ordinary athlete of a level: 40 weeks of history with recovery weeks, eight tests, usual days."""
    running = race not in ("40km_tt", "gran_fondo")
    rng = np.random.default_rng(LEVELS.index(level) * 10 + list(WEEKS_AHEAD).index(race))
    week = WEEK_LOAD[level] * (1.0 if running else 1.15)
    shares = np.array(SHARES[DAYS[level]])
    loads = np.concatenate(
        [
            week * (0.8 + 0.2 * k / 40) * (0.7 if k % 4 == 3 else 1.0) * shares * rng.normal(1, 0.05, 7)
            for k in range(40)
        ]
    )
    loads[-7:] *= 0.95 / 0.7  # the week before the plan is an ordinary one
    start = TODAY - timedelta(days=len(loads))
    series = LoadSeries.from_daily({start + timedelta(days=k): float(v) for k, v in enumerate(loads) if v > 0},
                                   start=start, until=TODAY - timedelta(days=1))  # fmt: skip
    level_value = (VDOT if running else WATTS)[level]
    tests = tuple(
        PerformanceTest(
            start + timedelta(days=30 + 33 * k), level_value * (0.97 + 0.004 * k) * float(rng.normal(1, 0.01)), "race"
        )
        for k in range(8)
    )
    ctl, _ = mornings(loads, float(loads[:28].mean()), float(loads[:28].mean()))
    weeks = loads.reshape(-1, 7).sum(axis=1)
    longest = float(loads[-30:].max())
    snapshot = AthleteSnapshot(
        athlete_id=f"golden-{level}", sport="running" if running else "cycling", level=level, age=34, sex="male",  # type: ignore[arg-type]
        today=TODAY, series=series, tests=tests, longest_session_load_30d=longest,
        longest_session_minutes_30d=longest / 50 * 60, best_ctl_year=float(ctl.max()),
        median_week_load_year=float(np.median(weeks)), thresholds=Thresholds(ftp_w=None if running else level_value),
        fit=fit_posterior(series, tests), grade="calibrated", data_hash="golden",
    )  # fmt: skip
    days = {4: {1, 3, 5, 6}, 5: {1, 2, 3, 5, 6}, 6: {1, 2, 3, 4, 5, 6}, 7: set(range(7))}[DAYS[level]]
    race_date = TODAY + timedelta(days=7 * WEEKS_AHEAD[race] - 1)
    return snapshot, RaceGoal(race_date, race, None, frozenset(days))


def plan_of(race: str, level: str, pipeline: str) -> tuple[ProposedPlan, AthleteSnapshot, RaceGoal]:
    """Return the golden plan of a case."""
    athlete, goal = athlete_of(race, level)
    return generate(pipeline, athlete, goal, seed=1), athlete, goal


def clock(seconds: float) -> str:
    """Return seconds as h:mm:ss."""
    return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"


def render(plan: ProposedPlan, race: str, level: str, pipeline: str) -> str:
    """Return a plan as text: head, then week by week, one line a session."""
    lines = [f"{race} · {level} · asked for {pipeline}, made by {plan.pipeline} · from {plan.start}"]
    if plan.predicted is not None:
        p = plan.predicted
        lines.append(f"predicted {clock(p.value)} ({clock(p.low)} to {clock(p.high)}, {p.level:.0%})")
    lines += [f"! {warning}" for warning in plan.warnings]
    lines += [f"relaxed: {r.guard} by {r.amount:.2f} {r.unit}, {r.week_or_day}" for r in plan.relaxed]
    for week in plan.weeks:
        lines += ["", *_week(week)]
    return "\n".join(lines) + "\n"


def _week(week: PlannedWeek) -> list[str]:
    minutes = sum(_minutes(s) for s in week.sessions)
    load = sum(s.load for s in week.sessions)
    kind = f"{week.phase}, recovery" if week.is_recovery and week.phase != "recovery" else week.phase
    head = f"Week {week.number} ({week.monday}) {kind}: {load:.0f} TSS, {minutes / 60:.1f} h"
    return [head, *(_session(s) for s in week.sessions)]


def _minutes(session: PlannedSession) -> float:
    return float(session.prescribed_work.get("duration_min") or 0)


def _session(s: PlannedSession) -> str:
    key = "*" if s.key_session else " "
    text = str(s.prescribed_work.get("summary") or "")
    return f"  {s.day:%a %d %b} {key} {s.kind:<10} {s.title:<12} {_minutes(s):4.0f} min {s.load:6.1f}  {text}".rstrip()


def main() -> None:
    """Write the golden files, or print one with `RACE LEVEL`."""
    if "--write" in sys.argv:
        FOLDER.mkdir(exist_ok=True)
        for race, level, pipeline in cases():
            (FOLDER / f"{race}-{level}.txt").write_text(
                render(plan_of(race, level, pipeline)[0], race, level, pipeline), "utf-8"
            )
        return
    race, level = sys.argv[1:3]
    pipeline = next(p for r, lv, p in cases() if (r, lv) == (race, level))
    sys.stdout.write(render(plan_of(race, level, pipeline)[0], race, level, pipeline))


if __name__ == "__main__":
    main()
