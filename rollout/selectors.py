"""Reading flags. Whatever cannot be answered is off: the athlete gets the safe plan."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from typing import Any
from uuid import UUID

from django.conf import settings

from common import clock
from rollout.evaluation import Decision, FlagState, Override, Snapshot, Subject, decide, explain
from rollout.live import Live
from rollout.models import Flag, FlagGroupMember, FlagVersion, UserOverride

logger = logging.getLogger("mesocycle.rollout")

MODEL_DRIVEN_GENERATION = "plan.model_driven_generation"


def version_token() -> str:
    """Return the token that changes with every change of a flag (one small query)."""
    return FlagVersion.objects.values_list("token", flat=True).first() or ""


def load_snapshot() -> Snapshot:
    """Return all flags, with overrides and allowlists, in four queries for any number.

    The token is read first: a change during the load leaves a snapshot that is loaded again.
    """
    token = version_token()
    overrides: dict[UUID, dict[str, Override]] = defaultdict(dict)
    for flag_id, subject, value, end in UserOverride.objects.values_list("flag", "subject_id", "value", "expires_at"):
        overrides[flag_id][str(subject)] = Override(value, end.timestamp())
    allowed: dict[UUID, set[str]] = defaultdict(set)
    for flag_id, subject in FlagGroupMember.objects.filter(group__flags__isnull=False).values_list(
        "group__flags", "subject_id"
    ):
        allowed[flag_id].add(str(subject))
    flags = {flag.name: _state(flag, allowed[flag.pk], overrides[flag.pk]) for flag in Flag.objects.all()}
    return Snapshot(token, time.time(), "database", flags)


LIVE = Live(version=version_token, load=load_snapshot, copy=settings.VAR_DIR / "flags.json")


def flag_state(key: str) -> FlagState | None:
    """Return a flag as this process knows it, None if there is no such flag."""
    return LIVE.current().flags.get(key)


def evaluate(flag_key: str, subject: Subject | None) -> Decision:
    """Decide a flag for a subject, with the reason; never raises."""
    try:
        snapshot = LIVE.current()
        killed = flag_key in settings.FLAGS_KILLED
        found = decide(snapshot.flags.get(flag_key), subject, now=clock.now().timestamp(), killed=killed)
    except Exception:
        logger.exception("flag_not_decided", extra={"flag": flag_key})
        return Decision(False, "flag_service_unavailable", flag_key)
    return Decision(found.value, found.reason, flag_key, snapshot.version, round(LIVE.age, 3))


def is_feature_enabled(flag_key: str, subject: Subject | None) -> bool:
    """Return whether a feature is on for a subject."""
    return evaluate(flag_key, subject).value


def explanation(flag_key: str, subject: Subject | None) -> list[dict[str, Any]]:
    """Return the whole decision path.

    Raises:
        KeyError: no such flag.
    """
    return explain(
        LIVE.current().flags[flag_key], subject, now=clock.now().timestamp(), killed=flag_key in settings.FLAGS_KILLED
    )


def evaluate_for_user(flag_key: str, user: Any) -> Decision:
    """Decide a `ui.*` flag for a signed-in user; anonymous is off."""
    if not getattr(user, "is_authenticated", False):
        return evaluate(flag_key, None)
    athlete = getattr(user, "athlete", None)
    return evaluate(flag_key, Subject(id=str(user.pk), tier=athlete.tier if athlete else ""))


def _state(flag: Flag, allowed: set[str], overrides: dict[str, Override]) -> FlagState:
    return FlagState(
        key=flag.name,
        enabled=flag.enabled,
        requires_tier=flag.requires_tier,
        rollout_thousandths=flag.rollout_thousandths,
        salt=flag.salt,
        killed=flag.killed_at is not None,
        admin_override=flag.admin_override,
        allowlist=frozenset(allowed),
        overrides=overrides,
    )
