"""What a rollout policy says: stages and gates as data (TOML), read, checked and hashed. Pure."""

from rollout.policy.model import Gate, GateKind, Metric, Policy, Purpose, Stage, Worse

__all__ = ["Gate", "GateKind", "Metric", "Policy", "Purpose", "Stage", "Worse"]
