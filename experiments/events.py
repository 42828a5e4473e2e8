"""Audit events of this app: a change is logged twice (B6), the act and the state that resulted; and its telemetry."""

from audit.events import register
from telemetry.events import register as register_telemetry

CHANGE = frozenset({"key", "changes", "reason"})
for _action in ("experiment.create", "experiment.change"):
    register(_action, target_type="experiment", metadata=CHANGE)
register("experiment.step", target_type="experiment", metadata=frozenset({"key", "command", "reason"}))
register(
    "experiment.phase", target_type="experiment", metadata=frozenset({"key", "phase", "version", "protocol", "reason"})
)
STATE = frozenset({"key", "status", "phase", "version"})
register("experiment.state", target_type="experiment", metadata=STATE, state=True)
ASSIGNED = frozenset({"key", "phase", "variant", "is_holdout"})
register("experiment.assign", target_type="experiment_assignment", metadata=ASSIGNED)
EXPOSED = frozenset({"key", "variant", "source", "source_id", "preference"})
register("experiment.expose", target_type="experiment_exposure", metadata=EXPOSED)
register("experiment.look", target_type="experiment", metadata=frozenset({"key", "number", "as_of", "sha256"}))

register_telemetry(
    "experiment.exposed",
    data=frozenset({"experiment", "variant", "source", "athlete", "coach", "exposed_at"}),
    person_aggregate=True,
)
