"""Audit events of this app: a flag's change is logged twice (B6), the act and the state that resulted."""

from audit.events import register

register("flag.change", target_type="flag", metadata=frozenset({"key", "changes", "reason"}))
register("flag.state", target_type="flag", metadata=frozenset({"key", "state"}), state=True)

OVERRIDE = frozenset({"key", "subject_id", "value", "expires_at", "reason"})
register("flag.override", target_type="flag", metadata=OVERRIDE)
register("flag.override_clear", target_type="flag", metadata=OVERRIDE)
register("flag.override_state", target_type="flag", metadata=frozenset({"key", "overrides"}), state=True)
register("flag.group_change", target_type="flag_group", metadata=frozenset({"name", "added", "removed"}))
register("flag.group_state", target_type="flag_group", metadata=frozenset({"members"}), state=True)
