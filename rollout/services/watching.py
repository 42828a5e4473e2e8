"""One look at what lasts (`rollout.conditions`): told once when it begins, and again after it ended and came back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from common.alerts import raise_alert
from common.context import unit_of_work
from common.database_time import database_now
from rollout.conditions import ALL_WINDOW, FLAG_WINDOW, Condition, Report, Rollback, flag_service, frequent_rollbacks
from rollout.lifecycle import Command
from rollout.models import FlagProcess, RolloutStep, StandingAlert
from rollout.selectors import version_token
from rollout.services.steps import ENGINE

ROLLBACKS: Final = (Command.ROLLBACK.value, Command.STEP_BACK.value)


def watch(*, at: datetime | None = None) -> list[str]:
    """Look once, due each minute; return the keys of what is told now.

    What lasts has a row, so that a look knows what the one before it saw, whichever process that was.
    """
    now = at or database_now()
    with unit_of_work(ENGINE):
        found = [*frequent_rollbacks(_rollbacks(now), now), *flag_service(_reports(), version_token(), now)]
        StandingAlert.objects.exclude(key__in=[one.key for one in found]).delete()
        return [one.key for one in found if _told(one, now)]


def _told(condition: Condition, now: datetime) -> bool:
    """Tell of a condition that has lasted long enough, if nobody has; of two looks at once the second waits here."""
    row, _ = StandingAlert.objects.select_for_update().get_or_create(key=condition.key, defaults={"since": now})
    if row.told_at is not None or now - row.since < condition.lasting:
        return False
    row.told_at = now
    row.save(update_fields=["told_at"])
    raise_alert(
        condition.name,
        severity=condition.severity,
        text=condition.text,
        dedupe_key=f"{condition.key}:{row.since.isoformat()}",
    )
    return True


def _rollbacks(now: datetime) -> Iterator[Rollback]:
    """Yield the rollbacks of the longest window; what is made up for a demonstration is no news to anybody."""
    steps = RolloutStep.objects.filter(command__in=ROLLBACKS, at__gt=now - max(FLAG_WINDOW, ALL_WINDOW), at__lte=now)
    for flag, moment in steps.filter(rollout__synthetic=False).values_list("rollout__flag__name", "at"):
        yield Rollback(flag, moment)


def _reports() -> Sequence[Report]:
    rows = FlagProcess.objects.values_list("name", "snapshot_version", "snapshot_at", "seen_at")
    return [Report(*row) for row in rows]
