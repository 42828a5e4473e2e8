"""The what-if of an edited 20-week plan, against generating that plan anew in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from itertools import cycle
from statistics import median
from typing import Any, Final

from bench.rows import Row
from modeling.core.posterior import PosteriorFit
from plans.document import document, session_entry
from plans.pipelines.contract import AthleteSnapshot, PlannedSession, ProposedPlan, RaceGoal
from plans.pipelines.registry import generate
from plans.whatif import MOST_SIDES, WhatIfContext, as_json, context_of, what_if
from tests.plans.pipelines.golden import athlete_of

WEEKS: Final = 20
MOST_MS: Final = 5.0
SMALLER: Final = 0.9
"""Every load is edited: each day differs, so no shortcut for equal days can help."""


def run(quick: bool = False) -> list[Row]:
    """Return the rows of this part; `quick` measures fewer repeats."""
    athlete, goal = athlete_of("marathon", "intermediate")
    goal = RaceGoal(athlete.today + timedelta(days=WEEKS * 7 - 1), goal.race, None, goal.available_days)
    plan = generate("advanced", athlete, goal, seed=1)
    before = document((s.session_id, _entry(s)) for week in plan.weeks for s in week.sessions)["sessions"]
    context = _context(plan, athlete, goal, before)
    anew = _median_ms(lambda: generate("advanced", athlete, goal, seed=1), 5 if quick else 15)
    edits = cycle(_edits(before))  # more than a context keeps: each edit is new to it, the head's side is not
    ours = _median_ms(lambda: what_if(context, before, next(edits)), 20 if quick else 100)
    shown = _median_ms(lambda: as_json(what_if(context, before, next(edits))), 20 if quick else 100)
    first = _median_ms(lambda: _context(plan, athlete, goal, before), 5 if quick else 15)
    nodes = len(_fit(athlete).weight)
    name = f"what-if, {WEEKS} weeks, {len(before)} sessions, {nodes} nodes"
    return [
        Row(f"{name} / generate", ours, anew, anew / ours, "ms", f"< {MOST_MS:.0f} ms", ours < MOST_MS),
        Row("the same with its JSON / generate", shown, anew, anew / shown, "ms"),
        Row("its context, once a plan / generate", first, anew, anew / first, "ms"),
    ]


def _edits(before: dict[str, dict[str, Any]]) -> list[dict[str, dict[str, Any]]]:
    """Return edits of every session, each by another share."""
    shares = [SMALLER - i / 500 for i in range(2 * MOST_SIDES)]
    return [{k: e | {"load": round(e["load"] * share, 1)} for k, e in before.items()} for share in shares]


def _context(
    plan: ProposedPlan, athlete: AthleteSnapshot, goal: RaceGoal, before: dict[str, dict[str, Any]]
) -> WhatIfContext:
    """Return the context, from frames as a version stores them."""
    weeks = [
        {
            "number": week.number,
            "monday": week.monday.isoformat(),
            "phase": week.phase,
            "is_recovery": week.is_recovery,
            "target_load": week.target_load,
        }
        for week in plan.weeks
    ]
    return context_of(athlete, goal, weeks, before)


def _entry(session: PlannedSession) -> dict[str, Any]:
    fields = asdict(session) | {"day": session.day.isoformat()}
    del fields["session_id"]
    return session_entry(**fields)


def _fit(athlete: AthleteSnapshot) -> PosteriorFit:
    assert athlete.fit is not None
    return athlete.fit


def _median_ms(work: Callable[[], object], repeats: int) -> float:
    work()
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return median(taken) * 1000
