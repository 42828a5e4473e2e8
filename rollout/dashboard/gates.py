"""A gate and its newest verdict as a row of the gate table. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any, Final

from common.spans import span
from rollout.dashboard.words import NOTHING, OUTCOMES, Pill, count, milliseconds, share
from rollout.engine import TELLING
from rollout.gates.counting import PER_SUBJECT
from rollout.gates.evidence import Outcome, Verdict
from rollout.policy.model import Gate, GateKind, Metric, Policy, Purpose, Stage, Worse

KINDS: Final = {
    GateKind.BREAKER: ("Breaker", "acts at once"),
    GateKind.GUARDRAIL: (
        "Guardrail",
        "sequential test against the control at the same time; odds of bad, right is worse",
    ),
    GateKind.SLO: ("SLO", "absolute limit, with a minimum n"),
    GateKind.CHECK: ("Check", "recorded by a person"),
}
TITLES: Final = {
    Metric.ERROR: "Errors",
    Metric.FALLBACK: "Fallbacks",
    Metric.INVALID: "Invalid proposals",
    Metric.UNSAFE: "Unsafe plans",
    Metric.ACCEPTED: "Acceptance",
    Metric.RATING: "Satisfaction",
    Metric.CRITICAL: "Critical reports a subject",
    Metric.CRITICAL_COUNT: "Critical reports",
    Metric.REPORTS: "Reports a subject",
    Metric.COST: "Compute time",
}
ACTS: Final = {
    Purpose.ADVANCE: "holds",
    Purpose.ALERT: "alerts",
    Purpose.PAGE: "pages",
    Purpose.ROLLBACK: "rolls back",
    Purpose.KILL: "kills",
}
Z_95: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Forest:
    """The odds against the control's, right is worse; all in per cent of the width, the same odds in its middle."""

    left: float
    width: float
    dot: float
    limit: float
    text: str


@dataclass(frozen=True, slots=True)
class Check:
    """What people recorded last for a gate that no counter answers; blank where nobody did."""

    element: str  # id of its form: the same while the stage lasts
    note: str = ""
    evidence: str = ""


WIDEST: Final = 4.0
"""A forest reaches from a quarter of the control's odds to four times them, in powers."""


@dataclass(frozen=True, slots=True)
class GateRow:
    """One row; `act` is what a failure does."""

    name: str
    title: str
    window: str
    n: str
    observed: str
    statistic: str
    forest: Forest | None
    fails_at: str
    act: str
    is_criterion: bool
    outcome: str
    pill: Pill
    why: str
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class GateGroup:
    title: str
    note: str
    rows: tuple[GateRow, ...]


@dataclass(frozen=True, slots=True)
class GateTable:
    """The gates of a stage by kind; `summary` counts the outcomes in words."""

    groups: tuple[GateGroup, ...]
    summary: str
    counts: Mapping[Outcome, int]

    @property
    def in_the_way(self) -> int:
        """How many keep the stage from being left: what only tells somebody does not."""
        return sum(row.outcome != Outcome.PASS and row.is_criterion for row in self.rows)

    @property
    def failed(self) -> list[str]:
        """The criteria that failed."""
        return [row.title for row in self.rows if row.outcome == Outcome.FAIL and row.is_criterion]

    @property
    def rows(self) -> list[GateRow]:
        return [row for group in self.groups for row in group.rows]

    @property
    def signature(self) -> str:
        """What a reader is told when it changes."""
        return "; ".join(f"{row.title} {row.pill.word}" for row in self.rows)


def read_verdicts(found: Sequence[Mapping[str, Any]]) -> list[Verdict]:
    """Return verdicts from the JSON in which a run, a step or an incident keeps them; unknown fields are left out."""
    return [
        Verdict(**{k: v for k, v in one.items() if k in Verdict.__slots__} | {"outcome": Outcome(one["outcome"])})
        for one in found
    ]


def gate_table(
    policy: Policy, stage: Stage, verdicts: Sequence[Verdict], *, checks: Mapping[str, Check] | None = None
) -> GateTable:
    """Return the gates of a stage with their verdicts; a gate without one has no data.

    checks: by gate what was recorded, where that is shown too.
    """
    recorded = checks or {}
    known = {verdict.gate: verdict for verdict in verdicts}
    order = list(GateKind)
    gates = sorted(policy.gates_of(stage), key=lambda gate: order.index(gate.kind))
    rows = [(gate.kind, row_of(gate, known.get(gate.name), recorded.get(gate.name))) for gate in gates]
    groups = tuple(
        GateGroup(*KINDS[kind], tuple(row for _, row in pairs))
        for kind, pairs in groupby(rows, key=lambda pair: pair[0])
    )
    counts = {outcome: sum(row.outcome == outcome for _, row in rows) for outcome in Outcome}
    words = {
        Outcome.PASS: "pass",
        Outcome.INCONCLUSIVE: "inconclusive",
        Outcome.NO_DATA: "no data",
        Outcome.FAIL: "fail",
    }
    return GateTable(groups, " · ".join(f"{counts[outcome]} {word}" for outcome, word in words.items()), counts)


def row_of(gate: Gate, verdict: Verdict | None, check: Check | None = None) -> GateRow:
    """Return one gate as a row."""
    seen = verdict or Verdict(gate.name, Outcome.NO_DATA, why="not judged yet")
    return GateRow(
        name=gate.name,
        title=title_of(gate),
        window=_window(gate),
        n=_n(gate, seen),
        observed=_observed(gate, seen),
        statistic=_statistic(gate, seen),
        forest=forest_of(gate, seen),
        fails_at=_fails_at(gate),
        act=ACTS[gate.purpose],
        is_criterion=gate.purpose not in TELLING,
        outcome=seen.outcome.value,
        pill=OUTCOMES[seen.outcome],
        why=seen.why,
        check=check,
    )


