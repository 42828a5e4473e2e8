"""What the record says of a flag's time: since when it is full, when it was last seen to answer."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Max

from rollout.evaluation import FULL
from rollout.lifecycle import EXPOSING, Command
from rollout.models import Flag, OutcomeFact, OutcomeKind, RolloutStep
from rollout.stale import FlagAge


def full_since(flag_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Return since when flags are on at 100 % without a break, by their history; one query, those that are not left
    out."""
    history: Any = Flag.history  # type: ignore[attr-defined]
    rows = history.filter(id__in=flag_ids).order_by("history_date", "history_id")
    fields = ("id", "history_date", "enabled", "rollout_thousandths", "killed_at", "admin_override")
    since: dict[UUID, datetime] = {}
    for flag_id, at, enabled, thousandths, killed_at, override in rows.values_list(*fields):
        if enabled and thousandths == FULL and killed_at is None and override is not False:
            since.setdefault(flag_id, at)
        else:
            since.pop(flag_id, None)
    return since


def flag_ages() -> list[FlagAge]:
    """Return what is known of every flag's time; four queries for any number."""
    flags = list(Flag.objects.order_by("name"))
    full = full_since([flag.pk for flag in flags if is_full(flag)])
    began = RolloutStep.objects.filter(command=Command.START, rollout__state__in=sorted(EXPOSING)).order_by()
    measured = dict(began.values_list("rollout__flag_id", "at"))
    answers = OutcomeFact.objects.filter(kind=OutcomeKind.ANSWER).order_by().values_list("rollout__flag_id")
    newest = dict(answers.annotate(newest=Max("created_at")))
    return [
        FlagAge(
            flag.name,
            full_since=full.get(flag.pk),
            measured_since=measured.get(flag.pk),
            last_answer=newest.get(flag.pk),
            retired_at=retired_at(flag),
        )
        for flag in flags
    ]


def is_full(flag: Flag) -> bool:
    """Return whether a flag is on for everybody whom its tier lets in."""
    on = flag.enabled and flag.killed_at is None and flag.admin_override is not False
    return on and flag.rollout_thousandths == FULL


def retired_at(flag: Flag) -> datetime | None:
    """Return when a flag was marked as retired."""
    text = flag.metadata.get("retired_at")
    return datetime.fromisoformat(text) if text else None
