"""Small files in the formats, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

START = datetime(2024, 5, 1, 6, 0, tzinfo=UTC)


def gpx(
    points: Sequence[tuple[float, float, float]], *, start: datetime = START, kind: str = "running", hr: int = 150
) -> bytes:
    """Return a GPX track of (seconds, latitude, longitude)."""
    body = "".join(
        f'<trkpt lat="{lat}" lon="{lon}"><time>{(start + timedelta(seconds=s)).isoformat()}</time>'
        f"<extensions><hr>{hr}</hr></extensions></trkpt>"
        for s, lat, lon in points
    )
    return f'<?xml version="1.0"?><gpx><trk><type>{kind}</type><trkseg>{body}</trkseg></trk></gpx>'.encode()


def northward(seconds: int, speed_m_s: float, *, step: int = 1) -> list[tuple[float, float, float]]:
    """Return points due north at a constant speed."""
    return [(s, 50 + s * speed_m_s / 111_195.08, 8.0) for s in range(0, seconds + 1, step)]


def tcx(watts: Sequence[int], *, start: datetime = START, sport: str = "Biking") -> bytes:
    """Return a TCX activity of one point a second with power, heart rate 140 and 10 m/s."""
    body = "".join(
        f"<Trackpoint><Time>{(start + timedelta(seconds=s)).isoformat()}</Time>"
        f"<DistanceMeters>{10 * s}</DistanceMeters><HeartRateBpm><Value>140</Value></HeartRateBpm>"
        f"<Extensions><TPX><Watts>{w}</Watts></TPX></Extensions></Trackpoint>"
        for s, w in enumerate(watts)
    )
    total = f"<TotalTimeSeconds>{len(watts)}</TotalTimeSeconds>"
    lap = f'<Lap StartTime="{start.isoformat()}">{total}<Track>{body}</Track></Lap>'
    return (
        '<?xml version="1.0"?><TrainingCenterDatabase><Activities>'
        f'<Activity Sport="{sport}">{lap}</Activity></Activities></TrainingCenterDatabase>'
    ).encode()
