"""Reading flags. Whatever cannot be answered is off: the athlete gets the safe plan."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from common import clock
from common.errors import NotVisible
from rollout.evaluation import OF_ATHLETES, Decision, FlagState, Override, Snapshot, Subject, decide, explain
from rollout.fanout import Fanout
from rollout.live import Live
from rollout.models import Flag, FlagGroupMember, FlagProcess, FlagVersion, UserOverride
from rollout.processes import SILENT_AFTER, Reporter
from rollout.sampling import Sample

logger = logging.getLogger("mesocycle.rollout")

ASK_AGAIN_SECONDS = 0.1

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


@dataclass(frozen=True, slots=True)
class ProcessSeen:
    """A process that decides flags, and whether by what the database holds now."""

    name: str
    snapshot_version: str
    snapshot_at: datetime
    seen_at: datetime
    is_current: bool


def processes(now: datetime) -> list[ProcessSeen]:
    """Return the processes that reported within the last minute, by name."""
    token = version_token()
    rows = FlagProcess.objects.filter(seen_at__gt=now - SILENT_AFTER)
    return [
        ProcessSeen(row.name, row.snapshot_version, row.snapshot_at, row.seen_at, row.snapshot_version == token)
        for row in rows
    ]


def observed(token: str) -> tuple[int, int]:
    """Return how many of the processes seen lately decide by the snapshot of this token or the newest, and of how many.

    Tokens have no order: who has the newest has what came before it.
    """
    seen = processes(clock.now())
    return sum(one.is_current or one.snapshot_version == token for one in seen), len(seen)


def wait_until_observed(token: str, timeout: float) -> tuple[int, int]:
    """Wait until every process decides by this token, at most `timeout` seconds; return the last count.

    Call it outside a transaction: inside one PostgreSQL may show what it began with.
    """
    end = time.monotonic() + timeout
    while True:
        seen, total = observed(token)
        if seen == total or time.monotonic() >= end:
            return seen, total
        time.sleep(ASK_AGAIN_SECONDS)


SAMPLE = Sample()
_reporter = Reporter()


def _report(snapshot: Snapshot) -> None:
    """Tell the database by what this process decides, and now and then a sample of how."""
    _reporter(snapshot)
    SAMPLE.write_now_and_then()


LIVE = Live(
    version=version_token,
    load=load_snapshot,
    copy=settings.VAR_DIR / "flags.json",
    report=_report,
    fanout=Fanout(settings.REDIS_URL, f"{settings.REDIS_KEY_PREFIX}:flags") if settings.REDIS_URL else None,
)


def flag_state(key: str) -> FlagState | None:
    """Return a flag as this process knows it, None if there is no such flag."""
    return LIVE.current().flags.get(key)


def evaluate(flag_key: str, subject: Subject | None) -> Decision:
    """Decide a flag for a subject, with the reason; never raises."""
    try:
        snapshot = LIVE.current()
        flag = snapshot.flags.get(flag_key)
        if flag is None:
            return Decision(False, "unknown_flag", flag_key, snapshot.version, LIVE.age)
        killed = flag_key in settings.FLAGS_KILLED
        now = clock.timestamp()
        decision = decide(flag, subject, now=now, killed=killed, version=snapshot.version, age=LIVE.age)
        if subject is not None:
            SAMPLE.note(decision, subject.id, now)
        return decision
    except Exception:
        logger.exception("flag_not_decided", extra={"flag": flag_key})
        return Decision(False, "flag_service_unavailable", flag_key)


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
    """Decide a flag for a signed-in user: `plan.*` for the athlete who they are, others for themselves.

    Anonymous is off, and so is a `plan.*` flag for somebody who is no athlete. Call it inside a unit of work: outside
    one PostgreSQL shows no athlete, and no tier either.
    """
    if not getattr(user, "is_authenticated", False):
        return evaluate(flag_key, None)
    athlete = getattr(user, "athlete", None)
    if flag_key.startswith(OF_ATHLETES):
        return evaluate(flag_key, Subject(str(athlete.pk), athlete.tier) if athlete else None)
    return evaluate(flag_key, Subject(id=str(user.pk), tier=athlete.tier if athlete else ""))


@dataclass(frozen=True, slots=True)
class FeatureFlagConfig:
    """A flag in the words of the requirements (G1, I1): percentages of 100, times in UTC."""

    flag_name: str
    description: str
    enabled: bool
    requires_tier: str
    rollout_percentage: float
    admin_override: bool | None
    killed: bool
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime


def get_flag_config(key: str) -> FeatureFlagConfig:
    """Return how a flag is set, as the database has it now: for people, not for decisions.

    Raises:
        NotVisible: there is no such flag.
    """
    flag = Flag.objects.filter(name=key).first()
    if flag is None:
        raise NotVisible(f"There is no flag {key}.")
    return FeatureFlagConfig(
        flag_name=flag.name,
        description=flag.description,
        enabled=flag.enabled,
        requires_tier=flag.requires_tier,
        rollout_percentage=flag.rollout_thousandths / 1000,
        admin_override=flag.admin_override,
        killed=flag.killed_at is not None or key in settings.FLAGS_KILLED,
        metadata=dict(flag.metadata),
        created_at=flag.created,
        updated_at=flag.modified,
    )


def digest_of_overrides(flag_id: UUID) -> dict[str, Any]:
    """Return how many overrides a flag has and a digest of whom they switch, for the log and its reconciliation."""
    rows = UserOverride.objects.filter(flag=flag_id).values_list("subject_id", "value", "expires_at")
    lines = [f"{subject} {value} {expires_at.timestamp():.3f}" for subject, value, expires_at in rows]
    return {"overrides": len(lines), "digest": _digest(lines)}


def digest_of_members(group_id: UUID) -> dict[str, Any]:
    """Return how many members a group has and a digest of them, as `digest_of_overrides`."""
    rows = FlagGroupMember.objects.filter(group=group_id).values_list("subject_id", flat=True)
    lines = [str(subject) for subject in rows]
    return {"members": len(lines), "digest": _digest(lines)}


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def staleness() -> dict[str, Any]:
    """Return what monitors ask: by which snapshot this process decides, where it came from, how old it is."""
    snapshot = LIVE.current()
    age = round(LIVE.age, 1) if snapshot.version else None
    return {"snapshot_version": snapshot.version, "source": snapshot.source, "snapshot_age_seconds": age}


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
        rollout_id=str(flag.rollout_id or ""),
        stage=flag.rollout_stage,
    )
