"""Heuristics: a named condition on a session's context, and the adjustment that goes with it. Data, never code. Pure.

    {"name": "short-after-travel", "condition": {"kind": ["long"], "reasons_before": ["travel"]},
     "adjustment": {"adjustment": "volume", "volume_factor": 0.88}, "reason": "Coaches shorten …",
     "support": {"coaches": 9, "athletes": 21, "cases": 34}}

A condition lists values (one of them), or gives bounds: {"minutes": {"at_least": 60, "below": 120}}; all of its members
hold at once. Of `reasons_before` one of those listed suffices.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modeling.learned.algorithm import DamagedDocument, OverrideModel, Suggestion
from modeling.learned.context import AGE_GROUPS, KINDS, LEVELS, PHASES, REASONS, SEASONS, SPORTS, TIERS, SessionContext

LONGEST_NAME: Final = 60
LONGEST_REASON: Final = 300
CHOICES: Final[dict[str, tuple[Any, ...]]] = {
    "sport": SPORTS,
    "level": LEVELS,
    "tier": TIERS,
    "age_group": AGE_GROUPS,
    "season": SEASONS,
    "kind": KINDS,
    "phase": PHASES,
    "weekday": tuple(range(7)),
    "key_session": (True, False),
    "is_recovery": (True, False),
    "reasons_before": REASONS,
}
BOUNDED: Final = ("minutes", "load", "week_number", "weeks_to_race", "load_ratio", "adherence_28d", "coach_share")
LEAST_FACTOR, MOST_FACTOR = 0.3, 1.5
_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SUPPORT: Final = ("coaches", "athletes", "cases")


class WrongHeuristic(ValueError):
    """A heuristic that makes no sense. place: where, as a JSON pointer."""

    def __init__(self, place: str, detail: str) -> None:
        self.place, self.detail = place, detail
        super().__init__(f"{place}: {detail}")


@dataclass(frozen=True, slots=True)
class Heuristic:
    """A heuristic that was checked. condition, adjustment: as the document has them."""

    name: str
    condition: Mapping[str, Any]
    adjustment: Mapping[str, Any]
    reason: str
    support: Mapping[str, int]

    def holds(self, context: SessionContext) -> bool:
        """Return whether the condition holds; what is not known meets no bound."""
        return all(_meets(getattr(context, field), wanted) for field, wanted in self.condition.items())

    def suggestion(self) -> Suggestion:
        """Return the adjustment as plans take it; a heuristic is certain where it holds."""
        return Suggestion(
            adjustment=self.adjustment["adjustment"],
            probability=1.0,
            reason=self.reason,
            volume_factor=self.adjustment.get("volume_factor"),
            to_kind=self.adjustment.get("to_kind"),
            day_shift=self.adjustment.get("day_shift"),
            coaches=self.support.get("coaches", 0),
            athletes=self.support.get("athletes", 0),
            cases=self.support.get("cases", 0),
        )

    def as_json(self) -> dict[str, Any]:
        names = ("name", "condition", "adjustment", "reason", "support")
        return {name: dict(value) if isinstance(value := getattr(self, name), Mapping) else value for name in names}


@dataclass(frozen=True)
class HeuristicOverrides:
    """Heuristics as an override model: the first whose condition holds; where none does, `otherwise` answers."""

    heuristics: Sequence[Heuristic]
    otherwise: OverrideModel | None = None

    def suggest(self, context: SessionContext) -> Suggestion | None:
        """Return the adjustment worth making beforehand, None where there is none."""
        for one in self.heuristics:
            if one.holds(context):
                return one.suggestion()
        return self.otherwise.suggest(context) if self.otherwise else None


def names_that_hold(heuristics: Iterable[Heuristic], context: SessionContext) -> frozenset[str]:
    """Return what `SessionContext.heuristics` is to be: the names whose condition holds there."""
    return frozenset(one.name for one in heuristics if one.holds(context))


def read_heuristic(document: Mapping[str, Any]) -> Heuristic:
    """Check a heuristic and return it.

    Raises:
        WrongHeuristic: a name, field, value or adjustment that is not known, or numbers out of bounds.
    """
    unknown = sorted(set(document) - {"name", "condition", "adjustment", "reason", "support"})
    if unknown:
        raise WrongHeuristic(f"/{unknown[0]}", "There is no such member.")
    name, reason = document.get("name"), document.get("reason")
    if not isinstance(name, str) or len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise WrongHeuristic("/name", f"A name is small letters, digits and hyphens, at most {LONGEST_NAME}.")
    if not isinstance(reason, str) or not 0 < len(reason.strip()) <= LONGEST_REASON or "\0" in reason:
        raise WrongHeuristic("/reason", f"Say what coaches do and when, in at most {LONGEST_REASON} characters.")
    return Heuristic(
        name,
        _condition(document.get("condition")),
        _adjustment(document.get("adjustment")),
        reason.strip(),
        _support(document.get("support", {})),
    )


def read_heuristics(documents: Iterable[Mapping[str, Any]]) -> tuple[Heuristic, ...]:
    """Read the part "heuristics" of a model's document.

    Raises:
        DamagedDocument: one of them makes no sense, or two have one name.
    """
    try:
        found = tuple(read_heuristic(one) for one in documents)
    except (WrongHeuristic, TypeError, AttributeError) as error:
        raise DamagedDocument(f"heuristics: {error}") from error
    if len({one.name for one in found}) < len(found):
        raise DamagedDocument("heuristics: two have one name")
    return found


def _condition(given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping) or not given:
        raise WrongHeuristic("/condition", "A condition says at least one thing.")
    for field, wanted in given.items():
        place = f"/condition/{field}"
        if field in CHOICES:
            known = CHOICES[field]
            is_list = isinstance(wanted, Sequence) and not isinstance(wanted, str) and len(wanted) > 0
            if not is_list or any(not _is_one_of(value, known) for value in wanted):
                raise WrongHeuristic(place, f"List one or more of {', '.join(str(one) for one in known)}.")
        elif field in BOUNDED:
            _bounds(place, wanted)
        else:
            raise WrongHeuristic(place, "There is no such field.")
    return {field: dict(value) if isinstance(value, Mapping) else list(value) for field, value in given.items()}


def _is_one_of(value: Any, known: Sequence[Any]) -> bool:
    """Return whether a value is among those known; True is no weekday 1."""
    return any(type(value) is type(one) and value == one for one in known)


def _bounds(place: str, wanted: Any) -> None:
    is_bounds = isinstance(wanted, Mapping) and wanted and not set(wanted) - {"at_least", "below"}
    if not is_bounds or any(not _is_number(value) for value in wanted.values()):
        raise WrongHeuristic(place, "Give numbers as at_least, below or both.")
    if "at_least" in wanted and "below" in wanted and wanted["at_least"] >= wanted["below"]:
        raise WrongHeuristic(place, "Nothing is at least the one and below the other.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _adjustment(given: Any) -> Mapping[str, Any]:
    needs = {"volume": "volume_factor", "swap": "to_kind", "move": "day_shift", "rest": ""}
    what = given.get("adjustment") if isinstance(given, Mapping) else None
    if what not in needs:
        raise WrongHeuristic("/adjustment", f"An adjustment is one of {', '.join(needs)}.")
    if set(given) != {"adjustment", needs[what]} - {""}:
        raise WrongHeuristic("/adjustment", f"{what} takes {needs[what] or 'nothing else'}.")
    factor, kind, shift = given.get("volume_factor", 0.5), given.get("to_kind", KINDS[0]), given.get("day_shift", 1)
    if not _is_number(factor) or not LEAST_FACTOR <= factor <= MOST_FACTOR or factor == 1:
        raise WrongHeuristic("/adjustment", f"volume_factor is from {LEAST_FACTOR} to {MOST_FACTOR}, and not 1.")
    if kind not in KINDS:
        raise WrongHeuristic("/adjustment", f"to_kind is one of {', '.join(KINDS)}.")
    if type(shift) is not int or not 1 <= abs(shift) <= 6:
        raise WrongHeuristic("/adjustment", "day_shift is 1 to 6 days, earlier ones negative.")
    return dict(given)


def _support(given: Any) -> Mapping[str, int]:
    if not isinstance(given, Mapping) or set(given) - set(_SUPPORT):
        raise WrongHeuristic("/support", f"Support counts {', '.join(_SUPPORT)}.")
    if any(type(value) is not int or value < 0 for value in given.values()):
        raise WrongHeuristic("/support", "Counts are whole numbers from 0.")
    return dict(given)


def _meets(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        if value is None:
            return False
        return bool(wanted.get("at_least", -math.inf) <= value < wanted.get("below", math.inf))
    if isinstance(value, frozenset):
        return bool(value & set(wanted))
    return value in wanted
