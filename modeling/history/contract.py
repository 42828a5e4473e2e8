"""What a parser hands over: plain, frozen data about activities, tests and problems.

`parse_file` (in `modeling.history.parse`) is the only door: it takes one file as
bytes and never raises for bad content. What could not be read is a `ParseProblem`; one with `line=None` concerns the
whole file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Sport = Literal["running", "cycling", "other"]
EffortKind = Literal["distance", "power"]
TestKind = Literal["lab", "race", "field"]
FileFormat = Literal["fit", "tcx", "gpx", "strava", "table", "zip", "unknown"]

ColumnMapping = Mapping[str, str]
"""Field → column header, e.g. {"date": "Datum", "load": "Belastung", "test": "FTP test"}.

Fields: see `modeling.history.columns.FIELDS`. Beside columns it takes settings: `load_unit` (default "TSS"),
`test_kind` ("lab", "race", "field"; default "lab": a column of tests holds a protocol), `distance_unit` ("m", "km",
"mi"), `duration_unit` ("s", "min", "h", "h:mm:ss"), `day_order` ("dmy", "mdy") and `decimal` ("." or ","). An empty
column name ("load": "") switches a guessed column off.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds within which one file is read; whatever exceeds one is refused as a whole, without growing further."""

    max_bytes: int = 64 * 1024 * 1024
    max_uncompressed_bytes: int = 256 * 1024 * 1024
    max_points: int = 500_000
    max_rows: int = 200_000
    max_seconds: float = 60.0
    max_archive_seconds: float = 300.0
    max_members: int = 20_000
    max_problems: int = 1_000


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Effort:
    """The best stretch of one activity: fastest over a distance, or strongest over a time.

    Attributes:
        name: "1k", "3k", "5k", "10k", "half_marathon", "marathon" or "5min", "20min", "60min".
        seconds: duration of the stretch.
        distance_m: its length (distance efforts only).
        watts: its mean power (power efforts only).
        mean_hr: mean heart rate over the stretch, beats a minute, if recorded.
    """

    kind: EffortKind
    name: str
    seconds: float
    distance_m: float | None = None
    watts: float | None = None
    mean_hr: float | None = None


@dataclass(frozen=True, slots=True)
class ParsedActivity:
    """One session as read from one file, independent of format.

    Attributes:
        source_name: file (for archives "export.zip/activities/1.fit.gz").
        line: line in a table, None elsewhere.
        started_at: aware, UTC; None when the source has a date without clock time.
        day: the athlete's calendar day (their time zone if the caller gave one, else UTC).
        duration_s: time recorded, without pauses; equals elapsed time where pauses are unknown. 0 if the source
            has a load and nothing else.
        moving_s: time in motion, or None.
        elapsed_s: start to end with pauses, or None.
        load, load_unit: as stated by the source (a column, or the device), not computed here; `load_source` says which.
        stated_ftp_w: the FTP which the device used, a hint for a threshold.
        fingerprint: stable hash of what identifies the activity; the same file gives the same fingerprints again.
            Two files of one activity usually differ here: `same_activity` decides.
    """

    source_name: str
    line: int | None
    started_at: datetime | None
    day: date
    sport: Sport
    duration_s: float
    fingerprint: str
    moving_s: float | None = None
    elapsed_s: float | None = None
    distance_m: float | None = None
    mean_hr: float | None = None
    max_hr: float | None = None
    normalised_power_w: float | None = None
    mean_power_w: float | None = None
    ascent_m: float | None = None
    rpe: float | None = None
    load: float | None = None
    load_unit: str = "TSS"
    load_source: Literal["table", "device"] | None = None
    stated_ftp_w: float | None = None
    external_id: str | None = None
    efforts: tuple[Effort, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedTest:
    """One performance test stated by a file, on the sport's "higher is better" scale."""

    source_name: str
    line: int | None
    day: date
    value: float
    kind: TestKind = "lab"


@dataclass(frozen=True, slots=True)
class ParseProblem:
    """Something that was not imported, and why. `line` None: the whole file."""

    source: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        """Render as "file, line 7: reason"."""
        where = self.source if self.line is None else f"{self.source}, line {self.line}"
        return f"{where}: {self.reason}"


@dataclass(frozen=True, slots=True)
class ParseResult:
    """All that one file gave.

    Attributes:
        problems: rows or files that were not imported (the import's exit status depends on it).
        notes: decisions taken while reading, worth telling ("days read as dd/mm", "2 repeated rows folded").
        file_format: detected by content.
    """

    activities: tuple[ParsedActivity, ...] = ()
    tests: tuple[ParsedTest, ...] = ()
    problems: tuple[ParseProblem, ...] = ()
    notes: tuple[str, ...] = ()
    file_format: FileFormat = "unknown"

    @property
    def refused(self) -> bool:
        """Whether the file as a whole gave nothing."""
        return not self.activities and not self.tests and any(p.line is None for p in self.problems)
