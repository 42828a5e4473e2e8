"""History in: files become activities and tests, each activity once, whatever format or exporter it came from."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import BinaryIO
from uuid import UUID

from accounts.models import Athlete
from audit.services import record
from common.context import unit_of_work
from common.errors import InvalidInput
from common.registries import Registry
from modeling.history.contract import ColumnMapping, ParsedActivity, ParsedTest, ParseProblem, ParseResult
from modeling.history.match import is_richer, match_activities
from modeling.history.parse import is_archive, iter_archive, parse_file
from modeling.models import Activity, Test
from modeling.policies import Actor, athlete_to_import_for
from modeling.rows import parsed_from_row, row_from_parsed
from modeling.services.corrections import invalidate_fits, tell_of_tests
from modeling.services.loads import apply_load, load_of
from modeling.thresholds import DatedThresholds
from telemetry.services import emit

# Filled by plans: called with (athlete, new activities, who imports) in the import's transaction.
ACTIVITY_IMPORTED: Registry[Callable[[Athlete, list[Activity], Actor], None]] = Registry("activity imported")

Source = tuple[str, bytes | BinaryIO]
Progress = Callable[[int, int, str], None]


@dataclass
class ImportReport:
    """What an import did: counts, and every file or row that was not taken with its reason."""

    files: int = 0
    added: int = 0
    known: int = 0
    tests_added: int = 0
    flagged: int = 0
    first_day: date | None = None
    last_day: date | None = None
    problems: list[ParseProblem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        return {
            "files": self.files,
            "added": self.added,
            "known": self.known,
            "tests_added": self.tests_added,
            "flagged": self.flagged,
            "first_day": self.first_day.isoformat() if self.first_day else None,
            "last_day": self.last_day.isoformat() if self.last_day else None,
            "problems": [{"source": p.source, "line": p.line, "reason": p.reason} for p in self.problems],
            "notes": self.notes,
        }


def import_history(
    *,
    athlete_id: UUID,
    sources: Sequence[Source],
    acting_user: Actor,
    mapping: ColumnMapping | None = None,
    start: date | None = None,
    sport: str | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import files into an athlete's history; each file is one transaction, a broken file or row loses nothing else.

    Args:
        sources: (name, content) of each file; zip archives are opened.
        mapping, start, sport: for tables, see `modeling.history.parse_file`.
        progress: called with (files done, files in all, name).

    Raises:
        NotVisible, NotPermitted: outside the user's scope; not the role's.
        InvalidInput: no file at all.
    """
    if not sources:
        raise InvalidInput("Give at least one file.", pointer="/files")
    with unit_of_work(acting_user):
        athlete = athlete_to_import_for(acting_user, athlete_id)
    zone = zoneinfo.ZoneInfo(athlete.time_zone)
    report = ImportReport()
    for position, source in enumerate(sources):
        if progress:
            progress(position, len(sources), source[0])
        for item in _opened(source):
            if isinstance(item, ParseProblem):
                report.problems.append(item)
                continue
            name, data = item
            # Where nothing names the sport (a table of loads), it is the athlete's own.
            parsed = parse_file(name, data, mapping=mapping, start=start, sport=sport or athlete.sport, time_zone=zone)
            report.files += 1
            _take(athlete_id, parsed, report, acting_user)
    if progress:
        progress(len(sources), len(sources), "")
    return report


def add_activities(
    *, athlete_id: UUID, activities: Sequence[ParsedActivity], acting_user: Actor
) -> tuple[ImportReport, list[Activity]]:
    """Add activities that came as data (JSON); the rows returned are those that were new.

    Raises:
        NotVisible, NotPermitted: outside the user's scope; not the role's.
    """
    report = ImportReport()
    rows = _take(athlete_id, ParseResult(activities=tuple(activities)), report, acting_user)
    return report, rows


def _opened(source: Source) -> Iterable[Source | ParseProblem]:
    name, data = source
    return iter_archive(name, data) if is_archive(data) else [source]


def _take(athlete_id: UUID, parsed: ParseResult, report: ImportReport, acting_user: Actor) -> list[Activity]:
    """Store one file's content in one transaction and add it to the report."""
    report.problems.extend(parsed.problems)
    report.notes.extend(note for note in parsed.notes if note not in report.notes)
    if not parsed.activities and not parsed.tests:
        return []
    with unit_of_work(acting_user):
        athlete = athlete_to_import_for(acting_user, athlete_id, lock=True)
        rows = _new_rows(athlete, parsed.activities)
        Activity.objects.bulk_create(rows, batch_size=500)
        tests = _new_tests(athlete, parsed.tests)
        Test.objects.bulk_create(tests, batch_size=500)
        days = [row.day for row in rows] + [test.day for test in tests]
        if days:
            invalidate_fits(athlete, since=min(days), because="history was imported")
            _count(report, rows, days)
        for _, tell in ACTIVITY_IMPORTED.items():
            tell(athlete, rows, acting_user)
        tell_of_tests(athlete, {test.day for test in tests}, acting_user)
        report.added += len(rows)
        report.known += len(parsed.activities) - len(rows)
        report.tests_added += len(tests)
        metadata = {
            "files": 1,
            "added": len(rows),
            "known": len(parsed.activities) - len(rows),
            "tests": len(tests),
            "problems": len(parsed.problems),
        }
        record("history.import", target_id=athlete.pk, subject_id=athlete.pk, metadata=metadata)
        counts = {name: metadata[name] for name in ("added", "known", "tests", "problems")}
        told = {"athlete": athlete.pk, "sport": athlete.sport, **counts}
        emit("activity.imported", aggregate_id=athlete.pk, data=told)
        return rows


def _new_rows(athlete: Athlete, activities: Sequence[ParsedActivity]) -> list[Activity]:
    """Return unsaved rows for what the history does not hold yet; a known activity takes over a richer record's
    data."""
    if not activities:
        return []
    first, last = min(a.day for a in activities), max(a.day for a in activities)
    nearby = list(
        Activity.objects.filter(
            athlete=athlete, deleted_at=None, day__gte=first - timedelta(days=1), day__lte=last + timedelta(days=1)
        )
    )
    known = [parsed_from_row(row) for row in nearby]
    thresholds = DatedThresholds.of(athlete)
    new, enriched = [], []
    for activity, twin in zip(activities, match_activities(known, activities), strict=True):
        if twin is not None and not is_richer(activity, known[twin]):
            continue
        row = row_from_parsed(activity, athlete)
        apply_load(row, load_of(activity, athlete, thresholds))
        if twin is None:
            new.append(row)
        else:
            row.pk, row.created_at = nearby[twin].pk, nearby[twin].created_at
            enriched.append(row)
    for row in enriched:
        row.save(force_update=True)
        invalidate_fits(athlete, since=row.day, because="an activity's richer record was imported")
    return new


def _new_tests(athlete: Athlete, tests: Sequence[ParsedTest]) -> list[Test]:
    known = set(Test.objects.filter(athlete=athlete, deleted_at=None).values_list("day", "value"))
    rows = []
    for test in tests:
        if (test.day, test.value) not in known:
            known.add((test.day, test.value))
            rows.append(
                Test(
                    athlete=athlete, day=test.day, value=test.value, kind=test.kind, source_name=test.source_name[:255]
                )
            )
    return rows


def _count(report: ImportReport, rows: Sequence[Activity], days: Sequence[date]) -> None:
    report.flagged += sum(1 for row in rows if any("stale" in flag for flag in row.load_flags))
    report.first_day = min([*days, *([report.first_day] if report.first_day else [])])
    report.last_day = max([*days, *([report.last_day] if report.last_day else [])])
