"""Audit and telemetry events of this app."""

from audit.events import register
from telemetry.events import register as register_telemetry

register("athlete.add", target_type="athlete", metadata=frozenset({"sport", "level", "tier", "synthetic", "user_id"}))
register(
    "athlete.edit",
    target_type="athlete",
    metadata=frozenset({"changes", "personal"}),
    free_text=frozenset({"personal"}),
)
register("consent.record", target_type="consent", metadata=frozenset({"purpose", "text_version", "granted"}))
GRANT = frozenset({"user_id", "object", "expires_at"})
register("grant.open", target_type="grant", metadata=GRANT)
register("grant.close", target_type="grant", metadata=GRANT)
register("grant.expire", target_type="grant", metadata=GRANT)
register("link.open", target_type="coach_link", metadata=frozenset({"coach_id", "active_from"}))
register("link.close", target_type="coach_link", metadata=frozenset({"coach_id", "active_until"}))
register("team.add", target_type="team", metadata=frozenset({"name"}))
register("team.rename", target_type="team", metadata=frozenset({"name_before", "name_after"}))
register("team.join", target_type="team", metadata=frozenset({"user_id"}))
register("team.leave", target_type="team", metadata=frozenset({"user_id"}))
register("team.staff_state", target_type="team", metadata=frozenset({"staff"}), state=True)
register("user.add", target_type="user", metadata=frozenset({"role", "invited"}))
register("user.role_change", target_type="user", metadata=frozenset({"role_before", "role_after"}))
register("user.role_state", target_type="user", metadata=frozenset({"role", "is_active", "token_version"}), state=True)
register("user.close", target_type="user", metadata=frozenset())
register("user.open", target_type="user", metadata=frozenset())
register("user.password_change", target_type="user", metadata=frozenset({"is_first"}))
register("user.prefer", target_type="user", metadata=frozenset({"changes"}))
register("auth.refresh_reuse", target_type="user", metadata=frozenset({"family"}))

_ERASURE = frozenset({"state"})
register("erasure.request", target_type="erasure_request", metadata=frozenset({"reason"}))
register("erasure.refuse", target_type="erasure_request", metadata=frozenset({"reason"}))
register("erasure.execute", target_type="erasure_request", metadata=frozenset({"tables", "keys_destroyed"}))
register("erasure.state", target_type="erasure_request", metadata=_ERASURE, state=True)
register("hold.place", target_type="legal_hold", metadata=frozenset({"reason", "held_until"}))
register("hold.lift", target_type="legal_hold", metadata=frozenset({"reason"}))
register("hold.state", target_type="legal_hold", metadata=frozenset({"holds", "held_until"}), state=True)
_GLASS = frozenset({"is_open", "expires_at", "reviewed"})
register("break_glass.open", target_type="break_glass", metadata=frozenset({"reason", "minutes"}))
register("break_glass.close", target_type="break_glass", metadata=frozenset())
register("break_glass.read", target_type="break_glass", metadata=frozenset({"page", "events"}))
register("break_glass.review", target_type="break_glass", metadata=frozenset({"note"}))
register("break_glass.state", target_type="break_glass", metadata=_GLASS, state=True)

register_telemetry(
    "athlete.described",
    data=frozenset({"athlete", "coach_id", "sport", "level", "tier", "joined_on", "is_synthetic"}),
    person_aggregate=True,
)
register_telemetry("consent.recorded", data=frozenset({"athlete", "purpose", "granted"}), person_aggregate=True)
register_telemetry("notification.sent", data=frozenset({"user", "kind", "attempts"}))
