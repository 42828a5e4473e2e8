"""What every change to a head tells: the action and the state it led to for audit (B6), events for telemetry (D2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.models import CoachLink
from accounts.scope import links_that_hold
from audit.services import record
from plans.events import AUDIT_ACTION, TELEMETRY
from plans.models import Plan, PlanVersion
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
        emit(event_type, aggregate_id=plan.pk, data=data)


def telemetry_data(plan: Plan, version: PlanVersion) -> dict[str, Any]:
    """Return what every event about a plan carries (D2)."""
    links = CoachLink.objects.filter(links_that_hold(), athlete=plan.athlete_id).order_by("active_from", "pk")
    return {
        "plan_id": str(plan.pk),
        "athlete": plan.athlete_id,
        "coach_id": links.values_list("coach_id", flat=True).first(),
        "experiment_arm": plan.experiment_arm,
        "algorithm_version": version.provenance_json.get("algorithm_version", ""),
        "pipeline": plan.pipeline,
        "version_number": version.version_number,
    }


def _version(version: PlanVersion) -> dict[str, Any]:
    return {
        "version_id": str(version.pk),
        "version_number": version.version_number,
        "content_sha256": version.content_sha256,
    }
