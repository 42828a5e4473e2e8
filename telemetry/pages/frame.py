"""What every page of metrics says first: which build, how old, for whom, which weeks; or why there is nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.conf import settings

from common import clock
from telemetry.dashboards.asked import SPANS, Asked, asked_of
from telemetry.dashboards.marts import REACHED, Marts, NotInstalled, OtherBuild
from telemetry.dashboards.reach import Reach
from telemetry.pages.tables import Table
from telemetry.pages.words import Pill, age, days, moment
from telemetry.warehousing import published
from telemetry.warehousing.published import Build

SCHEDULED: Final = "build the warehouse"
STALE: Final = timedelta(hours=26)
_OPTIONS: Final = (
    "SELECT DISTINCT coalesce(experiment_arm, '') AS arm, sport FROM read_parquet($mart_metrics_weekly)"
    f" WHERE {REACHED}"
)
_OLDEST: Final = f"SELECT min(week) AS oldest FROM read_parquet($mart_metrics_weekly) WHERE {REACHED}"


@dataclass(frozen=True)
class Nothing:
    """Why a page has no numbers, and what to do."""

    title: str
    what: str
    command: str = ""


NOT_BUILT: Final = Nothing(
    "No numbers have been built yet",
    "They are built from events once a day. To build them now:",
    "python manage.py warehouse build",
)
NOT_INSTALLED: Final = Nothing(
    "The warehouse is not installed here",
    "Numbers are read with DuckDB, which the extra [warehouse] brings. Install it where the pages are served:",
    "pip install 'mesocycle[warehouse]'",
)
OTHER_BUILD: Final = Nothing(
    "The published numbers are not those that this page reads",
    "An earlier version built them, or a build is just replacing them. Load the page again; if that does not help:",
    "python manage.py warehouse build",
)


@dataclass(frozen=True)
class Freshness:
    """How new the numbers are; next_due: when the schedule builds again."""

    complete: str
    age: str
    next_due: str
    is_stale: bool

    @property
    def pill(self) -> Pill:
        return Pill("warning", f"Stale, {self.age}", "wait")


@dataclass(frozen=True)
class Choice:
    """A value of a filter."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True)
class Found:
    """A page's own numbers: what its template shows, its tables, and whether anything in them is synthetic."""

    shown: Mapping[str, Any]
    tables: tuple[Table, ...]
    is_synthetic: bool
    is_empty: bool = False


@dataclass(frozen=True)
class Page:
    """All that a template needs; nothing is None where there are numbers."""

    reach: Reach
    nothing: Nothing | None = None
    build: Build | None = None
    freshness: Freshness | None = None
    asked: Asked | None = None
    found: Found = field(default_factory=lambda: Found({}, (), is_synthetic=False))
    arms: tuple[Choice, ...] = ()
    sports: tuple[Choice, ...] = ()

    @property
    def range(self) -> str:
        return days(self.asked.start, self.asked.last_day) if self.asked else ""

    @property
    def spans(self) -> list[tuple[str, dict[str, str], bool]]:
        """Return the lengths of time to choose from, with what stands in their addresses."""
        assert self.asked is not None
        asked = self.asked
        return [(label, asked.address(span=name), asked.span == name) for name, label in SPANS.items()]


def page_of(reach: Reach, given: Mapping[str, str], find: Callable[[Marts, Asked], Found]) -> Page:
    """Return a page of the published build; a build that took its place while we read is tried once."""
    build = None
    for _ in range(2):
        build = published.current()
        if build is None:
            return Page(reach, NOT_BUILT)
        try:
            with Marts(build, reach) as marts:
                return _read(marts, given, find)
        except NotInstalled:
            return Page(reach, NOT_INSTALLED)
        except OtherBuild:
            continue
    return Page(reach, OTHER_BUILD, build, freshness_of(build) if build else None)


def freshness_of(build: Build) -> Freshness:
    """Return how new a build's numbers are."""
    old = clock.now() - build.as_of
    return Freshness(moment(build.as_of), age(old), moment(_next_build()), old > STALE)


def _next_build() -> datetime:
    """Return when the schedule builds next: once a day."""
    due = settings.CELERY_BEAT_SCHEDULE[SCHEDULED]["schedule"]
    at = clock.now().replace(hour=min(due.hour), minute=min(due.minute), second=0, microsecond=0)
    return at if at > clock.now() else at + timedelta(days=1)


def _read(marts: Marts, given: Mapping[str, str], find: Callable[[Marts, Asked], Found]) -> Page:
    [row] = marts.rows(_OLDEST)
    asked = asked_of(given, as_of=marts.build.as_of, oldest=_day(row["oldest"]))
    options = marts.rows(_OPTIONS)
    return Page(
        marts.reach,
        None,
        marts.build,
        freshness_of(marts.build),
        asked,
        find(marts, asked),
        _arms({one["arm"] for one in options}, asked.arm),
        _choices({one["sport"] for one in options}, asked.sport),
    )


def _arms(arms: Iterable[str], chosen: str) -> tuple[Choice, ...]:
    """Return experiments, and beneath each its variants."""
    names = set(arms)
    return _choices(names | {name.partition(":")[0] for name in names}, chosen)


def _choices(values: set[str], chosen: str) -> tuple[Choice, ...]:
    """Return values to choose from; one that was asked for and is not there stays visible."""
    known = sorted((values | {chosen}) - {""})
    return tuple(Choice(value, value.replace("_", " ").replace(":", ": "), value == chosen) for value in known)


def _day(value: Any) -> date | None:
    return value if isinstance(value, date) else None
