"""The door of the importer: one file in, activities, tests and problems out, whatever the file holds."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, tzinfo
from io import BytesIO
from typing import BinaryIO, cast, get_args

from modeling.history.checks import BadValue
from modeling.history.contract import (
    DEFAULT_LIMITS,
    ColumnMapping,
    FileFormat,
    Limits,
    ParsedActivity,
    ParseProblem,
    ParseResult,
    Sport,
)
from modeling.history.fit import read_fit
from modeling.history.gpx import read_gpx
from modeling.history.limits import BoundedReader, Deadline, Refused, open_bounded
from modeling.history.session import RecordedSession, to_activity
from modeling.history.table import read_table
from modeling.history.tcx import read_tcx

PEEK = 4096
_KINDS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive",
    b"SQLite format": "an SQLite database",
    b"\xd0\xcf\x11\xe0": "an old Office document",
}
_TRAINING_SUFFIXES = (".fit", ".tcx", ".gpx", ".fit.gz", ".tcx.gz", ".gpx.gz")


def parse_file(
    name: str,
    data: BinaryIO | bytes,
    *,
    mapping: ColumnMapping | None = None,
    start: date | None = None,
    sport: str | None = None,
    time_zone: tzinfo | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> ParseResult:
    """Read one file: FIT, TCX, GPX, Strava's activities.csv or a plain table, gzip-compressed or not.

    The format is detected by content, not by name. Nothing is raised for bad content: a row or session that cannot be
    read is a problem with its line, a whole file one without.

    Args:
        name: shown in problems.
        mapping: columns and settings of a table, see `contract.ColumnMapping`.
        start: date of day 1 (or of day 0, if the table counts from 0) in a table of numbered days.
        sport: "running", "cycling" or "other" where the file does not say.
        time_zone: the athlete's; decides to which day a session with clock time belongs (UTC if None).
        limits: bounds beyond which the file is refused.
    """
    if sport is not None and sport not in get_args(Sport):
        return _refusal(name, f"unknown sport {sport!r}")
    context = _Context(name, mapping or {}, start, cast(Sport | None, sport), time_zone, limits)
    try:
        return _read(open_bounded(data, limits), context)
    except (Refused, BadValue) as error:
        return _refusal(name, str(error))
    except Exception as error:  # noqa: BLE001  the promise to the caller: bad content is a problem, never an exception
        return _refusal(name, f"unreadable ({type(error).__name__})")


@dataclass(frozen=True, slots=True)
class _Context:
    """What the caller of `parse_file` said."""

    name: str
    mapping: ColumnMapping
    start: date | None
    sport: Sport | None
    time_zone: tzinfo | None
    limits: Limits


def _read(reader: BoundedReader, context: _Context) -> ParseResult:
    deadline = Deadline(context.limits.max_seconds)
    file_format = detect_format(reader)
    if file_format == "zip":
        raise Refused("an archive inside an archive, or one that should have been opened by iter_archive")
    if file_format == "table":
        return read_table(
            reader,
            context.name,
            mapping=context.mapping,
            start=context.start,
            sport=context.sport,
            time_zone=context.time_zone,
            limits=context.limits,
            deadline=deadline,
        )
    read = {"fit": read_fit, "tcx": read_tcx, "gpx": read_gpx}[file_format]
    sessions = read(reader, max_points=context.limits.max_points, deadline=deadline)
    return _activities(context.name, sessions, context.sport, context.time_zone, file_format)


def detect_format(reader: BoundedReader) -> FileFormat:
    """Return the format by the first bytes.

    Raises:
        Refused: a file of another kind.
    """
    head = reader.peek(PEEK)
    if not head.strip(b"\0 \r\n\t"):
        raise Refused("empty")
    if len(head) >= 12 and head[8:12] == b".FIT" and head[0] in (12, 14):
        return "fit"
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    for magic, kind in _KINDS.items():
        if head.startswith(magic):
            raise Refused(f"{kind}, not a training file")
    # UTF-16 XML has a zero byte beside every letter.
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t")
    if text.startswith(b"<"):
        if b"<!DOCTYPE" in text.upper() and b"<HTML" not in text.upper():
            raise Refused("XML with a document type or entities is not accepted")
        if b"<TrainingCenterDatabase" in text or b":TrainingCenterDatabase" in text:
            return "tcx"
        if b"<gpx" in text or b":gpx" in text:
            return "gpx"
        raise Refused("XML or HTML, but neither TCX nor GPX")
    return "table"


def _activities(
    name: str, sessions: list[RecordedSession], sport: Sport | None, time_zone: tzinfo | None, file_format: FileFormat
) -> ParseResult:
    activities: list[ParsedActivity] = []
    problems: list[ParseProblem] = []
    for number, session in enumerate(sessions, start=1):
        try:
            activity = to_activity(session, source_name=name, default_sport=sport, time_zone=time_zone)
        except BadValue as error:
            which = f"session {number}: " if len(sessions) > 1 else ""
            problems.append(ParseProblem(name, None, f"{which}{error}"))
            continue
        if all(activity.fingerprint != other.fingerprint for other in activities):
            activities.append(activity)
    if not sessions:
        problems.append(ParseProblem(name, None, "no activity in it"))
    return ParseResult(tuple(activities), (), tuple(problems), (), file_format)


def _refusal(name: str, reason: str) -> ParseResult:
    return ParseResult(problems=(ParseProblem(name, None, reason),))


def is_archive(data: bytes | BinaryIO) -> bool:
    """Tell whether this is a zip archive; a stream is rewound."""
    if isinstance(data, bytes):
        return data.startswith(b"PK\x03\x04")
    head = data.read(4)
    data.seek(0)
    return head == b"PK\x03\x04"


def iter_archive(
    name: str, data: bytes | BinaryIO, *, limits: Limits = DEFAULT_LIMITS
) -> Iterator[tuple[str, bytes] | ParseProblem]:
    """Yield the training files of a zip archive (Strava's export), each as (name, bytes) for `parse_file`, or a
    problem.

    Sizes are counted while decompressing, never believed; the archive's total is bounded by `max_uncompressed_bytes`
    · 8, a member by `max_uncompressed_bytes`, their number by `max_members`, and the time until the last is asked for
    by `max_archive_seconds`: many small members may each unpack to much. Only activities.csv and training files are
    opened.
    """
    try:
        archive = zipfile.ZipFile(BytesIO(data) if isinstance(data, bytes) else data)
        members = archive.infolist()
    except Exception:  # noqa: BLE001  zipfile raises struct, value and key errors as well on damaged archives
        yield ParseProblem(name, None, "damaged zip archive")
        return
    if len(members) > limits.max_members:
        yield ParseProblem(name, None, f"more than {limits.max_members:,} files in the archive")
        return
    total, deadline = 0, Deadline(limits.max_archive_seconds)
    for member in members:
        if deadline.is_over():
            yield ParseProblem(name, None, f"reading the archive took longer than {limits.max_archive_seconds:g} s")
            return
        inside = member.filename.rpartition("/")[2].lower()
        if not (inside.endswith(_TRAINING_SUFFIXES) or inside == "activities.csv"):
            continue
        shown = f"{name}/{member.filename[:200]}"
        found = _member(archive, member, shown, limits)
        if isinstance(found, bytes):
            total += len(found)
            if total > 8 * limits.max_uncompressed_bytes:
                yield ParseProblem(name, None, "the archive is too large when decompressed")
                return
            yield shown, found
        else:
            yield found


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, shown: str, limits: Limits) -> bytes | ParseProblem:
    try:
        with archive.open(member) as stream:
            data = stream.read(limits.max_uncompressed_bytes + 1)
    except Exception as error:  # noqa: BLE001  as above; one member's damage must not lose the others
        return ParseProblem(shown, None, f"damaged in the archive ({type(error).__name__})")
    if len(data) > limits.max_uncompressed_bytes:
        return ParseProblem(shown, None, "too large when decompressed")
    return data
