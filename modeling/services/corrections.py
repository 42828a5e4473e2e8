"""Manual corrections (B8): change or delete an activity, a test or a threshold, with a reason; fits that used it
end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Athlete
from audit.services import record
from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible
from common.registries import Registry
from common.validation import invalid_input_from
from modeling.models import Activity, Fit, Test, Threshold
from modeling.models.base import HistoryRow
from modeling.policies import Actor, athlete_to_correct_for, visible_history
from modeling.services.loads import recompute_loads

# Filled by plans: called with (athlete, days, who acts) where tests of these days came, changed or went, in the
# transaction of that change.
TESTS_CHANGED: Registry[Callable[[Athlete, Collection[date], Actor], None]] = Registry("tests changed")

KINDS: Final[dict[str, type[HistoryRow]]] = {"activity": Activity, "test": Test, "threshold": Threshold}
CORRECTABLE: Final[dict[str, frozenset[str]]] = {
    "activity": frozenset(
        {"day", "sport", "duration_s", "moving_s", "distance_m", "mean_hr", "max_hr", "normalised_power_w", "rpe"}
        | {"stated_load"}
    ),
    "test": frozenset({"day", "value", "kind", "note"}),
    "threshold": frozenset({"valid_from", "ftp_w", "pace_s_per_km", "threshold_hr", "max_hr"}),
}


def correct_row(*, kind: str, row_id: UUID, changes: Mapping[str, Any], reason: str, acting_user: Actor) -> HistoryRow:
    """Correct fields of a row and end the fits that used it.

    Raises:
        NotVisible, NotPermitted: outside the user's scope; not the role's.
        InvalidInput: no reason, a field that cannot be corrected, a value that is not plausible.
    """
    with unit_of_work(acting_user):
        row = _row_for(acting_user, kind, row_id, reason)
        unknown = set(changes) - CORRECTABLE[kind]
        if unknown:
            raise InvalidInput(f"{', '.join(sorted(unknown))} cannot be corrected.")
        day = _day_of(row)
        before = {name: _plain(getattr(row, name)) for name in changes}
        for name, value in changes.items():
            setattr(row, name, value)
        _save_checked(row)
        _settle(row, "data.correct", min(day, _day_of(row)), reason, before, changes)
        if isinstance(row, Test):
            tell_of_tests(row.athlete, {day, row.day}, acting_user)
        return row


def delete_row(*, kind: str, row_id: UUID, reason: str, acting_user: Actor) -> None:
    """Take a row out of the athlete's history; the row itself is kept, so that old fits stay explicable.

    Raises:
        As `correct_row`.
    """
    with unit_of_work(acting_user):
        row = _row_for(acting_user, kind, row_id, reason)
        row.deleted_at = clock.now()
        row.save(update_fields=["deleted_at"])
        before = {name: _plain(getattr(row, name)) for name in sorted(CORRECTABLE[kind])}
        _settle(row, "data.delete", _day_of(row), reason, before, {})
        if isinstance(row, Test):
            tell_of_tests(row.athlete, {row.day}, acting_user)


def invalidate_fits(athlete: Athlete, *, since: date, because: str) -> int:
    """End the fits whose window reaches `since` or later and return how many; a later change leaves a fit alone."""
    rows = Fit.objects.filter(athlete=athlete, window_until__gte=since, invalidated_at=None)
    return rows.update(invalidated_at=clock.now(), invalidated_because=because[:200])


def tell_of_tests(athlete: Athlete, days: Collection[date], acting_user: Actor) -> None:
    """Let whoever asked for it know that tests of these days came, changed or went; nobody where there is no day."""
    for _, tell in TESTS_CHANGED.items() if days else ():
        tell(athlete, days, acting_user)


def _row_for(acting_user: Actor, kind: str, row_id: UUID, reason: str) -> HistoryRow:
    if kind not in KINDS:
        raise InvalidInput(f"kind must be one of {', '.join(KINDS)}.", pointer="/kind")
    if not reason.strip():
        raise InvalidInput("A correction needs a reason.", pointer="/reason")
    rows = KINDS[kind]._default_manager
    row = rows.filter(visible_history(acting_user), pk=row_id).select_related("athlete").first()
    if row is None:
        raise NotVisible(f"There is no such {kind}, or you may not see it.")
    athlete_to_correct_for(acting_user, row.athlete_id)
    return row


def _save_checked(row: HistoryRow) -> None:
    try:
        row.full_clean(exclude=["athlete", "activity"])
        with transaction.atomic():
            row.save()
    except ValidationError as error:
        raise invalid_input_from(error) from error
    except IntegrityError as error:
        raise InvalidInput("These values are not plausible, or another row has them already.") from error


def _settle(
    row: HistoryRow, action: str, since: date, reason: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Recompute what depended on the row, end the fits that used it and record the correction."""
    if isinstance(row, Activity) and row.deleted_at is None:
        recompute_loads(row.athlete, activities=[row])
    if isinstance(row, Threshold):
        recompute_loads(row.athlete, since=since)
    ended = invalidate_fits(row.athlete, since=since, because=f"{row._meta.model_name} corrected: {reason}")
    metadata = {
        "model": row._meta.model_name,
        "reason": reason,
        "before": dict(before),
        "after": {name: _plain(value) for name, value in after.items()},
        "fits_invalidated": ended,
    }
    record(action, target_id=row.pk, subject_id=row.athlete_id, metadata=metadata)


def _day_of(row: HistoryRow) -> date:
    return row.valid_from if isinstance(row, Threshold) else row.day  # type: ignore[attr-defined, no-any-return]


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | bool | str | None) else str(value)
