"""A session's prescribed work as typed steps, with the targets' numbers where they are usable."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from plans.export.contract import ScheduledSession
from plans.export.errors import NotExportable
from plans.export.text import one_line

Range = tuple[float, float]

MOST_SECONDS: Final = 24 * 3600
MOST_METRES: Final = 1_000_000.0
MOST_STEPS: Final = 1000
LIMITS: Final = {"power_w": (1.0, 3000.0), "pace_s_per_km": (60.0, 3600.0), "hr": (20.0, 260.0)}
"""Numbers beyond these are typing errors, not targets: watts, seconds a km, beats a minute."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: either `seconds` or `metres` is known. Targets are (low, high) numbers, for pace (fast, slow)."""

    type: str
    seconds: int | None
    metres: float | None
    power_w: Range | None
    pace_s_per_km: Range | None
    hr: Range | None
    text: str
    note: str
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Block:
    """Steps done `repeat` times in a row; a lone step is a block of one, done once."""

    repeat: int
    steps: tuple[Step, ...]


def blocks_of(session: ScheduledSession) -> tuple[Block, ...]:
    """Return a session's steps; none for a session that has none."""
    found = (_block(step) for step in session.prescribed_work.get("steps", []))
    return tuple(block for block in found if block.steps)


def workout_of(session: ScheduledSession) -> tuple[Block, ...]:
    """Return the steps of a session that a trainer or a watch can lead through.

    Raises:
        NotExportable: the session is a race or rest, has no steps, has a step longer than a day or 1,000 km, or comes
            to more than 1,000 steps with its repetitions.
    """
    blocks = blocks_of(session)
    if session.kind in ("race", "rest") or not blocks:
        raise NotExportable(f"“{one_line(session.title)}” has no steps to be led through.")
    if sum(block.repeat * len(block.steps) for block in blocks) > MOST_STEPS:
        raise NotExportable(f"“{one_line(session.title)}” has more than {MOST_STEPS} steps.")
    for step in (step for block in blocks for step in block.steps):
        if (step.seconds or 0) > MOST_SECONDS or (step.metres or 0.0) > MOST_METRES:
            raise NotExportable(f"“{one_line(session.title)}” has a step longer than a day or 1,000 km.")
    return blocks


def _block(raw: dict[str, Any]) -> Block:
    if "steps" in raw:
        return Block(int(raw["repeat"]), tuple(_step(inner) for inner in raw["steps"]))
    return Block(1, (_step(raw),))


def _step(raw: dict[str, Any]) -> Step:
    target = raw.get("target", {})
    return Step(
        type=str(raw["type"]),
        seconds=_seconds(raw["duration_min"]) if "duration_min" in raw else None,
        metres=min(float(raw["distance_m"]), 2 * MOST_METRES) if "distance_m" in raw else None,
        power_w=_range(target, "power_w"),
        pace_s_per_km=_range(target, "pace_s_per_km"),
        hr=_range(target, "hr"),
        text=one_line(target.get("text")),
        note=one_line(raw.get("note")),
        raw=raw,
    )


def _seconds(minutes: float) -> int:
    """Return whole seconds: minutes are stored with two decimals, so 20 seconds come as 0.33 minutes."""
    return max(round(min(minutes, 2 * MOST_SECONDS / 60) * 60), 1)


def _range(target: dict[str, Any], name: str) -> Range | None:
    """Return a target's (low, high), None for what is not two numbers within `LIMITS`."""
    found = target.get(name)
    least, most = LIMITS[name]
    if not isinstance(found, list | tuple) or len(found) != 2:
        return None
    numbers = [float(n) for n in found if isinstance(n, int | float) and not isinstance(n, bool)]
    if len(numbers) != 2 or not all(math.isfinite(n) and least <= n <= most for n in numbers):
        return None
    return min(numbers), max(numbers)