def title_of(gate: Gate) -> str:
    """Return what people call a gate."""
    if gate.title:
        return gate.title
    if gate.metric is Metric.SLOWER:
        return f"Slower than {milliseconds(gate.above_ms)}"
    title = TITLES[gate.metric] if gate.metric else gate.name.replace("_", " ").replace("-", " ").capitalize()
    return f"{title} in a row" if gate.kind is GateKind.BREAKER and gate.in_a_row > 1 else title


def value_text(metric: Metric | None, value: float | None) -> str:
    """Return an observed value with its unit."""
    if value is None:
        return NOTHING
    if metric is Metric.RATING:
        return f"{value:.2f} of 5"
    if metric is Metric.CRITICAL_COUNT:
        return f"{value:g}"
    if metric is Metric.COST:
        return f"{value:.2f} s"
    if metric in PER_SUBJECT:
        return f"{1000 * value:.2f} per 1,000"
    return share(value, 2 if 0 < value < 0.01 else 1)


def forest_of(gate: Gate, verdict: Verdict) -> Forest | None:
    """Return the odds ratio against the control with its 95 % interval.

    The interval is Woolf's with half counts added (Woolf 1955, Ann. Hum. Genet. 19): it shows where the difference may
    lie now. The gate decides by its e-value alone, which may be looked at as often as one likes.
    """
    if gate.kind is not GateKind.GUARDRAIL or verdict.observed is None or verdict.control is None:
        return None
    a, c = verdict.observed * verdict.n + 0.5, verdict.control * verdict.n_control + 0.5
    b, d = verdict.n + 1 - a, verdict.n_control + 1 - c
    if min(b, d) <= 0:
        return None
    ratio = math.log(a / b) - math.log(c / d)
    half = Z_95 * math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    sign = 1 if gate.worse is Worse.ABOVE else -1
    low, middle, high = sorted((sign * (ratio - half), sign * ratio, sign * (ratio + half)))
    left, dot, right = (_place(value) for value in (low, middle, high))
    text = f"odds × {math.exp(low):.2f} to {math.exp(high):.2f} of the control's, margin × {gate.margin:g}"
    return Forest(left, round(right - left, 1), dot, _place(math.log(gate.margin)), text)


def _place(log_odds: float) -> float:
    return round(min(max(50 + 50 * log_odds / math.log(WIDEST), 1.0), 99.0), 1)


def _window(gate: Gate) -> str:
    if gate.kind is GateKind.CHECK:
        return NOTHING
    if gate.window is not None:
        return span(gate.window)
    return "stage"


def _n(gate: Gate, verdict: Verdict) -> str:
    if gate.kind is GateKind.CHECK:
        return NOTHING
    if gate.kind is GateKind.GUARDRAIL:
        both = f"{count(verdict.n)} / {count(verdict.n_control)}"
        return both if min(verdict.n, verdict.n_control) >= gate.min_n else f"{both} (min {count(gate.min_n)})"
    return count(verdict.n) + (f" (min {count(gate.min_n)})" if verdict.n < gate.min_n else "")


def _observed(gate: Gate, verdict: Verdict) -> str:
    if gate.kind is GateKind.CHECK:
        return NOTHING
    if gate.kind is GateKind.BREAKER and verdict.statistic is not None:
        return f"{verdict.statistic:g} in a row" if gate.in_a_row > 1 else f"{verdict.statistic:g}"
    new = value_text(gate.metric, verdict.observed)
    if gate.kind is not GateKind.GUARDRAIL:
        return new
    both = f"{new} / {value_text(gate.metric, verdict.control)}"
    return both.replace(" per 1,000 / ", " / ").replace(" % / ", " / ")


def _statistic(gate: Gate, verdict: Verdict) -> str:
    """Return a guardrail's e-value, or how long an SLO has been in breach."""
    if verdict.statistic is None:
        return ""
    if gate.kind is GateKind.GUARDRAIL:
        return f"e {verdict.statistic:.3g}"
    if gate.kind is GateKind.SLO and verdict.statistic > 0:
        return f"in breach {span(timedelta(seconds=verdict.statistic))}"
    return ""


def _fails_at(gate: Gate) -> str:
    if gate.kind is GateKind.CHECK:
        return NOTHING
    if gate.kind is GateKind.BREAKER:
        return f"≥ {gate.in_a_row}" + (" in a row" if gate.in_a_row > 1 else "")
    if gate.kind is GateKind.GUARDRAIL:
        beyond = f" beyond × {gate.margin:g}" if gate.margin > 1 else ""
        return f"e ≥ {1 / gate.alpha:.3g}{beyond}" if gate.alpha else beyond.strip()
    sign = ">" if gate.worse is Worse.ABOVE else "<"
    held = f" for {span(gate.holds_for)}" if gate.holds_for else ""
    return f"{sign} {limit_text(gate)}{held}"


def limit_text(gate: Gate) -> str:
    """Return an SLO's limit; a share is written without digits that it does not have."""
    if gate.metric in (Metric.RATING, Metric.CRITICAL_COUNT, Metric.COST, *PER_SUBJECT):
        return value_text(gate.metric, gate.limit)
    return f"{100 * (gate.limit or 0.0):g} %"
