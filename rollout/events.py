"""Audit events of this app: a flag's change is logged twice (B6), the act and the state that resulted."""

from audit.events import register

register("flag.change", target_type="flag", metadata=frozenset({"key", "changes", "reason"}))
register("flag.state", target_type="flag", metadata=frozenset({"key", "state"}), state=True)
