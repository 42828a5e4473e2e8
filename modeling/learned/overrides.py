"""The part "overrides": what coaches would do to a proposed session, and the rule that says why. Pure.

{"features": […], "heuristics": […], "threshold": 0.5, "coach_share": 0.07, "looked_at": …, "not_identifiable": …,
 "models": {"volume": {…}}, "support": {"volume": {"cases": …, "coaches": …, "athletes": …}},
 "rules": [{"adjustment": "volume", "kind": "long", "field": "reason", "value": "travel", "factor": 0.88, …}]}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from modeling.learned.algorithm import DamagedDocument, Suggestion
from modeling.learned.context import KINDS, LEVELS, PHASES, REASONS, SessionContext, encode, with_usual_coach
from modeling.learned.linear import Damaged, Linear, Vector, is_number, read_heuristics_of, read_linear, read_share
from modeling.learned.words import rule_in_words

ADJUSTMENTS: Final = ("volume", "swap", "move", "rest")
_VALUES: Final = {"reason": REASONS, "phase": PHASES, "level": LEVELS}
_NEEDS: Final = {
    "volume": ("factor", "factor_low", "factor_high"),
    "swap": ("to_kind",),
    "move": ("day_shift",),
    "rest": (),
}
LEAST_FACTOR, MOST_FACTOR = 0.3, 1.5


@dataclass(frozen=True, slots=True)
class Rule:
    """Coaches make an adjustment to a kind of session more often where a condition holds.

    field, value: "reason" (of the week before), "phase", "level" or "heuristic", and which. share: of the sessions that
    coaches looked at there; usual_share: of the kind's others. more: difference within coaches, with its 80 %
    interval. factor: minutes after over before, with its 80 % interval.
    """

    adjustment: str
    kind: str
    field: str
    value: str
    cases: int
    looked_at: int
    coaches: int
    athletes: int
    share: float
    usual_share: float
    more: float
    more_low: float
    more_high: float
    factor: float = 1.0
    factor_low: float = 1.0
    factor_high: float = 1.0
    to_kind: str = ""
    day_shift: int = 0

    def holds(self, context: SessionContext) -> bool:
        """Return whether the rule speaks of a session."""
        if context.kind != self.kind:
            return False
        if self.field == "reason":
            return self.value in context.reasons_before
        if self.field == "heuristic":
            return self.value in context.heuristics
        return bool(getattr(context, self.field) == self.value)


@dataclass(frozen=True)
class LearnedOverrides:
    """What coaches adjust. coach_share: of the usual coach, whom plans ask about: theirs is not known to them."""

    models: Mapping[str, Linear]
    rules: tuple[Rule, ...]
    heuristics: tuple[str, ...]
    threshold: float
    coach_share: float | None = None

    def suggest(self, context: SessionContext) -> Suggestion | None:
        """Return the most probable adjustment that a rule supports, None where coaches would probably keep the session.

        A probability without a rule is no suggestion: nobody could say why.
        """
        rules = [rule for rule in self.rules if rule.holds(context)]
        if not rules:
            return None
        chances = self.chances(encode([with_usual_coach(context, self.coach_share)], self.heuristics))
        likely = [(float(chances[rule.adjustment][0]), rule.more_low, rule) for rule in rules]
        probability, _, rule = max(likely, key=lambda one: one[:2])
        return None if probability < self.threshold else _suggestion(rule, probability, context.sport)

    def chances(self, features: Vector) -> dict[str, Vector]:
        """Return (n,) probabilities by adjustment for encoded contexts, (n, features)."""
        return {name: model.probabilities(features) for name, model in self.models.items()}


def read_overrides(part: Any) -> LearnedOverrides:
    """Return the model of its document.

    Raises:
        DamagedDocument: something is missing, no number, out of bounds, or of other features.
    """
    try:
        heuristics = read_heuristics_of("overrides", part)
        models, threshold = part.get("models"), part.get("threshold")
        if not isinstance(models, Mapping) or not models.keys() <= set(ADJUSTMENTS):
            raise Damaged("overrides/models are not of known adjustments")
        if not is_number(threshold) or not 0 < threshold <= 1:
            raise Damaged("overrides/threshold is no probability")
        size = len(part["features"])
        read = {name: read_linear(f"overrides/models/{name}", models[name], size) for name in sorted(models)}
        if not isinstance(part.get("rules"), list):
            raise Damaged("overrides/rules is no list")
        rules = tuple(_rule(f"overrides/rules/{at}", rule) for at, rule in enumerate(part["rules"]))
        share = read_share("overrides", part)
        if any(rule.adjustment not in read for rule in rules):
            raise Damaged("overrides/rules has a rule without its model")
    except Damaged as error:
        raise DamagedDocument(str(error)) from error
    return LearnedOverrides(read, rules, heuristics, float(threshold), share)


def _suggestion(rule: Rule, probability: float, sport: str) -> Suggestion:
    return Suggestion(
        adjustment=rule.adjustment,
        probability=probability,
        reason=rule_in_words(rule, sport),
        volume_factor=rule.factor if rule.adjustment == "volume" else None,
        to_kind=rule.to_kind if rule.adjustment == "swap" else None,
        day_shift=rule.day_shift if rule.adjustment == "move" else None,
        coaches=rule.coaches,
        athletes=rule.athletes,
        cases=rule.cases,
    )


def _rule(where: str, given: Any) -> Rule:
    if not isinstance(given, Mapping):
        raise Damaged(f"{where} is no object")
    if given.get("adjustment") not in ADJUSTMENTS or given.get("kind") not in KINDS:
        raise Damaged(f"{where} has no known adjustment and kind")
    field, value = given.get("field"), given.get("value")
    if not isinstance(value, str) or (field != "heuristic" and value not in _VALUES.get(str(field), ())):
        raise Damaged(f"{where} has no known condition")
    known = {one.name for one in fields(Rule)}
    needed = {name for name in known if name not in {"factor", "factor_low", "factor_high", "to_kind", "day_shift"}}
    missing = (needed | set(_NEEDS[given["adjustment"]])) - given.keys()
    if missing or given.keys() - known:
        raise Damaged(f"{where} lacks {', '.join(sorted(missing)) or 'nothing, but has unknown members'}")
    numbers = known - {"adjustment", "kind", "field", "value", "to_kind"}
    if not all(is_number(given[name]) for name in numbers & given.keys()):
        raise Damaged(f"{where} has something that is no number")
    rule = Rule(**given)
    _check_bounds(where, rule)
    return rule


def _check_bounds(where: str, rule: Rule) -> None:
    if rule.adjustment == "volume" and not 0 < rule.factor_low <= rule.factor <= rule.factor_high:
        raise Damaged(f"{where} has a factor outside its interval")
    if rule.adjustment == "volume" and not LEAST_FACTOR <= rule.factor <= MOST_FACTOR:
        raise Damaged(f"{where} has a factor outside {LEAST_FACTOR} to {MOST_FACTOR}")
    if rule.adjustment == "swap" and rule.to_kind not in KINDS:
        raise Damaged(f"{where} swaps to no known kind")
    if rule.adjustment == "move" and not 1 <= abs(rule.day_shift) <= 6:
        raise Damaged(f"{where} moves by no 1 to 6 days")
