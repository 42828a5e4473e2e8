"""What every change to a head tells: the action and the state it led to for audit (B6), events for telemetry (D2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.scope import coach_of
from audit.services import record
from plans.document import changed_kinds
from plans.events import AUDIT_ACTION, FURTHER, TELEMETRY
from plans.models import Plan, PlanVersion
from plans.selectors import baseline_of, content_of
from plans.workflow import Action
from telemetry.services import emit


def announce(
    plan: Plan, version: PlanVersion, action: Action, *, details: Mapping[str, Any] | None = None, **telemetry: Any
) -> None:
    """Write the registered events of an action on a plan; call it after the head was saved."""
    name = AUDIT_ACTION[action]
    metadata = {**_version(version), **(details or {})}
    event = record(name, target_id=plan.pk, subject_id=plan.athlete_id, metadata=metadata)
    state = {
        **_version(version),
        "status": str(plan.status),
        "active_version_id": str(plan.active_version_id) if plan.active_version_id else None,
        "lock_version": plan.lock_version,
    }
    record(f"{name}_state", target_id=plan.pk, subject_id=plan.athlete_id, metadata=state, linked_to=event)
    data = {**telemetry_data(plan, version), **telemetry}
    for event_type in TELEMETRY[action]:
        emit(event_type, aggregate_id=plan.pk, data=data | _further(event_type, plan, version))


def telemetry_data(plan: Plan, version: PlanVersion) -> dict[str, Any]:
    """Return what every event about a plan carries (D2)."""
    return {
        "plan_id": str(plan.pk),
        "athlete": plan.athlete_id,
        "coach_id": coach_of(plan.athlete_id),
        "experiment_arm": plan.experiment_arm,
        "algorithm_version": version.provenance_json.get("algorithm_version", ""),
        "pipeline": plan.pipeline,
        "version_number": version.version_number,
    }


def _further(event_type: str, plan: Plan, version: PlanVersion) -> dict[str, Any]:
    """Return what an event tells besides what all of them do."""
    names = FURTHER.get(event_type, frozenset())
    found: dict[str, Any] = {}
    if "schedule" in names:
        found["schedule"] = _schedule(version) if plan.active_version_id == version.pk else None
    if "changes" in names:
        found["changes"], changed = changed_kinds(content_of(baseline_of(version)), content_of(version))
        found["changed"] = list(changed)
    return found


def _schedule(version: PlanVersion) -> list[dict[str, str]]:
    """Return what there is to be done and when: all sessions but rest and race, by day."""
    entries = content_of(version)["sessions"].items()
    due = sorted((entry["day"], key) for key, entry in entries if entry["kind"] not in ("rest", "race"))
    return [{"session_id": session_id, "day": day} for day, session_id in due]


def _version(version: PlanVersion) -> dict[str, Any]:
    return {
        "version_id": str(version.pk),
        "version_number": version.version_number,
        "content_sha256": version.content_sha256,
    }
