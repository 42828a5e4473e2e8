"""Audit and telemetry events of this app."""

from audit.events import register as register_audit
from telemetry.events import register as register_telemetry

register_audit(
    "plan.generate", target_type="plan", metadata=frozenset({"pipeline", "routing_reason", "wish", "generation_id"})
)
register_audit(
    "plan.generate_state",
    target_type="plan",
    metadata=frozenset({"status", "version_id", "version_number", "content_sha256"}),
    state=True,
)
register_telemetry(
    "plan.generated",
    data=frozenset(
        {"plan_id", "athlete", "pipeline", "algorithm_version", "experiment_arm", "grade", "race", "outcome"}
    ),
)
