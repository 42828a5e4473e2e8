"""Support levels (H5): where a report goes, by what it is about and how bad it is. Pure.

The levels are those of the phased rollout plan's "Support Strategy": 1 answers and explains, 2 looks into numbers and
speed, 3 mends the system.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    LOW = "low"  # a question or a wish
    MEDIUM = "medium"  # hinders, and there is a way around
    HIGH = "high"  # something does not work
    CRITICAL = "critical"  # nothing works, or following the plan would do harm


class Topic(StrEnum):
    ACCOUNT = "account"
    GUIDANCE = "guidance"
    ERROR = "error"
    PERFORMANCE = "performance"
    CALCULATION = "calculation"
    DATA_ACCURACY = "data_accuracy"
    UNSAFE_PLAN = "unsafe_plan"
    OUTAGE = "outage"
    OTHER = "other"


TOPICS: Final[dict[Topic, str]] = {
    Topic.ACCOUNT: "Log-in and account",
    Topic.GUIDANCE: "How something works",
    Topic.ERROR: "Something fails",
    Topic.PERFORMANCE: "Something is slow",
    Topic.CALCULATION: "A number looks wrong",
    Topic.DATA_ACCURACY: "My data are wrong",
    Topic.UNSAFE_PLAN: "A plan could do harm",
    Topic.OUTAGE: "Nothing works",
    Topic.OTHER: "Something else",
}
HIGHEST: Final = 3
LEVEL_OF: Final[dict[Topic, int]] = {
    Topic.ACCOUNT: 1,
    Topic.GUIDANCE: 1,
    Topic.OTHER: 1,
    Topic.ERROR: 2,
    Topic.PERFORMANCE: 2,
    Topic.CALCULATION: 2,
    Topic.DATA_ACCURACY: 2,
    Topic.UNSAFE_PLAN: 3,
    Topic.OUTAGE: 3,
}
QUEUES: Final = {1: "guidance", 2: "investigation", 3: "engineering"}
NOT_ABOUT_A_FEATURE: Final = frozenset({Topic.ACCOUNT})
"""A forgotten password says nothing about a rollout, however bad it is: such reports reach no gate."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a report goes; `counts` tells whether it counts for the feature that the athlete had."""

    level: int
    queue: str
    counts: bool


def route(topic: Topic, severity: Severity) -> Route:
    """Return where a report goes: by its topic, one level up where it is high, to the last where it is critical."""
    level = LEVEL_OF[topic]
    if severity is Severity.HIGH:
        level = min(level + 1, HIGHEST)
    if severity is Severity.CRITICAL:
        level = HIGHEST
    return Route(level, QUEUES[level], topic not in NOT_ABOUT_A_FEATURE)
