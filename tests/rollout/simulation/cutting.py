"""Policies cut down to what a test is about."""

from __future__ import annotations

from dataclasses import replace

from rollout.policy.model import Gate, Policy


def only_stage(policy: Policy, name: str) -> Policy:
    """Return the policy with one stage, which then is its last."""
    return replace(policy, stages=(policy.stages[policy.index_of(name)],))


def only_gate(policy: Policy, gate: Gate) -> Policy:
    """Return the policy with one gate, so that no other can trip before it."""
    return replace(policy, gates=(gate,))
