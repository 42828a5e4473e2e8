"""Audit events of this app."""

from audit.events import register

register("athlete.add", target_type="athlete", metadata=frozenset({"sport", "level", "tier", "synthetic"}))
register("athlete.edit", target_type="athlete", metadata=frozenset({"changes"}))
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
register("auth.refresh_reuse", target_type="user", metadata=frozenset({"family"}))
