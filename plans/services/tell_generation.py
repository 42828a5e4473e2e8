"""What a request for a plan came to, told to the warehouse once it came to an end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.scope import coach_of
from plans.models import PlanGeneration
from telemetry.services import emit


def tell_settled(generation: PlanGeneration, provenance: Mapping[str, Any]) -> None:
    """Tell a request's outcome; runs in the transaction that settles it, after its row was written.

    provenance: of the plan that was made; empty where none was. The arm is the one that chose the pipeline of this
    very request: a request that failed keeps none.
    """
    arm = generation.experiment_json
    data = {
        "athlete": generation.athlete_id,
        "coach_id": coach_of(generation.athlete_id),
        "generation_id": generation.pk,
        "plan_id": generation.plan_id,
        "outcome": str(generation.outcome),
        "latency_ms": generation.latency_ms,
        "pipeline": generation.pipeline or generation.routed_to,
        "preference": generation.wish,
        "experiment_arm": f"{arm['key']}:{arm['variant']}" if arm else "",
        "variant": arm.get("variant", ""),
        "algorithm_version": provenance.get("algorithm_version", ""),
        "routing_reason": generation.routing_reason,
    }
    emit("generation.settled", aggregate_id=generation.athlete_id, data=data)
