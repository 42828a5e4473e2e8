"""FIT files (Garmin's Flexible and Interoperable Data Transfer), decoded by fitdecode."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import fitdecode  # type: ignore[import-untyped]

from modeling.history.limits import BoundedReader, Deadline, Refused
from modeling.history.session import RecordedSession, sport_of
from modeling.history.streams import StreamBuilder

SEMICIRCLE_DEGREES = 180.0 / 2**31
MAX_SESSIONS = 100

_SUMMARY = {
    "duration_s": "total_timer_time",
    "elapsed_s": "total_elapsed_time",
    "distance_m": "total_distance",
    "mean_hr": "avg_heart_rate",
    "max_hr": "max_heart_rate",
    "mean_power_w": "avg_power",
    "normalised_power_w": "normalized_power",
    "ascent_m": "total_ascent",
    "load": "training_stress_score",
    "stated_ftp_w": "threshold_power",
}


def read_fit(reader: BoundedReader, *, max_points: int, deadline: Deadline) -> list[RecordedSession]:
    """Return the sessions of a FIT file (several in a multisport file).

    Raises:
        Refused: damaged, beyond the limits, or not an activity file.
    """
    builder = StreamBuilder(max_points, deadline)
    sessions: list[dict[str, Any]] = []
    try:
        with fitdecode.FitReader(
            BytesIO(reader.read_all()),
            check_crc=fitdecode.CrcCheck.RAISE,
            error_handling=fitdecode.ErrorHandling.IGNORE,
        ) as frames:
            for frame in frames:
                deadline.tick()
                if not isinstance(frame, fitdecode.FitDataMessage):
                    continue
                if frame.name == "record":
                    _add_record(builder, frame)
                elif frame.name == "session":
                    sessions.append({f.name: f.value for f in frame.fields if f.value is not None})
                    if len(sessions) > MAX_SESSIONS:
                        raise Refused(f"more than {MAX_SESSIONS} sessions in one file")
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001  fitdecode raises struct, key and index errors on damaged files as well
        raise Refused(f"damaged FIT data ({type(error).__name__}: {str(error)[:120]})") from error
    if not sessions and not len(builder):
        raise Refused("a FIT file without an activity in it")
    return _sessions(builder, sessions)


def _add_record(builder: StreamBuilder, frame: fitdecode.FitDataMessage) -> None:
    moment = frame.get_value("timestamp", fallback=None)
    if not isinstance(moment, datetime):
        return
    lat, lon = _number(frame, "position_lat"), _number(frame, "position_long")
    altitude = _number(frame, "enhanced_altitude")
    builder.add(
        time=_utc(moment).timestamp(),
        hr=_number(frame, "heart_rate"),
        power=_number(frame, "power"),
        distance=_number(frame, "distance"),
        lat=None if lat is None else lat * SEMICIRCLE_DEGREES,
        lon=None if lon is None else lon * SEMICIRCLE_DEGREES,
        altitude=_number(frame, "altitude") if altitude is None else altitude,
    )


def _number(frame: fitdecode.FitDataMessage, name: str) -> float | None:
    value = frame.get_value(name, fallback=None)
    return float(value) if isinstance(value, int | float) else None


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _sessions(builder: StreamBuilder, sessions: list[dict[str, Any]]) -> list[RecordedSession]:
    stream = builder.build() if len(builder) else None
    if not sessions:
        return [RecordedSession(None, stream)]
    recorded = []
    for session in sessions:
        start, end = (session.get(key) for key in ("start_time", "timestamp"))
        started = _utc(start).timestamp() if isinstance(start, datetime) else None
        part = stream
        if len(sessions) > 1 and stream is not None and started is not None and isinstance(end, datetime):
            part = stream.between(started, _utc(end).timestamp())
        summary = {k: session[v] for k, v in _SUMMARY.items() if isinstance(session.get(v), int | float)}
        if "load" in summary:
            summary["load_source"] = "device"
        recorded.append(RecordedSession(sport_of(str(session.get("sport") or "")), part, started, summary))
    return recorded
