"""Our decisions in OFREP's words (OpenFeature Remote Evaluation Protocol 0.3.0). Pure.

A provider falls back to its code default when variant or reason is missing or unknown to it, so reasons are the
standard's, and ours travels in the metadata.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rollout.evaluation import Decision

REASONS: Final[Mapping[str, str]] = {
    "everyone": "STATIC",
    "percentage": "SPLIT",
    "allowlist": "TARGETING_MATCH",
    "tier": "TARGETING_MATCH",
    "user_override": "TARGETING_MATCH",
    "admin_override": "STATIC",
    "disabled": "DISABLED",
    "killed": "DISABLED",
}


def success(decision: Decision) -> dict[str, Any]:
    """Return a flag's evaluation."""
    return {
        "key": decision.flag_key,
        "value": decision.value,
        "reason": REASONS.get(decision.reason, "UNKNOWN"),
        "variant": decision.variant,
        "metadata": {"reason": decision.reason, "snapshotVersion": decision.snapshot_version},
    }


def failure(key: str, code: str, details: str) -> dict[str, Any]:
    """Return why a flag could not be evaluated; `code` is one of the protocol's."""
    return {**({"key": key} if key else {}), "errorCode": code, "errorDetails": details}


def bulk_tag(flags: Sequence[Mapping[str, Any]], context: Mapping[str, Any]) -> str:
    """Return a tag of an answer *and the context it answers*: another person's equal answer is another thing."""
    text = json.dumps([list(flags), dict(context)], sort_keys=True, separators=(",", ":"))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
