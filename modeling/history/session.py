"""The common last step of the workout formats: a recorded session becomes an activity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from modeling.history.checks import BadValue, make_activity
from modeling.history.contract import ParsedActivity, Sport
from modeling.history.streams import Stream, summarise

MIN_STREAM_SHARE = 0.5
"""A stream that covers less of the session than this does not speak for it; then the device's own summary does."""

_SPORT_WORDS: Mapping[str, Sport] = {
    "run": "running", "running": "running", "trail": "running", "treadmill": "running", "jog": "running",
    "jogging": "running", "lauf": "running", "laufen": "running", "course": "running", "hardlopen": "running",
    "ride": "cycling", "riding": "cycling", "bike": "cycling", "biking": "cycling", "cycling": "cycling",
    "virtualride": "cycling", "ebikeride": "cycling", "gravelride": "cycling", "mountainbikeride": "cycling",
    "virtualrun": "running", "trailrun": "running", "radfahren": "cycling", "rad": "cycling", "velo": "cycling",
    "fietsen": "cycling", "bicycle": "cycling", "mtb": "cycling", "cyclisme": "cycling", "ciclismo": "cycling",
}  # fmt: skip


@dataclass
class RecordedSession:
    """A session as a format gives it: the device's sport and summary (names as in `make_activity`), and its stream."""

    sport: Sport | None
    stream: Stream | None
    started: float | None = None
    summary: dict[str, Any] = field(default_factory=dict)


def sport_of(text: str | None) -> Sport | None:
    """Return the sport that a word of an exporter means; "other" for a word that is none of ours, None for no word."""
    if not text or not text.strip():
        return None
    words = "".join(c if c.isalnum() else " " for c in text.lower()).split()
    for word in ["".join(words), *words]:
        if word in _SPORT_WORDS:
            return _SPORT_WORDS[word]
    return "other"


def to_activity(
    session: RecordedSession, *, source_name: str, default_sport: Sport | None, time_zone: tzinfo | None
) -> ParsedActivity:
    """Reduce the session; the stream speaks first (so that formats agree), the device's summary fills what it lacks.

    Raises:
        BadValue: neither a usable stream nor a summary with a start and a duration, or absurd values.
    """
    sport: Sport = session.sport or default_sport or "other"
    values, started = dict(session.summary), session.started
    try:
        if session.stream is None:
            raise BadValue("no points with a time")
        reduced = summarise(session.stream, sport)
        stated = float(values.get("duration_s") or 0.0)
        if reduced.recorded_s >= MIN_STREAM_SHARE * stated:
            values |= {name: value for name, value in reduced.fields().items() if value is not None}
            started = reduced.started
    except BadValue:
        if started is None or not values.get("duration_s"):
            raise
    if started is None:
        raise BadValue("no start time")
    return make_activity(
        source_name=source_name,
        sport=sport,
        started_at=_moment(started),
        time_zone=time_zone,
        **values,
    )


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadValue(f"the start time is absurd ({seconds:g})") from error
