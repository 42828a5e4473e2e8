"""A rule in words, as a coach reads it: what coaches do, when, and what that rests on. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from modeling.learned.overrides import Rule

_KINDS: Final = {
    "easy": ("easy runs", "easy rides"),
    "long": ("long runs", "long rides"),
    "tempo": ("tempo runs", "tempo rides"),
    "interval": ("interval sessions", "interval sessions"),
    "repetition": ("repetition sessions", "repetition sessions"),
    "strength": ("strength sessions", "strength sessions"),
}
_AFTER: Final = {
    "injury": "after weeks with an injury",
    "illness": "after weeks of illness",
    "time_constraint": "after weeks short of time",
    "athlete_preference": "after weeks changed at the athlete's wish",
    "fatigue": "after weeks of fatigue",
    "travel": "after travel weeks",
    "weather": "after weeks of bad weather",
    "equipment": "after weeks of trouble with equipment",
    "coach_judgement": "after weeks changed at the coach's own judgement",
}


def kind_in_words(kind: str, sport: str = "running") -> str:
    """Return "long runs", "long rides"."""
    return _KINDS[kind][sport == "cycling"]


def when_in_words(field: str, value: str) -> str:
    """Return a rule's condition: "after travel weeks", "in the build phase", "for beginners"."""
    if field == "reason":
        return _AFTER[value]
    if field == "phase":
        return f"in the {value} phase"
    if field == "level":
        return "for beginners" if value == "beginner" else f"for {value} athletes"
    return f"where “{value}” holds"


def rule_in_words(rule: Rule, sport: str = "running") -> str:
    """Return "coaches shorten long runs by 12 % after travel weeks (80 % interval 10–14 %; 34 cases, 9 coaches)"."""
    what, when = kind_in_words(rule.kind, sport), when_in_words(rule.field, rule.value)
    rests_on = f"{rule.cases} cases, {rule.coaches} coaches"
    if rule.adjustment == "volume":
        verb = "shorten" if rule.factor < 1 else "lengthen"
        low, high = sorted(100 * abs(one - 1) for one in (rule.factor_low, rule.factor_high))
        digits = 0 if round(low) < round(high) else 1
        by = round(100 * abs(rule.factor - 1))
        return (
            f"coaches {verb} {what} by {by} % {when} (80 % interval {low:.{digits}f}–{high:.{digits}f} %; {rests_on})"
        )
    share = (
        f"in {round(100 * rule.share)} % of {rule.looked_at} sessions, otherwise in {round(100 * rule.usual_share)} %"
    )
    if rule.adjustment == "swap":
        return f"coaches replace {what} by {kind_in_words(rule.to_kind, sport)} {when} ({share}; {rests_on})"
    if rule.adjustment == "move":
        days = f"{abs(rule.day_shift)} day{'s' if abs(rule.day_shift) > 1 else ''}"
        return f"coaches move {what} {days} {'later' if rule.day_shift > 0 else 'earlier'} {when} ({share}; {rests_on})"
    return f"coaches drop {what} {when} ({share}; {rests_on})"
