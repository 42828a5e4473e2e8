"""Sessions in the words and units of whoever reads the page that is being made."""

from __future__ import annotations

from typing import Any

from accounts.preferences import Reader, current_reader
from common.translating.showing import number, shown
from plans.wording import Step, Wording


def wording(reader: Reader | None = None) -> Wording:
    """Return how a reader reads sessions: in the language at hand, by their units and intensity."""
    who = reader or current_reader()
    return Wording(translate=shown, number=number, units=who.units, intensity=who.intensity)


def steps_as_read(steps: list[Step], words: Wording) -> list[dict[str, Any]]:
    """Return steps as text: blocks with `repeat` and `steps`, steps with `size`, `type`, `target` and `note`."""
    return [
        {"repeat": step.get("repeat", 1), "steps": steps_as_read(step["steps"], words)}
        if step.get("steps")
        else {
            "size": words.size(step),
            "type": shown(str(step.get("type") or "")),
            "target": words.target(step.get("target") or {}),
            "note": shown(str(step.get("note") or "")),
        }
        for step in steps
    ]
