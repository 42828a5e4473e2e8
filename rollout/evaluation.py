"""The order of a flag's decision (I2), pure over plain data, each answer with its reason.

kill → user override (not expired) → admin override → enabled? → tier → allowlist → percentage → off. A missing
identity is off: a percentage of nobody in particular is how canaries reach everybody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from common.shares import FULL

OF_ATHLETES: Final = "plan."
"""Flags whose key begins so are about athletes, all others about the signed-in user."""

# A flag that asks for elite is satisfied by any of these (G1).
TIERS_THAT_SATISFY: Final[dict[str, frozenset[str]]] = {
    "elite": frozenset({"elite", "premium", "guided"}),
    "premium": frozenset({"premium", "elite"}),
    "guided": frozenset({"guided", "premium", "elite"}),
    "basic": frozenset({"basic", "guided", "premium", "elite"}),
    "free": frozenset({"free", "basic", "guided", "premium", "elite"}),
}


@dataclass(frozen=True, slots=True)
class Override:
    """A decision for one subject; `expires_at` in seconds since 1970, None for no end."""

    value: bool
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class FlagState:
    """A flag as the snapshot holds it; overrides and allowlist by subject id."""

    key: str
    enabled: bool
    requires_tier: str
    rollout_thousandths: int
    salt: str
    killed: bool = False
    admin_override: bool | None = None
    allowlist: frozenset[str] = frozenset()
    overrides: Mapping[str, Override] = field(default_factory=dict)
    rollout_id: str = ""  # of the run that moves this flag now, and its stage
    stage: int = 0


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a decision is about: an athlete for `plan.*` flags, the signed-in user for `ui.*`."""

    id: str
    tier: str = ""


class Decision(NamedTuple):
    """The answer, and why; `snapshot_age` in seconds, of what it was decided by. (A tuple is made six times as fast as
    a frozen dataclass.)"""

    value: bool
    reason: str
    flag_key: str
    snapshot_version: str = ""
    snapshot_age: float = 0.0
    rollout_id: str = ""
    stage: int = 0

    @property
    def variant(self) -> str:
        return "on" if self.value else "off"


@dataclass(frozen=True)
class Snapshot:
    """All flags at one moment; swapped whole. `source`: database, disk (a copy from earlier) or nothing."""

    version: str
    made_at: float
    source: str
    flags: Mapping[str, FlagState]

    def as_json(self) -> dict[str, Any]:
        """Return the snapshot as the copy on disk holds it."""
        return {"version": self.version, "made_at": self.made_at, "flags": [_flag_json(f) for f in self.flags.values()]}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Snapshot:
        """Read a copy from disk.

        Raises:
            KeyError, TypeError, ValueError: not what `as_json` wrote.
        """
        flags = {flag["key"]: _flag_of(flag) for flag in found["flags"]}
        return cls(str(found["version"]), float(found["made_at"]), "disk", flags)


NOTHING: Final = Snapshot("", 0.0, "nothing", {})
"""What a process knows that has reached neither database nor disk: every flag is off."""


def bucket(subject_id: str, salt: str) -> int:
    """Return a subject's sticky place in 0…99 999 (I3): SHA-256 of salt, separator and id, first 8 hex digits.

    Sticky and monotone: whoever is in at 5 % is in at 25 %.
    """
    digest = hashlib.sha256(f"{salt}\x1f{subject_id}".encode()).digest()
    return int.from_bytes(digest[:4]) % FULL


def tier_satisfies(tier: str, required: str) -> bool:
    """Return whether a subscription tier satisfies what a flag asks for."""
    return not required or tier in TIERS_THAT_SATISFY[required]


def decide(
    flag: FlagState | None,
    subject: Subject | None,
    *,
    now: float,
    killed: bool = False,
    version: str = "",
    age: float = 0.0,
) -> Decision:
    """Decide a flag for a subject at a moment.

    Args:
        now: seconds since 1970, which overrides end by.
        killed: a kill from outside the snapshot (the environment).
        version, age: of the snapshot that holds the flag; age in seconds.
    """
    if flag is None:
        return Decision(False, "unknown_flag", "", version, age)
    value, reason = _answer(flag, subject, now, killed)
    return Decision(value, reason, flag.key, version, age, flag.rollout_id, flag.stage)


def explain(flag: FlagState, subject: Subject | None, *, now: float, killed: bool = False) -> list[dict[str, Any]]:
    """Return every step of the order with what it saw, the deciding one marked: for people who ask why."""
    decided = _answer(flag, subject, now, killed)[1]
    override = flag.overrides.get(subject.id) if subject else None
    place = bucket(subject.id, flag.salt) if subject and subject.id else None
    live = override is not None and (override.expires_at is None or override.expires_at > now)
    steps = [
        ("killed", "kill", killed or flag.killed),
        ("no_identity", "identity", bool(subject and subject.id)),
        ("user_override", "user override", None if override is None else {"value": override.value, "holds": live}),
        ("admin_override", "admin override", flag.admin_override),
        ("disabled", "enabled", flag.enabled),
        ("tier", "tier", {"wants": flag.requires_tier or "any", "has": subject.tier if subject else ""}),
        ("allowlist", "allowlist", bool(subject and subject.id in flag.allowlist)),
        ("percentage", "percentage", {"place": place, "below": flag.rollout_thousandths}),
    ]
    return [
        {"step": title, "saw": saw, "decided": name == decided or (name == "percentage" and decided == "everyone")}
        for name, title, saw in steps
    ]


def _answer(flag: FlagState, subject: Subject | None, now: float, killed: bool) -> tuple[bool, str]:
    if killed or flag.killed:
        return False, "killed"
    if subject is None or not subject.id:
        return False, "no_identity"
    override = flag.overrides.get(subject.id)
    if override is not None and (override.expires_at is None or override.expires_at > now):
        return override.value, "user_override"
    if flag.admin_override is not None:
        return flag.admin_override, "admin_override"
    if not flag.enabled:
        return False, "disabled"
    if flag.requires_tier and subject.tier not in TIERS_THAT_SATISFY[flag.requires_tier]:
        return False, "tier"
    if subject.id in flag.allowlist:
        return True, "allowlist"
    if bucket(subject.id, flag.salt) < flag.rollout_thousandths:
        return True, "percentage" if flag.rollout_thousandths < FULL else "everyone"
    return False, "percentage"


def _flag_json(flag: FlagState) -> dict[str, Any]:
    return {
        "key": flag.key,
        "enabled": flag.enabled,
        "requires_tier": flag.requires_tier,
        "rollout_thousandths": flag.rollout_thousandths,
        "salt": flag.salt,
        "killed": flag.killed,
        "admin_override": flag.admin_override,
        "allowlist": sorted(flag.allowlist),
        "overrides": {key: [o.value, o.expires_at] for key, o in flag.overrides.items()},
        "rollout": [flag.rollout_id, flag.stage],
    }


def _flag_of(found: Mapping[str, Any]) -> FlagState:
    overrides = {key: Override(bool(value), end) for key, (value, end) in found["overrides"].items()}
    plain = {name: found[name] for name in ("key", "enabled", "requires_tier", "rollout_thousandths", "salt", "killed")}
    return FlagState(
        **plain,
        admin_override=found["admin_override"],
        allowlist=frozenset(found["allowlist"]),
        overrides=overrides,
        rollout_id=found["rollout"][0],
        stage=found["rollout"][1],
    )
