"""When two records are one activity: the same session from another format, device or exporter.

Nobody does two sessions at once, so with clock times the overlap decides. Without (a table of days), duration and
distance must agree. A pair is matched one to one, so that three equal intervals of a day meet three, not one.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import product
from typing import Protocol

START_TOLERANCE_S = 120.0
RELATIVE_TOLERANCE = 0.03
OVERLAP = 0.9
TABLE_TOLERANCE = 0.02


class Recorded(Protocol):
    """What matching looks at: `ParsedActivity` has it, and so may a stored activity."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def day(self) -> date: ...
    @property
    def sport(self) -> str: ...
    @property
    def duration_s(self) -> float: ...
    @property
    def moving_s(self) -> float | None: ...
    @property
    def elapsed_s(self) -> float | None: ...
    @property
    def distance_m(self) -> float | None: ...
    @property
    def mean_hr(self) -> float | None: ...
    @property
    def normalised_power_w(self) -> float | None: ...
    @property
    def load(self) -> float | None: ...
    @property
    def efforts(self) -> Sized: ...


@dataclass(frozen=True, slots=True)
class Window:
    """Days between which (inclusive) an activity's twin must lie; a database query on them finds all candidates."""

    first: date
    last: date


def candidate_window(activity: Recorded) -> Window:
    """Return the days to search: a day either way, since time zones move a session over midnight."""
    return Window(activity.day - timedelta(days=1), activity.day + timedelta(days=1))


def same_activity(a: Recorded, b: Recorded) -> bool:
    """Tell whether two records are the same session.

    - Both with clock time: they overlap by 90 % of the longer, or start within two minutes (half the shorter at most)
      and agree in duration and distance within 3 %.
    - One without: the same day, duration and distance within 2 % (without a distance: duration within 0.5 % and mean
      heart rate within 1 bpm).
    - Both without: the same day, duration within 1 s, distance within 10 m, mean heart rate within 1 bpm.
    - Records that state nothing but a load are the same only by fingerprint.
    """
    if a.fingerprint == b.fingerprint:
        return True
    if a.started_at is not None and b.started_at is not None:
        return _same_by_clock(a, b)
    if a.day != b.day or {a.sport, b.sport} == {"running", "cycling"}:
        return False
    if a.started_at is None and b.started_at is None:
        return _same_rows(a, b)
    return _same_by_size(a, b)


def match_activities(known: Sequence[Recorded], incoming: Sequence[Recorded]) -> list[int | None]:
    """Match each incoming activity with at most one known one, each known one being taken once.

    Returns:
        For every incoming activity the index of its twin in `known`, or None if it is new. Equal fingerprints go first.
        Activities of one call are not compared with each other: call it file by file, adding what was new to `known`.
    """
    found: list[int | None] = [None] * len(incoming)
    taken: set[int] = set()
    by_print = {activity.fingerprint: i for i, activity in reversed(list(enumerate(known)))}
    for i, activity in enumerate(incoming):
        twin = by_print.get(activity.fingerprint)
        if twin is not None and twin not in taken:
            found[i] = twin
            taken.add(twin)
    by_day: dict[date, list[int]] = {}
    for i, activity in enumerate(known):
        by_day.setdefault(activity.day, []).append(i)
    for i, activity in enumerate(incoming):
        if found[i] is None:
            days = (activity.day + timedelta(days=shift) for shift in (0, -1, 1))
            near = (k for day in days for k in by_day.get(day, ()) if k not in taken)
            found[i] = next((k for k in near if same_activity(known[k], activity)), None)
            if (twin := found[i]) is not None:
                taken.add(twin)
    return found


def is_richer(a: Recorded, b: Recorded) -> bool:
    """Tell whether `a` says more than `b`: power, then heart rate, clock time, distance, best efforts."""
    return _richness(a) > _richness(b)


def _richness(activity: Recorded) -> tuple[bool, bool, bool, bool, int]:
    return (
        activity.normalised_power_w is not None,
        activity.mean_hr is not None,
        activity.started_at is not None,
        activity.distance_m is not None,
        len(activity.efforts),
    )


def _same_by_clock(a: Recorded, b: Recorded) -> bool:
    assert a.started_at is not None and b.started_at is not None
    apart = abs((a.started_at - b.started_at).total_seconds())
    spans = [activity.elapsed_s or activity.duration_s for activity in (a, b)]
    if not all(spans):
        return apart < 1 and a.load == b.load
    begin = max(a.started_at, b.started_at)
    end = min(x.started_at + timedelta(seconds=s) for x, s in zip((a, b), spans, strict=True) if x.started_at)
    if (end - begin).total_seconds() >= OVERLAP * max(spans):
        return True
    if apart > min(START_TOLERANCE_S, min(spans) / 2):
        return False
    return (
        _durations_near(a, b, RELATIVE_TOLERANCE) and _near(a.distance_m, b.distance_m, RELATIVE_TOLERANCE) is not False
    )


def _same_rows(a: Recorded, b: Recorded) -> bool:
    if not (a.duration_s and b.duration_s and a.distance_m and b.distance_m):
        return False
    if a.mean_hr and b.mean_hr and abs(a.mean_hr - b.mean_hr) > 1:
        return False
    # Rounding of one table to whole seconds and metres, or to 0.01 km, is not another session.
    return abs(a.duration_s - b.duration_s) <= 1 and abs(a.distance_m - b.distance_m) <= 10


def _same_by_size(a: Recorded, b: Recorded) -> bool:
    if not _durations_near(a, b, TABLE_TOLERANCE):
        return False
    by_distance = _near(a.distance_m, b.distance_m, TABLE_TOLERANCE)
    if by_distance is not None:
        return by_distance
    heart = a.mean_hr is not None and b.mean_hr is not None and abs(a.mean_hr - b.mean_hr) <= 1
    return heart and _durations_near(a, b, 0.005)


def _durations_near(a: Recorded, b: Recorded, tolerance: float) -> bool:
    """Exporters state recorded, moving or elapsed time: it is enough that one of each agrees."""
    ours, theirs = ((x.duration_s, x.moving_s, x.elapsed_s) for x in (a, b))
    return any(x and y and abs(x - y) <= max(1.0, tolerance * max(x, y)) for x, y in product(ours, theirs))


def _near(a: float | None, b: float | None, tolerance: float) -> bool | None:
    if not a or not b:
        return None
    return abs(a - b) <= tolerance * max(a, b)
