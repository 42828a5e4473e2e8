"""The order of a flag's decision (I2), pure over plain data: enabled? → tier → percentage → off, each answer with
its reason.

Kill switch and overrides join the order with the rollout engine; their place is above everything here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

FULL: Final = 100_000

# A flag that asks for elite is satisfied by any of these (G1).
TIERS_THAT_SATISFY: Final[dict[str, frozenset[str]]] = {
    "elite": frozenset({"elite", "premium", "guided"}),
    "premium": frozenset({"premium", "elite"}),
    "guided": frozenset({"guided", "premium", "elite"}),
    "basic": frozenset({"basic", "guided", "premium", "elite"}),
    "free": frozenset({"free", "basic", "guided", "premium", "elite"}),
}


@dataclass(frozen=True, slots=True)
class FlagState:
    """A flag as the snapshot holds it."""

    key: str
    enabled: bool
    requires_tier: str
    rollout_thousandths: int
    salt: str


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a decision is about: an athlete for `plan.*` flags, the signed-in user for `ui.*`."""

    id: str
    tier: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, and why."""

    value: bool
    reason: str
    flag_key: str


def bucket(subject_id: str, salt: str) -> int:
    """Return a subject's sticky place in 0…99 999 (I3): SHA-256 of salt, separator and id, first 8 hex digits.

    Sticky and monotone: whoever is in at 5 % is in at 25 %.
    """
    digest = hashlib.sha256(f"{salt}\x1f{subject_id}".encode()).hexdigest()
    return int(digest[:8], 16) % FULL


def tier_satisfies(tier: str, required: str) -> bool:
    """Return whether a subscription tier satisfies what a flag asks for."""
    return not required or tier in TIERS_THAT_SATISFY[required]


def decide(flag: FlagState | None, subject: Subject | None, *, killed: bool = False) -> Decision:
    """Decide a flag for a subject; an unknown flag, a missing identity and a kill are off."""
    if flag is None:
        return Decision(False, "unknown_flag", "")
    if killed:
        return Decision(False, "killed", flag.key)
    if not flag.enabled:
        return Decision(False, "disabled", flag.key)
    if subject is None or not subject.id:
        return Decision(False, "no_identity", flag.key)
    if not tier_satisfies(subject.tier, flag.requires_tier):
        return Decision(False, "tier", flag.key)
    if bucket(subject.id, flag.salt) < flag.rollout_thousandths:
        return Decision(True, "percentage" if flag.rollout_thousandths < FULL else "everyone", flag.key)
    return Decision(False, "percentage", flag.key)
