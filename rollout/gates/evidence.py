"""What was seen: counts of an arm that add up, and the four answers that a gate may give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

from common.stats.histogram import Histogram
from common.stats.streak import Streak


class Arm(StrEnum):
    """Which way a request went: the feature, or the concurrent control (eligible, left out by percentage alone)."""

    NEW = "new"
    CONTROL = "control"


class Outcome(StrEnum):
    """A gate's answer; the last two never advance a rollout, and neither is a failure."""

    PASS = "pass"  # nosec B105  # a verdict
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True)
class Tally:
    """What an arm did in a time; two tallies add up (the earlier first: `streak` knows an order)."""

    answered: int = 0
    subjects: int = 0  # seen for the first time in this stage
    invited: int = 0  # of these, in by an allowlist and not by chance
    failed: int = 0  # an error, or the other pipeline had to step in
    fallback: int = 0
    invalid: int = 0
    unsafe: int = 0
    decided: int = 0
    accepted: int = 0
    rated: int = 0
    rating_sum: float = 0.0
    rating_squares: float = 0.0
    reports: int = 0
    critical: int = 0
    reporters: int = 0  # subjects with a report, each once in this stage
    critical_reporters: int = 0
    cost_seconds: float = 0.0
    latency: Histogram = field(default_factory=Histogram)  # ms
    streak: Streak = field(default_factory=Streak)  # failures in a row

    def __add__(self, later: Tally) -> Tally:
        return Tally.total([self, later])

    @classmethod
    def total(cls, tallies: Sequence[Tally]) -> Tally:
        """Return the sum of tallies in the order of time: a stage's end looks at weeks of minutes, so in one go."""
        if len(tallies) == 1:
            return tallies[0]
        columns = {name: sum(map(of, tallies)) for name, of in _COUNTS}
        latency = Histogram.total([tally.latency for tally in tallies])
        return cls(**columns, latency=latency, streak=sum((tally.streak for tally in tallies), Streak()))

    def as_json(self) -> dict[str, Any]:
        """Return what is not zero, as the roll-up stores it."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in ("latency", "streak")}
        found: dict[str, Any] = {name: value for name, value in plain.items() if value}
        return found | {"latency": self.latency.as_json(), "streak": self.streak.as_json()}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Tally:
        """Read what `as_json` wrote."""
        plain = {name: value for name, value in found.items() if name not in ("latency", "streak")}
        latency = Histogram.from_json(found.get("latency", {}))
        return cls(**plain, latency=latency, streak=Streak.from_json(found.get("streak", [])))


NOTHING: Final = Tally()
_COUNTS: Final = [(name, attrgetter(name)) for name in Tally.__slots__ if name not in ("latency", "streak")]


@dataclass(frozen=True, slots=True)
class Window:
    """Both arms over one whole window of the policy, [start, start + window); UTC."""

    start: datetime
    arms: Mapping[Arm, Tally]
    expected_share: float = 0.0  # of eligible subjects that belong to the new arm, by the flag; 0 where no split

    def of(self, arm: Arm) -> Tally:
        return self.arms.get(arm, NOTHING)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One gate's answer at a moment, with what it rests on."""

    gate: str
    outcome: Outcome
    n: int = 0  # of the new arm
    n_control: int = 0
    observed: float | None = None
    control: float | None = None
    statistic: float | None = None  # guardrail: the e-value; slo: seconds in breach; breaker: failures in a row
    why: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known since a stage's evidence began to count.

    `newest` is the end of the newest whole window, None before the first; `gap` tells that windows are missing in
    between. A quiet window was watched and is none of the missing ones.
    """

    verdicts: Sequence[Verdict]
    newest: datetime | None
    gap: bool = False
