"""What athletes did and what was measured: activities, tests, fits; since when each row says what it says now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Final
from uuid import UUID

from audit.models import AuditEvent
from modeling.models import Activity, Fit, Test, Threshold
from plans.features.people import People, Row, of_athletes

CORRECTED: Final = "data.correct"
STATED: Final = "table"
"""Where a load comes from that no threshold has a part in."""


@dataclass(frozen=True)
class Known:
    """When rows were last changed in place. corrected: by row. thresholds: by athlete and sport, since which day a
    threshold says what and when that was entered, corrected or taken back."""

    corrected: dict[UUID, datetime] = field(default_factory=dict)
    thresholds: dict[tuple[UUID, str], list[tuple[date, datetime]]] = field(default_factory=dict)

    def row(self, pk: UUID, created_at: datetime) -> datetime:
        """Return since when a row says what it says."""
        return max(created_at, self.corrected.get(pk, created_at))

    def load(self, athlete_id: UUID, sport: str, day: date, since: datetime) -> datetime:
        """Return since when an activity's load is what it is: a threshold that was entered later changed it."""
        later = (at for start, at in self.thresholds.get((athlete_id, sport), ()) if start <= day)
        return max(since, *later) if (athlete_id, sport) in self.thresholds else since


def known_since(people: People) -> Known:
    """Return when rows of history were changed in place, by the audit log."""
    corrected: dict[UUID, datetime] = {}
    events = AuditEvent.objects.filter(action=CORRECTED, occurred_at__lte=people.as_of).order_by()
    for pk, at in events.values_list("target_id", "occurred_at").iterator():
        if pk is not None:
            corrected[pk] = max(at, corrected.get(pk, at))
    thresholds = defaultdict[tuple[UUID, str], list[tuple[date, datetime]]](list)
    columns = ("pk", "athlete_id", "sport", "valid_from", "created_at", "deleted_at")
    for pk, athlete_id, sport, day, at, gone in of_athletes(Threshold, people).values_list(*columns).iterator():
        # A corrected one may have been valid since any day before.
        start = date.min if pk in corrected else day
        moments = [at, corrected.get(pk), gone if gone and gone <= people.as_of else None]
        thresholds[athlete_id, sport].append((start, max(moment for moment in moments if moment)))
    return Known(corrected, dict(thresholds))


def activities(people: People) -> Iterator[Row]:
    """Yield activities with their load as it is now; one that was corrected, or whose load was computed again since,
    counts as known from then on."""
    known = known_since(people)
    columns = ("pk", "athlete_id", "day", "sport", "load", "load_unit", "duration_s", "stated_load_source")
    rows = of_athletes(Activity, people).values_list(*columns, "started_at", "created_at", "deleted_at")
    for pk, athlete_id, day, sport, load, unit, seconds, source, started_at, created_at, gone in rows.iterator():
        if token := people.athletes.get(athlete_id):
            since = known.row(pk, created_at)
            yield {
                "athlete": token,
                "activity": str(pk),
                "day": day,
                "sport": sport,
                "load": load,
                "load_unit": unit,
                "minutes": seconds / 60,
                "withdrawn_at": gone,
                "event_at": started_at or start_of(day),
                "available_at": since if source == STATED else known.load(athlete_id, sport, day, since),
            }


def tests(people: People) -> Iterator[Row]:
    """Yield tests; a corrected one counts as known from the correction on."""
    known = known_since(people)
    columns = ("pk", "athlete_id", "day", "value", "kind", "created_at", "deleted_at")
    for pk, athlete_id, day, value, kind, created_at, gone in (
        of_athletes(Test, people).values_list(*columns).iterator()
    ):
        if token := people.athletes.get(athlete_id):
            yield {
                "athlete": token,
                "test": str(pk),
                "day": day,
                "value": value,
                "kind": kind,
                "withdrawn_at": gone,
                "event_at": start_of(day),
                "available_at": known.row(pk, created_at),
            }


def fits(people: People) -> Iterator[Row]:
    """Yield posterior fits as they were stored."""
    rows = of_athletes(Fit, people).filter(method="posterior")
    columns = ("pk", "athlete_id", "grade", "model_version", "n_tests", "window_until", "report")
    found = rows.values_list(*columns, "created_at", "invalidated_at").iterator()
    for pk, athlete_id, grade, version, n_tests, until, report, at, gone in found:
        if token := people.athletes.get(athlete_id):
            yield {
                "athlete": token,
                "fit": str(pk),
                "grade": grade,
                "model_version": version,
                "n_tests": n_tests,
                "window_until": until,
                **_parameters(report),
                "withdrawn_at": gone,
                "event_at": at,
                "available_at": at,
            }


def start_of(day: date) -> datetime:
    """Return the first moment of a day, UTC."""
    return datetime.combine(day, time.min, tzinfo=UTC)


def _parameters(report: dict[str, Any]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name in ("tau1", "tau2", "k1", "k2", "p0"):
        estimate = report.get(name) or {}
        low, high = estimate.get("interval") or (None, None)
        found |= {name: estimate.get("value"), f"{name}_low": low, f"{name}_high": high}
    return found
