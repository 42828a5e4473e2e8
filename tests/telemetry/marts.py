"""A published build of a few rows, written by hand; and one that is large enough to be looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from telemetry.dashboards.asked import monday

AS_OF: Final = datetime(2026, 3, 2, 2, tzinfo=UTC)
LAST: Final = date(2026, 2, 23)
"""The Monday of the last full week before `AS_OF`."""
_TEXT, _NUMBER, _COUNT, _DAY, _YES = pa.string(), pa.float64(), pa.int64(), pa.date32(), pa.bool_()
_MOMENT: Final = pa.timestamp("us", tz="UTC")
_PLAN: Final = {"coach_id": _TEXT, "experiment_arm": _TEXT, "pipeline": _TEXT, "is_synthetic": _YES}
_FACT: Final = {"week": _DAY, "plan_id": _TEXT, "athlete": _TEXT, **_PLAN}
_SUMS: Final = {"numerator": _NUMBER, "denominator": _NUMBER, "n": _NUMBER}
KINDS: Final = ("volume", "intensity", "session_type", "order_of_sessions", "rest_days", "strength", "notes")
STEPS: Final = ("generated_at", "submitted_at", "approved_at", "published_at", "completed_at", "superseded_at")
SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "mart_metrics_weekly": {
        "metric": _TEXT, "week": _DAY, **_PLAN, "sport": _TEXT, "level": _TEXT, "tier": _TEXT, **_SUMS,
        "athletes": _COUNT,
    },
    "mart_success": {
        "metric": _TEXT, "week": _DAY, "weeks": _COUNT, "target": _NUMBER, "at_least": _YES, **_SUMS,
        "is_synthetic": _YES, "value": _NUMBER, "is_met": _YES,
    },
    "mart_plans": {
        "plan_id": _TEXT, "athlete": _TEXT, **_PLAN, "sport": _TEXT, **dict.fromkeys(STEPS, _MOMENT),
        "hours_to_review": _NUMBER, "hours_to_answer": _NUMBER, "hours_to_publishing": _NUMBER,
    },
    "mart_changes": {"week": _DAY, **_PLAN, "sport": _TEXT, "plans": _COUNT, **dict.fromkeys(KINDS, _COUNT)},
    "mart_edits": {"id": _TEXT, **_FACT, "sport": _TEXT, "volume_percent": _NUMBER, "load_percent": _NUMBER},
    "mart_accuracy": {
        "week": _DAY, "grade": _TEXT, "race": _TEXT, "algorithm_version": _TEXT, **_PLAN, "sport": _TEXT,
        "races": _COUNT, "error_percent_sum": _NUMBER, "absolute_error_percent_sum": _NUMBER,
        "squared_error_percent_sum": _NUMBER,
    },
    "mart_service_daily": {
        "day": _DAY, "route": _TEXT, "method": _TEXT, "is_synthetic": _YES, "requests": _NUMBER,
        "client_errors": _NUMBER, "server_errors": _NUMBER, "within_200_ms": _NUMBER,
    },
    "dim_athletes": {"athlete": _TEXT, "coach_id": _TEXT, "sport": _TEXT},
    "fct_plan_weeks": {**_FACT, "sessions_due": _NUMBER, "sessions_done": _NUMBER},
    "fct_approvals": {**_FACT, "hours_to_approval": _NUMBER, "changes": _NUMBER, "is_unchanged": _NUMBER,
                      "edits": _NUMBER},
    "fct_ratings": {**_FACT, "score": _NUMBER, "is_satisfied": _NUMBER},
    "fct_adoption": {**_FACT, "is_elite": _NUMBER, "has_tried": _NUMBER},
    "fct_ended_plans": {**_FACT, "is_completed": _NUMBER},
    "fct_races": {**_FACT, "grade": _TEXT, "race": _TEXT, "error_percent": _NUMBER,
                  "absolute_error_percent": _NUMBER, "improvement_percent": _NUMBER},
    "fct_recomputations": {**_FACT, "is_contradicted": _NUMBER, "is_compared": _NUMBER},
    "fct_athlete_weeks": {**_FACT, "is_active": _NUMBER, "acts": _NUMBER, "requests": _NUMBER, "reports": _NUMBER,
                          "was_active": _NUMBER, "is_retained": _NUMBER},
    "fct_generations": {**_FACT, "latency_ms": _NUMBER, "is_bad": _NUMBER, "wants_advanced": _NUMBER,
                        "has_wish": _NUMBER},
}  # fmt: skip
Rows = Sequence[Mapping[str, Any]]


def publish(root: Path, tables: Mapping[str, Rows], *, as_of: datetime = AS_OF, **told: Any) -> None:
    """Publish tables below `root` as a build does; those that are not given are empty, columns not given NULL."""
    folder = root / "marts" / "by-hand"
    folder.mkdir(parents=True)
    for name, columns in SCHEMAS.items():
        rows = [{"is_synthetic": False, **row} for row in tables.get(name, [])]
        data = {column: pa.array([row.get(column) for row in rows], kind) for column, kind in columns.items()}
        pq.write_table(pa.table(data), folder / f"{name}.parquet")
    document = {
        "name": "by-hand",
        "as_of": as_of.isoformat(),
        "built_at": as_of.isoformat(),
        "seconds": 3.2,
        "target": "duckdb",
        "events": 1234,
        "quarantined": 0,
        "newest_event": as_of.isoformat(),
        "has_synthetic": False,
        "tests": 140,
        "tables": sorted(SCHEMAS),
        **told,
    }
    (root / "current.json").write_text(json.dumps(document))


def weekly(metric: str, week: date, numerator: float, denominator: float, **more: Any) -> dict[str, Any]:
    """Return a row of mart_metrics_weekly; n is the denominator."""
    row = {"metric": metric, "week": week, "experiment_arm": "", "pipeline": "", "sport": "running"}
    return {**row, "numerator": numerator, "denominator": denominator, "n": denominator, **more}


def success(metric: str, week: date, numerator: float, denominator: float) -> dict[str, Any]:
    """Return the columns of mart_success that pages read."""
    sums = {"numerator": numerator, "denominator": denominator, "n": denominator}
    return {"metric": metric, "week": week, **sums, "is_synthetic": False}


def looked_at(as_of: datetime, coaches: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return tables that fill every page, for pictures: a smooth invented season, marked as synthetic."""
    last = monday(as_of.date()) - timedelta(days=7)
    weeks = [last - timedelta(days=7 * back) for back in range(15, -1, -1)]
    arms = (("engine:advanced", "advanced", 0.04), ("engine:control", "simplified", 0.0))
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}
    for i, week in enumerate(weeks):
        for name, part, whole in (
            ("adoption_elite", 20 + i, 50),
            ("plan_completion", 76 + i % 4, 100),
            ("satisfaction", 380 + 3 * i, 100),
            ("prediction_error", 330 - 6 * i, 60),
            ("satisfied", 81 + i % 3, 100),
            ("retention", 70 + i, 100),
        ):
            found["mart_success"].append({**success(name, week, part, whole), "is_synthetic": True})
        for c, coach in enumerate(coaches):
            found["mart_changes"].append(
                {"week": week, "coach_id": coach, "sport": "running", "experiment_arm": "", "plans": 4 if c else 1,
                 **{kind: min((c + k) % 3, 4 if c else 1) for k, kind in enumerate(KINDS)}, "is_synthetic": True}
            )  # fmt: skip
            for arm, pipeline, lift in arms:
                who = {"coach_id": coach, "experiment_arm": arm, "pipeline": pipeline, "is_synthetic": True}
                done = 100 * (0.68 + lift * min(i / 8, 1) + 0.01 * ((i * 7 + c) % 5))
                found["mart_metrics_weekly"] += [
                    weekly("adherence", week, done, 100, **who),
                    weekly("time_to_approval", week, 30 + (i + c) % 7, 1, **who),
                    weekly("acceptance", week, 60 + 10 * bool(lift), 100, **who),
                ]
                found["mart_plans"].append(_plan(week, i, who))
    for grade, races, error in (("calibrated", 80, 2.9), ("provisional", 40, 4.4), ("population", 9, 7.1)):
        sums = {"error_percent_sum": races * 0.4, "absolute_error_percent_sum": races * error}
        squares = {"squared_error_percent_sum": races * error**2 * 1.5}
        row = {"week": last, "grade": grade, "race": "10k", "pipeline": "advanced", "sport": "running", "races": races}
        found["mart_accuracy"].append({**row, **sums, **squares, "is_synthetic": True, "coach_id": coaches[0]})
    for back in range(84):
        for route, requests, bad in (("api/v1/plans", 4000, 12), ("admin/plans/plan/", 900, 0)):
            day = as_of.date() - timedelta(days=back + 1)
            counts = {"requests": requests, "server_errors": bad * (1 + back % 3), "client_errors": 40}
            quick = {"within_200_ms": requests * (0.97 - 0.01 * (back % 4))}
            found["mart_service_daily"].append({"day": day, "route": route, "method": "GET", **counts, **quick})
    return found


def _plan(week: date, i: int, who: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan made in a week; older ones came further."""
    made = datetime(week.year, week.month, week.day, 9, tzinfo=UTC)
    steps = {name: made + timedelta(hours=12 * n) for n, name in enumerate(STEPS[: 5 if i < 8 else 4 if i < 15 else 1])}
    return {"plan_id": f"{who['coach_id']}-{who['experiment_arm']}-{i}", "athlete": f"v1:{i}", "sport": "running",
            "hours_to_review": 7.4, "hours_to_answer": 14.0, "hours_to_publishing": 1.5, **steps, **who}  # fmt: skip
