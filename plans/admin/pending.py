"""The pending plans as a coach's first page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from django.utils.translation import gettext

from accounts.models import User
from common.translating.showing import shown
from plans.pending import MOST, Pending, pending_plans
from plans.presentation import clock_text, race_label
from plans.schedule import WeekAdherence

FILTERS: Final = (
    ("waiting", "Over 48 h"),
    ("guards", "Guard warnings"),
    ("soon", "Race within 6 wk"),
    ("changed", "New to you"),
    ("uncertain", "Not calibrated"),
)
DOTS: Final = {"calibrated": 3, "provisional": 2, "population": 1}
LOW_ADHERENCE: Final = 75.0
PLOT_SHARE: Final = 0.05
"""Half the width of the plot of a prediction, as a share of the time in its middle: one scale for every row."""
REASON_WORDS: Final = {
    "time_constraint": "time",
    "athlete_preference": "athlete's wish",
    "coach_judgement": "judgement",
}


def pending_context(user: User) -> dict[str, Any]:
    """Return what the page shows."""
    rows = pending_plans(user)
    tags = [tag for row in rows for tag in row.tags]
    return {
        "rows": [_row(row) for row in rows],
        "filters": [{"name": name, "label": shown(label), "count": tags.count(name)} for name, label in FILTERS],
        "is_cut": len(rows) == MOST,
        "oldest": _waited(rows[0].waiting) if rows else "",
    }


def _row(row: Pending) -> dict[str, Any]:
    plan, head = row.plan, row.plan.head_version
    assert head is not None
    return {
        "plan": plan,
        "version": head.version_number,
        "race": race_label(plan.race),
        "weeks": row.weeks_to_go,
        "is_soon": "soon" in row.tags,
        "grade": shown(row.grade),
        "is_population": row.grade == "population",
        "dots": "●" * DOTS.get(row.grade, 1) + "○" * (3 - DOTS.get(row.grade, 1)),
        "guards": row.guards,
        "predicted": _predicted(head.predicted_json, plan.goal_seconds),
        "adherence": _adherence(row.adherence),
        "marks": [
            (sign, row.since_look[name], f"{row.since_look[name]} {shown(name)}")
            for name, sign in (("added", "+"), ("removed", "−"), ("replaced", "~"))
            if row.since_look.get(name)
        ],
        "reasons": ", ".join(shown(REASON_WORDS.get(reason, reason)) for reason in row.reasons),
        "is_new": row.is_new,
        "state": shown(plan.state.label),
        "waited": _waited(row.waiting),
        "is_late": "waiting" in row.tags,
        "tags": " ".join(row.tags),
    }


def _adherence(weeks: Sequence[WeekAdherence]) -> dict[str, Any]:
    """Return a bar a week, oldest first, in per cent of the height, and the share of all of them."""
    due, done = sum(week.due for week in weeks), sum(week.done for week in weeks)
    said = (f"{week.percent:.0f} %" if week.percent is not None else shown("nothing due") for week in weeks)
    return {
        "bars": [
            {"height": max(week.percent, 6), "is_low": week.percent < LOW_ADHERENCE} if week.percent is not None else {}
            for week in weeks
        ],
        "percent": f"{100 * done / due:.0f} %" if due else "",
        "is_low": bool(due) and 100 * done / due < LOW_ADHERENCE,
        "sentence": shown(f"Adherence by week, oldest first: {', '.join(said)}"),
    }


def _predicted(predicted: dict[str, Any] | None, goal: float | None) -> dict[str, Any] | None:
    """Return a prediction as text and as a plot around the goal (or itself): per cent of the plot's width."""
    if not predicted:
        return None
    value, low, high = (float(predicted[name]) for name in ("value", "low", "high"))
    middle = goal or value

    def place(seconds: float) -> float:
        return round(min(max(50 + 50 * (seconds / middle - 1) / PLOT_SHARE, 0), 100), 1)

    gap = value - goal if goal else None
    return {
        "text": clock_text(value),
        "spread": clock_text((high - low) / 2),
        "goal": clock_text(goal) if goal else "",
        "gap": f"{'+' if gap > 0 else '−'}{clock_text(abs(gap))}" if gap else "",
        "left": place(low),
        "width": round(place(high) - place(low), 1),
        "dot": place(value),
        "sentence": shown(f"{clock_text(low)} to {clock_text(high)} with 80 %"),
    }


def _waited(waiting: timedelta) -> str:
    hours = int(waiting.total_seconds() // 3600)
    if hours >= 24:
        return gettext("{days} d {hours} h").format(days=hours // 24, hours=hours % 24)
    return f"{hours} h" if hours else f"{int(waiting.total_seconds() // 60)} min"
