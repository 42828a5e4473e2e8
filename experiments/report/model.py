"""The parts of a report: frozen, and without anything in them that must not be shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from experiments.analysis import Action, Finding, LiftSet
from experiments.lifecycle import State
from experiments.looks import ArmSum
from experiments.metrics import Unit
from experiments.protocol import Protocol


class Role(StrEnum):
    """What a metric was named for, before the start."""

    PRIMARY = "primary"
    GOAL = "goal"
    GUARDRAIL = "guardrail"


class GuardOutcome(StrEnum):
    """What is known of a guardrail; only the first ends an experiment."""

    STOPPED = "stopped"
    CLEAR = "clear"  # harm beyond the margin is ruled out
    OPEN = "inconclusive"  # neither shown nor ruled out
    NO_DATA = "no_data"


class Stand(StrEnum):
    """How an interval lies to a value or a range that was named beforehand."""

    POSSIBLE = "possible"
    RULED_OUT = "ruled_out"
    REACHED = "reached"  # nothing less than it is left


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """A metric as it is read; `describes` follows the title."""

    name: str
    title: str
    describes: str
    unit: Unit
    higher_is_better: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report needs to know of an experiment besides its looks.

    start_at: of the first phase. end_at, weights, strata: of the phases that had begun by the look; weights are percent
    by variant, strata all that there can be, none where there are no names for them. ended_at, status and ended_by are
    those of today. looked_until: after which no look is taken; None while nobody knows.
    """

    key: str
    name: str
    status: State
    start_at: datetime
    end_at: datetime | None
    ended_at: datetime | None
    ended_by: str
    protocol: Protocol
    metrics: Mapping[str, MetricFacts]
    weights: Mapping[int, Mapping[str, float]]
    strata: tuple[str, ...]
    looked_until: datetime | None = None
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Phase:
    """How far an experiment was: day 1 is the first; `of` is None without an end."""

    day: int
    of: int | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class Funnel:
    """Subjects by variant from assignment to analysis, and who was left out.

    excluded: exposed subjects by reason. immature: by metric, members whose window is not over. late: facts that
    happened before the look before and were known after it.
    """

    assigned: Mapping[str, int]
    held_out: int
    exposed: Mapping[str, int]
    members: Mapping[str, int]
    excluded: Mapping[str, int]
    immature: Mapping[str, int]
    late: int
    coaches: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the subjects seen first: counts by variant, and what the weights let expect.

    missing: how many the variant `short` lacks. e_value: the largest so far; `alarms` where it was enough by itself.
    """

    name: str
    observed: Mapping[str, int]
    expected: Mapping[str, float]
    short: str
    missing: float
    e_value: float
    alarms: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """The natural logarithm of the whole's e-value at a look."""

    as_of: datetime
    day: int
    log_e: float


@dataclass(frozen=True, slots=True)
class Balance:
    """The sample ratio. alarm_at: the e-value of all subjects that alarms. alarmed: the first look after which results
    were hidden. strata, phases: the strongest evidence first. unexposed: assigned and not exposed, by variant."""

    mismatch: bool
    e_value: float
    alarm_at: float
    alarmed: datetime | None
    alarmed_day: int | None
    why: str
    series: tuple[Evidence, ...]
    whole: Slice
    strata: tuple[Slice, ...]
    phases: tuple[Slice, ...]
    unexposed: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A treatment against the control, valid at every look.

    difference, low, high: in the metric's unit, within strata and with pre-period values taken off; treatment, control:
    the two arms' values adjusted alike. lift: relative, None where the control is 0. coaches: None where subjects were
    told apart. variance_reduction: by the pre-period value, 0 to 1.
    """

    difference: float
    low: float
    high: float
    p_value: float
    treatment: float
    control: float
    lift: float | None
    lifts: LiftSet
    df: float
    coaches: int | None
    variance_reduction: float
    before_missing: int | None
    collapsed: int

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Guard:
    """A guardrail's margin and evidence. limit: the difference where harm beyond the margin begins, about so where the
    margin is relative; None without an estimate. p_value: one-sided, of all looks; small where harm is shown."""

    margin: float
    relative: bool
    limit: float | None
    outcome: GuardOutcome
    action: Action
    p_value: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """A metric of a treatment and the control. arms: by variant, plain values. p_adjusted: among its family, None where
    there is one question. not_identified: why there is no estimate. guard: of guardrails alone."""

    metric: MetricFacts
    role: Role
    treatment: str
    control: str
    arms: Mapping[str, ArmSum]
    immature: int
    estimate: Estimate | None
    not_identified: str
    finding: Finding | GuardOutcome
    words: str
    p_adjusted: float | None = None
    too_good: bool = False
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """The primary metric's estimate and interval at a look, None where it was not identified."""

    number: int
    as_of: datetime
    day: int
    difference: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an interval leaves open. worst: the largest harm that is still possible, 0 where none is.

    half_width: about how wide to either side the interval will be at `planned` subjects, None once they are there.
    next: the day whose end completes the week that is judged next, None where no more is counted.
    """

    none: Stand
    target: Stand | None
    similar: Stand | None
    worst: float
    half_width: float | None
    planned: int
    next: date | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What the newest look at the end of a whole week said of the primary metric."""

    number: int
    as_of: datetime
    finding: Finding | GuardOutcome


@dataclass(frozen=True, slots=True)
class Treatment:
    """A treatment's rows; course: the primary metric over all looks so far."""

    name: str
    control: str
    primary: Row
    goals: tuple[Row, ...]
    guardrails: tuple[Row, ...]
    course: tuple[Point, ...]
    outlook: Outlook | None
    judged: Judged | None

    @property
    def rows(self) -> tuple[Row, ...]:
        return (self.primary, *self.goals, *self.guardrails)


@dataclass(frozen=True, slots=True)
class Pooled:
    """A guardrail's metric over all arms together, their plain values weighted by subjects: it compares nothing."""

    metric: MetricFacts
    n: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Headline:
    """The conclusion: outcome, a sentence that begins with it, and what else may be said."""

    outcome: Finding
    title: str
    words: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told of an experiment as of a look.

    hidden: the sample ratio alarms. Then `treatments` is empty and `pooled` is filled, otherwise the other way round:
    nothing that renders a report can show a comparison. families: what p-values are adjusted over, by role. synthetic:
    made up, for a demonstration.
    """

    key: str
    name: str
    synthetic: bool
    status: State
    ended_by: str
    protocol_sha256: str
    alpha: float
    number: int
    as_of: datetime
    age: timedelta
    next_look: datetime | None
    phase: Phase
    arms: tuple[str, ...]
    control: str
    weights: Mapping[str, float]
    funnel: Funnel
    strata: Mapping[str, Mapping[str, int]]
    balance: Balance
    hidden: bool
    headline: Headline
    families: Mapping[str, str]
    treatments: tuple[Treatment, ...]
    pooled: tuple[Pooled, ...]
