"""Heuristics in words and as documents, made from what coaches did."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from modeling.learned.heuristics import LEAST_FACTOR, MOST_FACTOR
from modeling.training.patterns import Pattern
from plans.document.patch import REASONS

PARAMETER: Final = "plan_heuristic"
ON, OFF = "on", "off"
WEEKDAYS: Final = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_VERBS: Final = {
    "shortened": "shorten",
    "lengthened": "lengthen",
    "swapped": "swap",
    "moved": "move",
    "rest": "drop",
    "intensity": "change the intensity of",
}


def when_text(field: str, value: str) -> str:
    """Return a context in words: after travel weeks, in the taper, on Saturdays, in winter, of elite runners."""
    match field:
        case "after":
            return f"after weeks with {REASONS[value].lower()}"
        case "phase":
            return f"in the {value} phase"
        case "weekday":
            return f"on {WEEKDAYS[int(value)]}"
        case "season":
            return f"in {value}"
        case "group":
            sport, level = value.split(" ")
            return f"of {level} runners" if sport == "running" else f"of {level} cyclists"
    return "at any time"


def sentence(pattern: Pattern, evidence: Mapping[str, Any]) -> str:
    """Return a pattern in words, with what it rests on; evidence as `patterns.Evidence.as_json`.

    Each context has a sentence of its own, the same as `when_text` gives: a language that orders words otherwise
    translates whole sentences.
    """
    what, value = _what(pattern, evidence), pattern.value
    support = f"{evidence['cases']} cases, {evidence['coaches']} coaches"
    match pattern.field:
        case "after":
            return f"Coaches {what} after weeks with {REASONS[value].lower()} ({support})."
        case "phase":
            return f"Coaches {what} in the {value} phase ({support})."
        case "weekday":
            weekday = WEEKDAYS[int(value)]
            return f"Coaches {what} on {weekday} ({support})."
        case "season":
            return f"Coaches {what} in {value} ({support})."
        case "group":
            sport, level = value.split(" ")
            if sport == "running":
                return f"Coaches {what} of {level} runners ({support})."
            return f"Coaches {what} of {level} cyclists ({support})."
    return f"Coaches {what} at any time ({support})."


def document_of(pattern: Pattern, evidence: Mapping[str, Any], *, name: str = "") -> dict[str, Any] | None:
    """Return the heuristic that a pattern makes; None where its change is none that a plan can make beforehand."""
    adjustment = _adjustment(pattern, evidence)
    if adjustment is None:
        return None
    support = {one: int(evidence[one]) for one in ("coaches", "athletes", "cases")}
    return {
        "name": name or name_of(pattern),
        "condition": {"kind": [pattern.kind], **_condition(pattern.field, pattern.value)},
        "adjustment": adjustment,
        "reason": sentence(pattern, evidence),
        "support": support,
    }


def name_of(pattern: Pattern) -> str:
    """Return a name that says what a heuristic does."""
    when = WEEKDAYS[int(pattern.value)] if pattern.field == "weekday" else pattern.value
    words = f"{_VERBS[pattern.change]} {pattern.kind} {pattern.field} {when}".lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-")[:50]


def _what(pattern: Pattern, evidence: Mapping[str, Any]) -> str:
    sessions = f"{pattern.kind} sessions"
    factor, to_kind, shift = (evidence.get(name) for name in ("factor", "to_kind", "shift"))
    share = f"{abs(100 * (1 - factor)):.0f}" if factor else ""
    match pattern.change:
        case "shortened":
            return f"shorten {sessions} by {share} %" if share else f"shorten {sessions}"
        case "lengthened":
            return f"lengthen {sessions} by {share} %" if share else f"lengthen {sessions}"
        case "swapped":
            return f"swap {sessions} for {to_kind} ones" if to_kind else f"swap {sessions}"
        case "moved" if shift:
            days = "a day" if abs(shift) == 1 else f"{abs(shift)} days"
            return f"move {sessions} {days} later" if shift > 0 else f"move {sessions} {days} earlier"
        case "moved":
            return f"move {sessions}"
        case "rest":
            return f"drop {sessions}"
    return f"change how hard {sessions} are"


def _adjustment(pattern: Pattern, evidence: Mapping[str, Any]) -> dict[str, Any] | None:
    factor, to_kind, shift = (evidence.get(name) for name in ("factor", "to_kind", "shift"))
    if pattern.change in ("shortened", "lengthened") and factor and round(factor, 2) != 1:
        return {"adjustment": "volume", "volume_factor": min(max(round(factor, 2), LEAST_FACTOR), MOST_FACTOR)}
    if pattern.change == "swapped" and to_kind:
        return {"adjustment": "swap", "to_kind": to_kind}
    if pattern.change == "moved" and shift:
        return {"adjustment": "move", "day_shift": min(max(shift, -6), 6)}
    return {"adjustment": "rest"} if pattern.change == "rest" else None


def _condition(field: str, value: str) -> dict[str, Any]:
    match field:
        case "after":
            return {"reasons_before": [value]}
        case "weekday":
            return {"weekday": [int(value)]}
        case "group":
            sport, level = value.split(" ")
            return {"sport": [sport], "level": [level]}
        case "":
            return {}
    return {field: [value]}
