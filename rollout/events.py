"""Audit and telemetry events of this app: a flag's change is logged twice (B6), the act and the state that resulted."""

from audit.events import register
from telemetry.events import register as register_telemetry

register("flag.change", target_type="flag", metadata=frozenset({"key", "changes", "reason"}))
register("flag.state", target_type="flag", metadata=frozenset({"key", "state"}), state=True)
register("flag.retire", target_type="flag", metadata=frozenset({"key", "reason", "references"}))

OVERRIDE = frozenset({"key", "subject_id", "value", "expires_at", "reason"})
register("flag.override", target_type="flag", metadata=OVERRIDE)
register("flag.override_clear", target_type="flag", metadata=OVERRIDE)
register("flag.override_state", target_type="flag", metadata=frozenset({"key", "overrides", "digest"}), state=True)
register("flag.group_change", target_type="flag_group", metadata=frozenset({"name", "added", "removed"}))
register("flag.group_state", target_type="flag_group", metadata=frozenset({"members", "digest"}), state=True)

register("rollout.ask", target_type="rollout_approval", metadata=frozenset({"key", "kind", "wish", "reason"}))
register("rollout.decide", target_type="rollout_approval", metadata=frozenset({"key", "kind", "approved", "comment"}))
register("rollout.step", target_type="rollout", metadata=frozenset({"key", "command", "why"}))
register("rollout.state", target_type="rollout", metadata=frozenset({"key", "state", "stage", "version"}), state=True)
register("rollout.check", target_type="rollout", metadata=frozenset({"stage", "gate", "passed", "text"}))
register("rollout.incident_open", target_type="rollout_incident", metadata=frozenset({"key", "title", "rollout_id"}))
register("rollout.incident_entry", target_type="rollout_incident", metadata=frozenset({"text"}))
register("rollout.incident_change", target_type="rollout_incident", metadata=frozenset({"status", "text"}))
REPORT = frozenset({"topic", "severity", "level", "flag", "reason"})
for _action in ("report.add", "report.take", "report.raise", "report.resolve"):
    register(_action, target_type="report", metadata=REPORT)
register("report.state", target_type="report", metadata=frozenset({"status", "level", "assigned_to"}), state=True)
register_telemetry(
    "report.filed", data=frozenset({"report_id", "topic", "severity", "level", "athlete", "flag", "arm"})
)
ANNOUNCEMENT = frozenset({"kind", "title", "audience", "audience_value"})
for _action in ("announcement.publish", "announcement.change", "announcement.resolve"):
    register(_action, target_type="announcement", metadata=ANNOUNCEMENT)
register(
    "announcement.state",
    target_type="announcement",
    metadata=frozenset({"published_at", "ends_at", "resolved_at", "body_sha256"}),
    state=True,
)
register("rollout.drill", target_type="rollout", metadata=frozenset({"key", "fault", "answers", "reason"}))

register_telemetry(
    "flag.evaluated",
    data=frozenset({"subject_id", "flag", "value", "reason", "stage", "day", "sample_rate"}),
    person_aggregate=True,
)
