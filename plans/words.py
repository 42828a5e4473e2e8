"""The words of plans that pages translate when they show them."""

from __future__ import annotations

from collections.abc import Iterator

from common.translating.words import WORDS, Words
from modeling.core.guards import GUARDS
from modeling.learned.context import KINDS as ADJUSTABLE
from modeling.learned.context import SEASONS
from modeling.tagging.tags import LABELS
from plans.document.adjustments import ADJUSTMENTS
from plans.document.content import KINDS
from plans.document.patch import REASONS
from plans.evidence.words import changes
from plans.heuristics import WEEKDAYS
from plans.pipelines.intensity import CYCLING, RUNNING
from plans.workflow import State

PHASES = ("base", "build", "peak", "taper", "race", "recovery")
STEP_TYPES = ("warmup", "work", "recovery", "cooldown", "steady", "warm-up", "cool-down", "jog", "spin")
OTHERS = (
    "running", "cycling", "strength", "rest", "other", "calibrated", "provisional", "population", "template",
    "simplified", "advanced", "auto", "added", "removed", "replaced", "changed", "moved away", "moved here",
    "Easy", "Long", "Rest", "Strength", "Race", "Half", "Marathon", "Gran fondo", "generated", "more", "less",
    "taken back", "changed since", "share", "weeks", "days", "HR {low}–{high}", "{size} at {aim}", "{repeat} times:",
    "effort {effort} of 10, {words}", "fitness", "fatigue", "power", "pace", "heart rate", "given", "hr", "rpe", "race",
    "expected", "goal",
    "5k", "10k", "40km tt", "half marathon", "gran fondo",
)  # fmt: skip


def words() -> Iterator[str]:
    """Yield the words that stand in plans as values."""
    yield from (*PHASES, *STEP_TYPES, *OTHERS, *KINDS)
    yield from (state.value.replace("_", " ") for state in State)
    yield from (state.label for state in State)
    yield from (name.replace("_", " ") for name in GUARDS)
    yield from (guard.unit for guard in GUARDS.values())
    yield from (*REASONS.values(), *LABELS.values())
    for zones in (RUNNING, CYCLING):
        yield from (name.replace("_", " ") for name in zones)
        yield from (zone.words for zone in zones.values())


def of_overrides() -> Iterator[str]:
    """Yield the words that stand as values in clusters of what coaches change, and in heuristics."""
    from plans.models import CompletionStatus

    yield from (*changes(), *ADJUSTMENTS, *CompletionStatus.values, "earlier", "later", "one coach")
    yield from (*WEEKDAYS, *(f"on {day}" for day in WEEKDAYS), *SEASONS, *(f"in {one}" for one in SEASONS))
    yield from (f"{kind} sessions" for kind in ADJUSTABLE)


def register() -> None:
    """Name them to whoever collects texts."""
    WORDS.register("plans", Words(words, in_scripts=True))
    WORDS.register("overrides", Words(of_overrides))
