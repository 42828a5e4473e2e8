"""GPX 1.0 and 1.1: tracks with times; heart rate and power from the usual extensions. Routes and waypoints are no
activity.
"""

from __future__ import annotations

from collections.abc import Mapping

from modeling.history.limits import BoundedReader, Deadline, Refused
from modeling.history.session import RecordedSession, sport_of
from modeling.history.streams import StreamBuilder
from modeling.history.xml import number, timestamp, walk

_POINT_FIELDS = {
    "ele": "altitude",
    "hr": "hr",
    "heartrate": "hr",
    "power": "power",
    "PowerInWatts": "power",
    "watts": "power",
}


class _Gpx:
    def __init__(self, max_points: int, deadline: Deadline) -> None:
        self.sessions: list[RecordedSession] = []
        self._deadline = deadline
        self._left = max_points
        self._builder: StreamBuilder | None = None
        self._sport: str | None = None
        self._point: dict[str, float | None] = {}

    def start(self, name: str, attributes: Mapping[str, str], path: list[str]) -> None:
        if name == "trk":
            self._builder, self._sport = StreamBuilder(self._left, self._deadline), None
        elif name == "trkpt":
            self._point = {"lat": number(attributes.get("lat")), "lon": number(attributes.get("lon"))}

    def end(self, name: str, text: str, path: list[str]) -> None:
        if self._builder is None:
            return
        if name == "trk":
            self._finish(self._builder)
        elif name == "trkpt":
            self._builder.add(**self._point)
        elif "trkpt" in path:
            if name == "time":
                self._point["time"] = timestamp(text)
            elif name in _POINT_FIELDS:
                self._point[_POINT_FIELDS[name]] = number(text)
        elif name == "type" and path[-2] == "trk":
            self._sport = text

    def _finish(self, builder: StreamBuilder) -> None:
        if len(self.sessions) >= 100:
            raise Refused("more than 100 tracks in one file")
        self._left -= len(builder)
        # Strava writes a number ("9" is a run, "1" a ride) where others write a word.
        numbered = {"9": "running", "1": "cycling"}
        sport = sport_of(numbered.get(self._sport or "", self._sport))
        self.sessions.append(RecordedSession(sport, builder.build() if len(builder) else None))
        self._builder = None


def read_gpx(reader: BoundedReader, *, max_points: int, deadline: Deadline) -> list[RecordedSession]:
    """Return the tracks of a GPX file.

    Raises:
        Refused: not well-formed, hostile, or beyond the limits.
    """
    handler = _Gpx(max_points, deadline)
    walk(reader, handler, deadline)
    return handler.sessions
