"""Storing a generated plan as a head, its immutable first version (the baseline) and sessions."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from audit.services import record
from common import clock
from experiments.services.exposing import Arm
from plans.document import content_sha256, document, session_entry
from plans.generation import Generated
from plans.models import Outcome, Plan, PlanGeneration, PlanVersion, State
from plans.pipelines.contract import PlannedSession, RaceGoal
from plans.services.announce import telemetry_data
from plans.services.in_experiment import mark
from plans.services.tell_generation import tell_settled
from plans.services.versions import Frame, store_first_content
from rollout.attribution import Attribution
from rollout.services.outcomes import record_answer
from telemetry.services import emit

logger = logging.getLogger("mesocycle.plans")


def store_plan(generation: PlanGeneration, generated: Generated, goal: RaceGoal, arms: tuple[Arm, ...] = ()) -> Plan:
    """Write plan, version 1 and sessions, settle the generation's record and tell audit and telemetry.

    Runs inside the caller's unit of work, after it authorised: either all of it is there or none.
    """
    plan = Plan.objects.create(
        athlete=generation.athlete,
        created_by_id=generation.requested_by_id,
        race=goal.race,
        race_date=goal.race_date,
        goal_seconds=goal.goal_seconds,
        available_days=sorted(goal.available_days),
        pipeline=generated.pipeline,
    )
    version = _store_version(plan, generation, generated)
    plan.head_version = version
    mark(plan, generation, arms)
    plan.save()
    generation.plan, generation.pipeline = plan, generated.pipeline
    generation.outcome = Outcome.FALLBACK if generated.failure else Outcome.OK
    generation.failure, generation.latency_ms = generated.failure or generated.trouble, generated.latency_ms
    generation.settled_at = clock.now()
    generation.save()
    tell_outcome(generation, generated)
    _tell(plan, version, generation)
    tell_settled(generation, version.provenance_json)
    return plan


def tell_outcome(generation: PlanGeneration, generated: Generated) -> None:
    """Count the answer for the arm that gave it."""
    record_answer(
        attribution=Attribution.from_json(generation.flag_json.get("rollout", {})),
        athlete_id=generation.athlete_id,
        source_id=generation.pk,
        latency_ms=generated.latency_ms,
        fallback=bool(generated.failure),
        invalid=generated.invalid,
        cost_seconds=generated.latency_ms / 1000,
    )


def _store_version(plan: Plan, generation: PlanGeneration, generated: Generated) -> PlanVersion:
    sessions = [session for week in generated.plan.weeks for session in week.sessions]
    content = document((session.session_id, entry_of(session)) for session in sessions)
    frame = frame_of(generation, generated)
    version = PlanVersion.objects.create(
        plan=plan,
        athlete=plan.athlete,
        version_number=1,
        status=State.GENERATED.value,
        author_id=generation.requested_by_id,
        content_sha256=content_sha256(content),
        weeks_json=frame.weeks,
        predicted_json=frame.predicted,
        warnings_json=frame.warnings,
        relaxed_json=frame.relaxed,
        provenance_json=frame.provenance,
    )
    store_first_content(version, content)
    return version


def frame_of(generation: PlanGeneration, generated: Generated) -> Frame:
    """Return what surrounds the sessions of a generated version."""
    proposed = generated.plan
    return Frame(
        weeks=[_week(week) for week in proposed.weeks],
        predicted=asdict(proposed.predicted) if proposed.predicted else None,
        warnings=_warnings(generation, generated),
        relaxed=[asdict(item) for item in proposed.relaxed],
        provenance={
            **proposed.provenance,
            "seed": generation.seed,
            "flag": generation.flag_json,
            "routing_reason": generation.routing_reason,
            "experiment": generation.experiment_json,
            "generated_at": clock.now().isoformat(),
        },
    )


def entry_of(session: PlannedSession) -> dict[str, Any]:
    """Return a planned session as the document holds it."""
    return session_entry(
        day=session.day.isoformat(),
        modality=session.modality,
        kind=session.kind,
        title=session.title,
        prescribed_work=session.prescribed_work,
        load=session.load,
        key_session=session.key_session,
    )


def _week(week: Any) -> dict[str, Any]:
    return {
        "number": week.number,
        "monday": week.monday.isoformat(),
        "phase": week.phase,
        "is_recovery": week.is_recovery,
        "target_load": round(week.target_load, 1),
    }


def _warnings(generation: PlanGeneration, generated: Generated) -> list[str]:
    """Return the plan's warnings, with the reason where another pipeline than the wished one answered."""
    warnings = list(generated.plan.warnings)
    if generated.failure:
        warnings.insert(0, f"The {generation.routed_to} pipeline could not answer; this is the template plan.")
    elif generation.routed_to == "template" and generation.routing_reason != "asked_for":
        why = generation.routing_reason.replace("_", " ")
        warnings.insert(0, f"This is the template plan, because model-driven plans are not available ({why}).")
    elif generation.routing_reason == "experiment" and generation.wish not in ("", generation.routed_to):
        wish, chosen = generation.wish, generation.routed_to
        warnings.insert(0, f"The {wish} model was asked for; the athlete's experiment chose the {chosen} model.")
    return warnings


def _tell(plan: Plan, version: PlanVersion, generation: PlanGeneration) -> None:
    action = record(
        "plan.generate",
        target_id=plan.pk,
        subject_id=plan.athlete_id,
        metadata={
            "pipeline": plan.pipeline,
            "routing_reason": generation.routing_reason,
            "wish": generation.wish,
            "generation_id": str(generation.pk),
        },
    )
    state = {
        "status": str(plan.status),
        "version_id": str(version.pk),
        "version_number": version.version_number,
        "content_sha256": version.content_sha256,
        "active_version_id": None,
        "lock_version": plan.lock_version,
    }
    record("plan.generate_state", target_id=plan.pk, subject_id=plan.athlete_id, metadata=state, linked_to=action)
    provenance = version.provenance_json
    outcome = {"grade": provenance.get("grade", ""), "race": plan.race, "outcome": generation.outcome}
    outcome |= {"variant": generation.experiment_json.get("variant", ""), "preference": generation.wish}
    emit("plan.generated", aggregate_id=plan.pk, data={**telemetry_data(plan, version), **outcome})
    _log(plan, generation, provenance)


def _log(plan: Plan, generation: PlanGeneration, provenance: dict[str, Any]) -> None:
    """Write G5's line."""
    parameters = provenance.get("parameters") or {}

    def value_of(name: str) -> Any:
        entry = parameters.get(name)
        return entry.get("value") if isinstance(entry, dict) else entry

    logger.info(
        "model_plan_generated",
        extra={
            "athlete_id": str(plan.athlete_id),
            "race_distance": plan.race,
            "generation_time_ms": round(generation.latency_ms or 0.0, 1),
            "model_confidence": provenance.get("grade", ""),
            "tau1": value_of("tau1"),
            "tau2": value_of("tau2"),
            "pipeline": plan.pipeline,
        },
    )
