"""Training Center XML (Garmin's TrackPointExtension and ActivityExtension v2 among the namespaces, which are
ignored).
"""

from __future__ import annotations

from collections.abc import Mapping

from modeling.history.limits import BoundedReader, Deadline, Refused
from modeling.history.session import RecordedSession, sport_of
from modeling.history.streams import StreamBuilder
from modeling.history.xml import number, timestamp, walk

_POINT_FIELDS = {
    "LatitudeDegrees": "lat",
    "LongitudeDegrees": "lon",
    "AltitudeMeters": "altitude",
    "DistanceMeters": "distance",
    "Watts": "power",
}


class _Tcx:
    def __init__(self, max_points: int, deadline: Deadline) -> None:
        self.sessions: list[RecordedSession] = []
        self._max_points = max_points
        self._deadline = deadline
        self._left = max_points
        self._builder: StreamBuilder | None = None
        self._sport: str | None = None
        self._point: dict[str, float | None] = {}
        self._laps: dict[str, float] = {}
        self._started: float | None = None

    def start(self, name: str, attributes: Mapping[str, str], path: list[str]) -> None:
        if name == "Activity":
            self._builder = StreamBuilder(self._left, self._deadline)
            self._sport, self._laps, self._started = attributes.get("Sport"), {}, None
        elif name == "Lap" and self._started is None:
            self._started = timestamp(attributes.get("StartTime", ""))
        elif name == "Trackpoint":
            self._point = {}

    def end(self, name: str, text: str, path: list[str]) -> None:
        if self._builder is None:
            return
        if name == "Activity":
            self._finish(self._builder)
        elif name == "Trackpoint":
            self._builder.add(**self._point)
        elif "Trackpoint" in path:
            self._point_value(name, text, path)
        elif len(path) > 1 and path[-2] == "Lap" and name in ("TotalTimeSeconds", "DistanceMeters"):
            self._laps[name] = self._laps.get(name, 0.0) + (number(text) or 0.0)

    def _point_value(self, name: str, text: str, path: list[str]) -> None:
        if name == "Time":
            self._point["time"] = timestamp(text)
        elif name == "Value" and path[-2] == "HeartRateBpm":
            self._point["hr"] = number(text)
        elif name in _POINT_FIELDS:
            self._point[_POINT_FIELDS[name]] = number(text)

    def _finish(self, builder: StreamBuilder) -> None:
        if len(self.sessions) >= 100:
            raise Refused("more than 100 activities in one file")
        self._left -= len(builder)
        summary = {"duration_s": self._laps.get("TotalTimeSeconds"), "distance_m": self._laps.get("DistanceMeters")}
        stream = builder.build() if len(builder) else None
        self.sessions.append(RecordedSession(sport_of(self._sport), stream, self._started, summary))
        self._builder = None


def read_tcx(reader: BoundedReader, *, max_points: int, deadline: Deadline) -> list[RecordedSession]:
    """Return the activities of a TCX file.

    Raises:
        Refused: not well-formed, hostile, or beyond the limits.
    """
    handler = _Tcx(max_points, deadline)
    walk(reader, handler, deadline)
    return handler.sessions
