"""Pipelines: from an athlete's snapshot and a goal to a proposed plan. Pure; the door for everything above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plans.pipelines.contract import AthleteBasics, AthleteSnapshot, ProposedPlan, RaceGoal
from plans.pipelines.errors import InvalidGoal
from plans.pipelines.goal import validate_goal

if TYPE_CHECKING:
    from plans.pipelines.registry import check_plan, generate

__all__ = [
    "AthleteBasics",
    "AthleteSnapshot",
    "InvalidGoal",
    "ProposedPlan",
    "RaceGoal",
    "check_plan",
    "generate",
    "validate_goal",
]


def __getattr__(name: str) -> Any:
    """Import the registry only when asked: it needs scipy, and validating a goal does not."""
    if name in ("check_plan", "generate"):
        from plans.pipelines import registry

        return getattr(registry, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
