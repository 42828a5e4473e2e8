"""Reading flags. A database that cannot answer means off: the athlete gets the safe plan."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from rollout.evaluation import Decision, FlagState, Subject, decide
from rollout.models import Flag

logger = logging.getLogger("mesocycle.rollout")

MODEL_DRIVEN_GENERATION = "plan.model_driven_generation"


def flag_state(key: str) -> FlagState | None:
    """Return a flag's state, None if there is no such flag."""
    row = Flag.objects.filter(name=key).values_list("enabled", "requires_tier", "rollout_thousandths", "salt").first()
    return FlagState(key, *row) if row else None


def evaluate(flag_key: str, subject: Subject | None) -> Decision:
    """Decide a flag for a subject, with the reason; never raises."""
    try:
        flag = flag_state(flag_key)
    except DatabaseError:
        logger.exception("flag_lookup_failed", extra={"flag": flag_key})
        return Decision(False, "flag_service_unavailable", flag_key)
    return decide(flag, subject, killed=flag_key in settings.FLAGS_KILLED)


def evaluate_for_user(flag_key: str, user: Any) -> Decision:
    """Decide a `ui.*` flag for a signed-in user; anonymous is off."""
    if not getattr(user, "is_authenticated", False):
        return evaluate(flag_key, None)
    athlete = getattr(user, "athlete", None)
    return evaluate(flag_key, Subject(id=str(user.pk), tier=athlete.tier if athlete else ""))
