"""A small data set, written out: two athletes, three plans, and what others might leave among our files."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.telemetry.warehouse.building import AS_OF, ATHLETE, COACH, COACH_2, OTHER, envelope, uid

KIND = "activity.imported"


def _plan(number: int, athlete: str, coach: str, arm: str) -> dict[str, Any]:
    return {
        "plan_id": uid(number),
        "athlete": athlete,
        "coach_id": coach,
        "experiment_arm": arm,
        "algorithm_version": "1",
        "pipeline": "advanced" if arm else "simplified",
        "version_number": 1,
    }


def written_out() -> list[dict[str, Any]]:
    """Return the events of the plans."""
    first, second, third = (
        _plan(1, ATHLETE, COACH, "x:b"),
        _plan(2, OTHER, COACH, ""),
        _plan(3, OTHER, COACH_2, ""),
    )
    made = {"grade": "calibrated", "race": "10k", "outcome": "ok", "variant": "", "preference": ""}
    plain = {"volume_percent": 0.0, "load_percent": 0.0, "reasons": [], "is_override": False}
    days = ("2026-02-09", "2026-02-11", "2026-02-16", "2026-03-05")
    schedule = [{"session_id": uid(100 + n), "day": day} for n, day in enumerate(days)]
    edit = {**plain, "volume_percent": -10.0, "reasons": ["travel"]}
    race = {"race": "10k", "grade": "calibrated", "unit": "vdot", "predicted": 52.0, "predicted_low": 50.0,
            "predicted_high": 54.0, "raced": 50.0, "error_percent": 4.0, "before": 48.0,
            "improvement_percent": 4.1667, "raced_on": "2026-02-17"}  # fmt: skip
    told = [
        ("plan.generated", "2026-02-02T06:00", first["plan_id"], {**first, **made}),
        ("plan.edited", "2026-02-02T08:00", first["plan_id"], {**first, **edit}),
        ("plan.edited", "2026-02-02T08:30", first["plan_id"], {**first, **edit, "volume_percent": -20.0}),
        ("plan.submitted", "2026-02-02T09:00", first["plan_id"], {**first, **plain}),
        ("plan.approved", "2026-02-02T18:00", first["plan_id"],
         {**first, **plain, "changes": 3, "changed": ["rest_days", "volume"]}),
        ("plan.published", "2026-02-02T18:00", first["plan_id"], {**first, **plain, "schedule": schedule[:2]}),
        # Before the first session, one is moved and one added: the last schedule counts.
        ("plan.version.updated", "2026-02-08T18:00", first["plan_id"], {**first, **plain, "schedule": schedule}),
        ("session.completed", "2026-02-09T08:00", first["plan_id"],
         {**first, "session_id": uid(100), "status": "skipped", "rpe": None, "day": days[0]}),
        ("session.completed", "2026-02-09T20:00", first["plan_id"],
         {**first, "session_id": uid(100), "status": "done", "rpe": 4, "day": days[0]}),
        ("session.completed", "2026-02-11T20:00", first["plan_id"],
         {**first, "session_id": uid(101), "status": "partly", "rpe": 7, "day": days[1]}),
        ("race.result", "2026-02-17T12:00", first["plan_id"], {**first, **race}),
        ("plan.completed", "2026-02-17T12:00", first["plan_id"], {**first, **plain}),
        ("cycle.rated", "2026-02-18T12:00", first["plan_id"], {**first, "score": 2}),
        ("cycle.rated", "2026-02-19T12:00", first["plan_id"], {**first, "score": 5}),
        ("plan.generated", "2026-02-03T00:00", second["plan_id"], {**second, **made}),
        ("plan.submitted", "2026-02-03T01:00", second["plan_id"], {**second, **plain}),
        ("plan.approved", "2026-02-03T02:00", second["plan_id"], {**second, **plain, "changes": 0, "changed": []}),
        ("plan.generated", "2026-02-24T00:00", third["plan_id"], {**third, **made}),
    ]  # fmt: skip
    return [envelope(1000 + n, *one) for n, one in enumerate(told)]


def leave_rows_of_others(folder: Path) -> None:
    """Write what a relay of ours never would: nothing of it was checked against a schema."""
    fine = json.dumps({"athlete": ATHLETE, "sport": "running", "added": 3, "known": 0, "tests": 0, "problems": 0})
    urn, moment, ours = f"urn:mesocycle:event:{KIND}:1", AS_OF - timedelta(days=3), "/mesocycle"
    told = [
        (uid(1), ours, KIND, ATHLETE, urn, moment, moment, fine),
        (uid(1), ours, KIND, ATHLETE, urn, moment, moment + timedelta(minutes=1), fine),
        (uid(2), ours, KIND, ATHLETE, urn, moment - timedelta(days=8), moment, fine),
        (uid(3), ours, KIND, ATHLETE, urn, moment + timedelta(minutes=6), moment, fine),
        (uid(4), ours, KIND, ATHLETE, urn, moment, moment, "{"),
        (uid(5), ours, KIND, ATHLETE, urn, moment, moment, "[1]"),
        (uid(6), ours, KIND, ATHLETE, urn, moment, moment, fine.replace('"added": 3, ', "")),
        (uid(7), ours, KIND, ATHLETE, urn, moment, moment, fine.replace("3", '"three"')),
        (uid(8), ours, "nobody.knows", ATHLETE, "urn:mesocycle:event:nobody.knows:1", moment, moment, fine),
        (uid(9), ours, KIND, ATHLETE, f"urn:mesocycle:event:{KIND}:99", moment, moment, fine),
        (uid(10), ours, KIND, None, urn, moment, moment, fine),
        (None, ours, KIND, ATHLETE, urn, moment, moment, fine),
        (uid(12), ours, KIND, ATHLETE, urn, moment, AS_OF + timedelta(seconds=1), fine),  # not known yet
        (uid(13), ours, KIND, ATHLETE, urn, moment, moment, fine.replace("3", "1e999")),
        (uid(14), ours, KIND, ATHLETE, urn, moment, moment, fine.replace("running", "\\u0000")),
    ]  # fmt: skip
    names = ("id", "source", "type", "subject", "dataschema", "time", "recorded_at", "data")
    kinds = [pa.timestamp("us", tz="UTC") if name in ("time", "recorded_at") else pa.string() for name in names]
    columns = [pa.array(column, kind) for column, kind in zip(zip(*told, strict=True), kinds, strict=True)]
    folder = folder / f"type={KIND}" / "day=2026-02-27"
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns, names=list(names)), folder / "others.parquet")
    pq.write_table(pa.table({"id": [1]}), folder / "another-layout.parquet")
    (folder / "torn.parquet").write_bytes(b"PAR1 and then the power went")
    (folder / ".being-written.parquet").write_bytes(b"")
