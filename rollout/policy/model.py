"""A policy as frozen data: the words that the engine, the gates, the simulation and the pages share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from rollout.evaluation import FULL


class GateKind(StrEnum):
    """How a gate reaches its verdict."""

    BREAKER = "breaker"  # at once: so many failures in a row, or any safety violation
    GUARDRAIL = "guardrail"  # sequential test against the concurrent control arm
    SLO = "slo"  # absolute limit over a window, held for a time, with a minimum n
    CHECK = "check"  # a person's or another part's evidence: golden outputs, a load test, an A/B result


class Purpose(StrEnum):
    """What a failed gate does."""

    ADVANCE = "advance"  # a success criterion: without a pass the stage is not left
    ALERT = "alert"
    PAGE = "page"
    ROLLBACK = "rollback"
    KILL = "kill"


class Worse(StrEnum):
    """On which side of its limit a metric is bad."""

    ABOVE = "above"
    BELOW = "below"


class Metric(StrEnum):
    """What is measured for each arm; each but the rating and the cost is a share of something counted."""

    ERROR = "error"  # failed or fell back / answered
    FALLBACK = "fallback"  # fell back / answered
    INVALID = "invalid"  # proposals that failed schema or safety validation / answered ("parse success" = 1 - invalid)
    UNSAFE = "unsafe"  # delivered plans that break a safety guard / answered
    SLOWER = "slower"  # answers that took longer than `above_ms` / answered: a quantile as a share
    ACCEPTED = "accepted"  # accepted without changes / decided by athletes
    RATING = "rating"  # mean satisfaction, 1 to 5
    CRITICAL = "critical"  # critical reports / subjects exposed
    CRITICAL_COUNT = "critical_count"  # critical reports in the window, as the sources count them
    REPORTS = "reports"  # reports of any kind / subjects exposed
    COST = "cost"  # mean seconds of computing an answer


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate; which fields count depends on its kind (`rollout.policy.load` refuses the others)."""

    name: str
    kind: GateKind
    purpose: Purpose
    title: str = ""
    metric: Metric | None = None
    worse: Worse = Worse.ABOVE
    limit: float | None = None  # slo: share, rating, count or seconds, exclusive: at the limit is good
    recover: float | None = None  # slo: beyond which a breach is over; the limit where not given
    above_ms: float | None = None  # slower
    window: timedelta | None = None  # slo: over what time; None is since the stage began
    holds_for: timedelta = timedelta()  # slo: how long a breach lasts before it counts
    min_n: int = 0  # below it the answer is inconclusive
    margin: float = 1.0  # guardrail: the odds may be this many times the control's
    alpha: float = 0.0  # guardrail: chance of a false alarm over the whole stage
    in_a_row: int = 0  # breaker: failures in a row of the new arm; 1 for any
    stages: tuple[str, ...] = ()  # names; empty is every stage with traffic


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: how much traffic or which groups, for how long, and what an inconclusive end does."""

    name: str
    title: str
    duration: timedelta
    thousandths: int = 0  # of a percent, as the flag stores it
    nominal: int = 0  # only groups: the thousandths of a percent that the source expects them to be; never a setting
    groups: tuple[str, ...] = ()
    tier: str | None = None  # None leaves the flag's; "" is every tier
    extend: timedelta = timedelta()  # by how much an inconclusive end is put off
    extensions: int = 0  # how often; then a second person may advance with the evidence on record
    manual: bool = False  # left by a person's advance even when everything passes
    retires: bool = False  # the flag is at 100 % for good and asks to be removed

    @property
    def has_traffic(self) -> bool:
        return self.thousandths > 0 or bool(self.groups)

    @property
    def has_control(self) -> bool:
        """Whether there are eligible subjects whom the percentage alone leaves out."""
        return self.has_traffic and self.thousandths < FULL

    @property
    def percentage(self) -> float:
        """The share of subjects in percent, as the source states it (of groups alone: as it expects them to be)."""
        return (self.nominal or self.thousandths) / 1000


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy; `sha256` is of the text it was read from: an approval covers exactly that."""

    name: str
    title: str
    description: str
    source: str
    stages: tuple[Stage, ...]
    gates: tuple[Gate, ...]
    sha256: str
    window: timedelta = timedelta(minutes=5)  # outcomes are judged in whole windows
    stale_after: int = 3  # windows without any report of a source before its metric is "no data"
    cool_down: timedelta = timedelta(hours=24)
    partial_to: str = ""  # the stage a partial rollback goes back to, where the source names one
    retire_after: timedelta = timedelta(days=30)
    contacts: dict[str, str] = field(default_factory=dict)
    rollback_within: dict[str, timedelta] = field(default_factory=dict)  # immediate, partial, full
    text: str = field(default="", repr=False)  # what it was read from; a run keeps it

    def gates_of(self, stage: Stage) -> tuple[Gate, ...]:
        """Return the gates that hold in a stage."""
        return tuple(
            gate for gate in self.gates if stage.name in gate.stages or (not gate.stages and stage.has_traffic)
        )

    def index_of(self, name: str) -> int:
        """Return the place of a stage.

        Raises:
            KeyError: there is none of this name.
        """
        for index, stage in enumerate(self.stages):
            if stage.name == name:
                return index
        raise KeyError(name)
