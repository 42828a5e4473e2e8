"""Asking for a second person's agreement; what it covers is exactly what it names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from accounts.models import User
from audit.services import record
from common import clock
from common.actors import actor_id
from common.errors import NotPermitted
from common.plain import plain
from rollout.models import Approval, ApprovalKind, Flag, Rollout
from rollout.policies import Actor

OPEN_FOR: Final = timedelta(days=7)
"""A wish that nobody answered is asked again, with what is true then."""
UNANSWERED: Final = "nobody answered in time"


def ask(
    kind: ApprovalKind,
    flag: Flag,
    wish: Mapping[str, Any],
    reason: str,
    acting_user: Actor,
    *,
    rollout: Rollout | None = None,
) -> Approval:
    """Return the open wish of just this, newly made where there is none; runs inside the caller's unit of work.

    Raises:
        NotPermitted: nobody in particular asks: the second person would be the first.
    """
    if not isinstance(acting_user, User):
        raise NotPermitted("Only a person can ask; name one with --as.")
    text = json.dumps(plain([kind, rollout.pk if rollout else None, wish]), sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    now = clock.now()
    known = Approval.objects.filter(flag=flag, wish_sha256=digest, decided_at=None).first()
    if known is not None and known.expires_at > now:
        return known
    if known is not None:
        close(known, now=now, approved=False, comment=UNANSWERED, decided_by=None)
    approval = Approval.objects.create(
        kind=kind,
        flag=flag,
        rollout=rollout,
        wish_json=plain(wish),
        wish_sha256=digest,
        reason=reason.strip(),
        requested_by_id=actor_id(acting_user),
        expires_at=now + OPEN_FOR,
    )
    metadata = {"key": flag.name, "kind": str(kind), "wish": approval.wish_json, "reason": reason}
    record("rollout.ask", target_id=approval.pk, metadata=metadata)
    return approval


def close(approval: Approval, *, now: Any, approved: bool, comment: str, decided_by: Any) -> None:
    """Write the decision about a wish."""
    approval.decided_at, approval.decided_by_id = now, decided_by
    approval.approved, approval.comment = approved, comment.strip()
    approval.save()
    metadata = {"key": approval.flag.name, "kind": approval.kind, "approved": approved, "comment": comment}
    record("rollout.decide", target_id=approval.pk, metadata=metadata)
