"""A session as its reader reads it: in their language, km or miles, pace, watts or heart rate. Pure.

What a plan stores is English and metric, for everybody the same, since it is hashed. These texts are made anew from a
session's numbers, and only where the stored text is the machine's own: what a person wrote is shown as they wrote it.
`static/plans/review/reading.js` says the same for the review page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from common import units
from plans.pipelines.steps import summary as summary_of

Step = dict[str, Any]
GROUNDS: Final = ("jog", "spin")
_NAMED: Final = re.compile(r"^(Easy|Long|Rest|Strength|Race|Half|Marathon|Gran fondo)(?= |$)")
_KM: Final = re.compile(r" (\d+(?:\.\d+)?) km$")
_MACHINES: Final = re.compile(r"^(?:\d+:\d\d–\d+:\d\d /km|\d+–\d+ W|HR \d+–\d+)(?:, (?P<words>.*))?$", re.DOTALL)
_RACE: Final = re.compile(r"^(?P<pace>\d+:\d\d) /km, (?P<word>expected|goal) (?P<time>[\d:]+)$")
_EFFORT: Final = re.compile(r"^effort (?P<effort>\d+(?:–\d+)?) of 10, (?P<words>.*)$", re.DOTALL)


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True)
class Wording:
    """How somebody reads: `translate` takes English, `number` writes a number; units as `common.units` knows them;
    intensity `pace`, `power`, `heart_rate`, or blank for what the session prescribes."""

    translate: Callable[[str], str] = _as_it_is
    number: Callable[[float], str] = "{:g}".format
    units: str = units.METRIC
    intensity: str = ""

    def title(self, title: str) -> str:
        """Return a title: "Long 18 km" is "Langer Lauf 18 km" or "Long 11.2 mi"."""
        named = _NAMED.sub(lambda match: self.translate(match[1]), title)
        if self.units == units.METRIC:
            return named
        return _KM.sub(lambda match: f" {self.distance(float(match[1]))}", named)

    def distance(self, km: float) -> str:
        """Return a distance (km) as "10 km" or "6.2 mi"."""
        return f"{self.number(units.distance_number(km, self.units))} {units.distance_unit(self.units)}"

    def size(self, step: Step) -> str:
        """Return the size of a step: "2 km", "800 m", "15 min", "90 s"."""
        if "distance_m" in step:
            amount, unit = units.step_distance(float(step["distance_m"]), self.units)
            return f"{self.number(amount)} {unit}"
        minutes = float(step.get("duration_min") or 0.0)
        if minutes < 2 and minutes != 1:
            return f"{round(minutes * 60)} s"
        return f"{self.number(minutes)} min"

    def target(self, target: dict[str, Any]) -> str:
        """Return a target: "3:52–3:58 /km, comfortable"; a text that stands for no such numbers stays."""
        text = str(target.get("text") or "")
        machine, effort, race = _MACHINES.match(text), _EFFORT.match(text), _RACE.match(text)
        if race:
            pace = units.pace_text(units.pace_from(race["pace"], units.METRIC), self.units)
            return f"{pace}, {self.translate(race['word'])} {race['time']}"
        if effort:
            return self.translate("effort {effort} of 10, {words}").format(
                effort=effort["effort"], words=self.translate(effort["words"])
            )
        if not machine:
            return self.translate(text)
        numbers = self._numbers(target) or text.split(", ", 1)[0]
        return f"{numbers}, {self.translate(machine['words'])}" if machine["words"] else numbers

    def summary(self, work: dict[str, Any]) -> str:
        """Return a session's steps as one line; the stored line where somebody wrote it."""
        stored, steps = str(work.get("summary") or ""), list(work.get("steps") or [])
        only = str((steps[0].get("target") or {}).get("text") or "") if len(steps) == 1 else ""
        if only and stored.endswith(f" at {only}"):
            race = self.translate(stored.removesuffix(f" at {only}"))
            return self.translate("{size} at {aim}").format(size=race, aim=self.target(steps[0]["target"]))
        ground = next((one for one in GROUNDS if stored and _says(steps, one) == stored), None)
        if ground is None:
            return self.translate(stored)
        return ", ".join(self._said(step, ground) for step in steps)

    def _numbers(self, target: dict[str, Any]) -> str:
        shown = {
            "pace": _range(target, "pace_s_per_km", lambda fast, slow: units.pace_range_text(fast, slow, self.units)),
            "power": _range(target, "power_w", lambda low, high: f"{low:g}–{high:g} W"),
            "heart_rate": _range(target, "hr", self._heart_rate),
        }
        return shown.get(self.intensity) or shown["pace"] or shown["power"]

    def _heart_rate(self, low: float, high: float) -> str:
        return self.translate("HR {low}–{high}").format(low=low, high=high)

    def _said(self, step: Step, ground: str) -> str:
        if "steps" in step:
            work, *rest = step["steps"]
            recovery = f" ({self.size(rest[0])} {self.translate(ground)})" if rest else ""
            return f"{step['repeat']} × {self._at(work)}{recovery}"
        if step["type"] in ("warmup", "cooldown"):
            return f"{self.size(step)} {self.translate('warm-up' if step['type'] == 'warmup' else 'cool-down')}"
        return self._at(step)

    def _at(self, step: Step) -> str:
        aim = self.target(step.get("target") or {}).split(", ")[0]
        return self.translate("{size} at {aim}").format(size=self.size(step), aim=aim) if aim else self.size(step)


def _says(steps: list[Step], ground: str) -> str:
    """Return what the machine would say of the steps, blank where they are not the machine's."""
    try:
        return summary_of(steps, ground)
    except (KeyError, TypeError, ValueError, IndexError):
        return ""


def _range(target: dict[str, Any], name: str, show: Callable[[float, float], str]) -> str:
    found = target.get(name)
    if not isinstance(found, list | tuple) or len(found) != 2:
        return ""
    try:
        return show(*found)
    except (TypeError, ValueError):
        return ""
