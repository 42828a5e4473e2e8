"""A session as a Zwift workout (ZWO), for rides by power and runs by pace.

Zwift publishes no schema; this keeps to elements that its own workouts use, as collected by the Zwift workout file
reference (h4l) and by zwo-editor (breiko83): shares of FTP, or in runs of one of the runner's race paces; every
`Duration` of a file in seconds; `PowerLow` where a ramp starts and `PowerHigh` where it ends, in a cool-down too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree  # nosec B405  # writes, reads nothing

from plans.export.contract import ScheduledSession
from plans.export.errors import NotExportable
from plans.export.steps import Range, Step, workout_of
from plans.export.text import one_line, plain
from plans.pipelines.intensity import RUNNING

AUTHOR: Final = "Mesocycle"
PACE_OF_10K: Final = "2"
"""Zwift knows no threshold pace, only race paces: 0 a mile, 1 5 km, 2 10 km, 3 half marathon, 4 marathon."""
LEAST_SHARE: Final = 0.2
MOST_SHARE: Final = 2.0

Share = Callable[[Step], Range | None]


@dataclass(frozen=True, slots=True)
class _Part:
    """A step as Zwift knows it; `share` is None where it has no target: a free ride."""

    type: str
    seconds: int
    share: Range | None
    message: str


def zwo_of(
    session: ScheduledSession, *, ftp_w: float | None = None, threshold_pace_s_per_km: float | None = None
) -> bytes:
    """Return a session as a ZWO file.

    ftp_w: what watts are a share of, for rides; threshold_pace_s_per_km: from it follows the 10 km pace (as the
    pipelines' zones have it) that runs are a share of. Steps by distance become seconds at the middle of their target.

    Raises:
        NotExportable: no ride and no run; no steps (rest, race); the threshold is missing; no step has a target in
            watts or pace; a step by distance has no pace; a target is beyond 0.2 to 2.0 of the threshold.
    """
    sport, share = _sport_of(session, ftp_w, threshold_pace_s_per_km)
    blocks = [(block.repeat, [_part(step, share) for step in block.steps]) for block in workout_of(session)]
    if all(part.share is None for _, parts in blocks for part in parts):
        raise NotExportable("Zwift needs targets in watts or pace, and this session has none.")
    root = ElementTree.Element("workout_file")
    for tag, text in (
        ("author", AUTHOR),
        ("name", one_line(session.title) or session.kind.capitalize()),
        ("description", plain(session.prescribed_work.get("summary"))),
        ("sportType", sport),
        ("durationType", "time"),
    ):
        ElementTree.SubElement(root, tag).text = text
    workout = ElementTree.SubElement(root, "workout")
    for repeat, parts in blocks:
        _add_block(workout, repeat, parts)
    if sport == "run":
        for element in (element for element in workout if element.tag != "FreeRide"):
            element.set("pace", PACE_OF_10K)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _sport_of(session: ScheduledSession, ftp_w: float | None, pace: float | None) -> tuple[str, Share]:
    """Return Zwift's name of the sport and how a step's target becomes a share of the threshold."""
    if session.modality == "cycling":
        if not ftp_w or ftp_w <= 0:
            raise NotExportable("Zwift needs your FTP: do a test first.")
        return "bike", lambda step: _scaled(step.power_w, lambda watts: watts / ftp_w)
    if session.modality == "running":
        if not pace or pace <= 0:
            raise NotExportable("Zwift needs your threshold pace: do a test first.")
        pace_of_10k = pace * RUNNING["threshold"].factor / RUNNING["10k"].factor
        return "run", lambda step: _scaled(step.pace_s_per_km, lambda found: pace_of_10k / found)
    raise NotExportable("Zwift knows rides and runs only.")


def _scaled(target: Range | None, scale: Callable[[float], float]) -> Range | None:
    """Return a target as (low, high) shares of the threshold; a pace's low share is its slow end."""
    if target is None:
        return None
    low, high = sorted(round(scale(value), 3) for value in target)
    if low < LEAST_SHARE or high > MOST_SHARE:
        raise NotExportable("A target is too far from your threshold for Zwift.")
    return low, high


def _part(step: Step, share: Share) -> _Part:
    found = share(step)
    message = step.note if found else ". ".join(text for text in (step.text, step.note) if text)
    return _Part(step.type, _seconds(step), found, message)


def _seconds(step: Step) -> int:
    if step.seconds is not None:
        return step.seconds
    if step.pace_s_per_km is None or step.metres is None:
        raise NotExportable("Zwift needs times, and a step has a distance without a pace.")
    speed = sum(1000 / pace for pace in step.pace_s_per_km) / 2
    return max(round(step.metres / speed), 1)


def _add_block(workout: ElementTree.Element, repeat: int, parts: list[_Part]) -> None:
    """Add a block: one IntervalsT for repeated work and recovery, else its parts one after the other."""
    if repeat > 1 and len(parts) == 2 and parts[0].share and parts[1].share:
        on, off = parts
        intervals = ElementTree.SubElement(workout, "IntervalsT", Repeat=str(repeat))
        for name, part, share in (("On", on, parts[0].share), ("Off", off, parts[1].share)):
            intervals.set(f"{name}Duration", str(part.seconds))
            intervals.set(f"{name}Power", _middle(share))
        _say(intervals, on.message)
        return
    for _ in range(repeat):
        for part in parts:
            _add_part(workout, part)


def _add_part(workout: ElementTree.Element, part: _Part) -> None:
    duration = str(part.seconds)
    if part.share is None:
        element = ElementTree.SubElement(workout, "FreeRide", Duration=duration)
    elif part.type in ("warmup", "cooldown"):
        low, high = (f"{share:.3f}" for share in part.share)
        start, end, tag = (low, high, "Warmup") if part.type == "warmup" else (high, low, "Cooldown")
        element = ElementTree.SubElement(workout, tag, Duration=duration, PowerLow=start, PowerHigh=end)
    else:
        element = ElementTree.SubElement(workout, "SteadyState", Duration=duration, Power=_middle(part.share))
    _say(element, part.message)


def _middle(share: Range) -> str:
    return f"{sum(share) / 2:.3f}"


def _say(element: ElementTree.Element, message: str) -> None:
    if message:
        ElementTree.SubElement(element, "textevent", timeoffset="0", message=message)
