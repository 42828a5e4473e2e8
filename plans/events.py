"""Audit and telemetry events of this app, and which of them each change writes: exactly these, no more and no fewer."""

from __future__ import annotations

from typing import Final

from audit.events import register as register_audit
from plans.workflow import Action
from telemetry.events import register as register_telemetry

_VERSION: Final = frozenset({"version_id", "version_number", "content_sha256"})
STATE: Final = _VERSION | {"status", "active_version_id", "lock_version"}

register_audit(
    "plan.generate", target_type="plan", metadata=frozenset({"pipeline", "routing_reason", "wish", "generation_id"})
)
register_audit("plan.generate_state", target_type="plan", metadata=STATE, state=True)

# What people and services do to a head: an action, and the state that it led to (B6).
AUDIT_ACTION: Final[dict[Action, str]] = {
    Action.SAVE: "plan.edit",
    Action.REGENERATE: "plan.regenerate",
    Action.SUBMIT: "plan.submit",
    Action.REQUEST_CHANGES: "plan.request_changes",
    Action.ACCEPT: "plan.approve",
    Action.PUBLISH: "plan.publish",
    Action.MOVE_SESSION: "plan.move_session",
    Action.WITHDRAW: "plan.withdraw",
    Action.COMPLETE: "plan.complete",
    Action.SUPERSEDE: "plan.supersede",
}
_DETAILS: Final[dict[Action, frozenset[str]]] = {
    Action.SAVE: frozenset({"parent_version_id", "fields_changed", "sessions", "reasons", "tags"}),
    Action.REGENERATE: frozenset({"parent_version_id", "baseline_id", "pipeline", "conflicts", "sessions"}),
    Action.SUBMIT: frozenset({"review_id", "comment", "reason_code", "broken_guards"}),
    Action.REQUEST_CHANGES: frozenset({"review_id", "comment", "is_override"}),
    Action.ACCEPT: frozenset({"review_id", "comment", "is_override"}),
    Action.MOVE_SESSION: frozenset({"parent_version_id", "session_id", "from_day", "to_day"}),
    Action.WITHDRAW: frozenset({"review_id", "comment"}),
    Action.SUPERSEDE: frozenset({"by_plan_id"}),
}
for _action, _name in AUDIT_ACTION.items():
    register_audit(_name, target_type="plan", metadata=_DETAILS.get(_action, frozenset()) | _VERSION)
    register_audit(f"{_name}_state", target_type="plan", metadata=STATE, state=True)

register_audit("plan.comment", target_type="plan", metadata=frozenset({"comment_id", "anchor_id", "visibility"}))
register_audit("plan.comment_resolve", target_type="plan", metadata=frozenset({"comment_id"}))
# What a comment is about says something about a body: ciphertext, like the comment.
_TAGS: Final = frozenset({"tags"})
register_audit(
    "plan.comment_tag",
    target_type="plan",
    metadata=_TAGS | {"comment_id", "model_version"},
    free_text=_TAGS,
)
register_audit(
    "plan.comment_tags_correct",
    target_type="plan",
    metadata=_TAGS | {"comment_id", "before"},
    free_text=_TAGS | {"before"},
)
register_audit("plan.feedback", target_type="plan", metadata=frozenset({"score"}))
register_audit(
    "session.complete",
    target_type="plan",
    metadata=frozenset({"session_id", "status", "completion_id", "activity_id", "matched"}),
)
register_audit("calendar.subscribe", target_type="calendar_feed", metadata=frozenset())
register_audit("calendar.revoke", target_type="calendar_feed", metadata=frozenset())
register_audit(
    "features.export",
    target_type="feature_export",
    metadata=frozenset({"data_sha256", "rows", "athletes", "written", "removed", "as_of"}),
)
register_audit("plan.export", target_type="plan", metadata=frozenset({"rows", "sha256", "what"}))

_COMMON: Final = frozenset(
    {"plan_id", "athlete", "coach_id", "experiment_arm", "algorithm_version", "pipeline", "version_number"}
)
register_telemetry(
    "plan.generated",
    data=_COMMON | {"grade", "race", "outcome", "variant", "preference"},
)
TELEMETRY: Final[dict[Action, tuple[str, ...]]] = {
    Action.SAVE: ("plan.edited", "plan.version.updated"),
    Action.REGENERATE: ("plan.version.updated",),
    Action.SUBMIT: ("plan.submitted",),
    Action.REQUEST_CHANGES: ("plan.changes_requested",),
    Action.ACCEPT: ("plan.approved",),
    Action.PUBLISH: ("plan.published",),
    Action.MOVE_SESSION: ("plan.version.updated",),
    Action.WITHDRAW: ("plan.withdrawn",),
    Action.COMPLETE: ("plan.completed",),
    Action.SUPERSEDE: ("plan.superseded",),
}
_SCHEDULE: Final = frozenset({"schedule"})
_CHANGES: Final = frozenset({"changes", "changed"})
# What some of these tell besides; that came with their second version.
FURTHER: Final[dict[str, frozenset[str]]] = {
    "plan.published": _SCHEDULE,
    "plan.version.updated": _SCHEDULE,
    "plan.submitted": _CHANGES,
    "plan.approved": _CHANGES,
}
for _type in sorted({name for names in TELEMETRY.values() for name in names}):
    register_telemetry(
        _type,
        data=_COMMON | {"volume_percent", "load_percent", "reasons", "is_override"} | FURTHER.get(_type, frozenset()),
        version=2 if _type in FURTHER else 1,
    )
register_telemetry("session.completed", data=_COMMON | {"session_id", "status", "rpe", "day"})
register_telemetry("plan.commented", data=_COMMON | {"visibility", "is_reply"})
register_telemetry("cycle.rated", data=_COMMON | {"score"})
register_telemetry(
    "generation.settled",
    data=frozenset(
        {"athlete", "coach_id", "generation_id", "plan_id", "outcome", "latency_ms", "pipeline", "preference"}
        | {"experiment_arm", "variant", "algorithm_version", "routing_reason"}
    ),
    person_aggregate=True,
)
register_telemetry(
    "race.result",
    data=_COMMON
    | {"race", "grade", "unit", "predicted", "predicted_low", "predicted_high", "raced", "error_percent", "before"}
    | {"improvement_percent", "raced_on"},
)
