"""A gate and its newest verdict as a row of the gate table, in the language at hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any, Final, assert_never

from django.utils.translation import gettext, pgettext

from common.spans import span
from common.translating.figures import significant
from common.translating.showing import number, shown
from rollout.dashboard.words import NOTHING, OUTCOMES, Pill, count, milliseconds, share
from rollout.engine import TELLING
from rollout.gates.counting import PER_SUBJECT
from rollout.gates.evidence import Outcome, Verdict
from rollout.policy.model import Gate, GateKind, Metric, Policy, Purpose, Stage, Worse
from rollout.whys import told

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
        GateGroup(shown(KINDS[kind][0]), shown(KINDS[kind][1]), tuple(row for _, row in pairs))
        for kind, pairs in groupby(rows, key=lambda pair: pair[0])
    )
    counts = {outcome: sum(row.outcome == outcome for _, row in rows) for outcome in Outcome}
    words = {
        Outcome.PASS: "pass",
        Outcome.INCONCLUSIVE: "inconclusive",
        Outcome.NO_DATA: "no data",
        Outcome.FAIL: "fail",
    }
    return GateTable(groups, " · ".join(f"{counts[outcome]} {shown(word)}" for outcome, word in words.items()), counts)


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
        act=act_of(gate),
        is_criterion=gate.purpose not in TELLING,
        outcome=seen.outcome.value,
        pill=OUTCOMES[seen.outcome],
        why=told(seen.why),
        check=check,
    )


def act_of(gate: Gate) -> str:
    """Return what a failure of the gate does."""
    match gate.purpose:
        case Purpose.ADVANCE:
            return pgettext("gate", "holds")
        case Purpose.ALERT:
            return pgettext("gate", "alerts")
        case Purpose.PAGE:
            return pgettext("gate", "pages")
        case Purpose.ROLLBACK:
            return pgettext("gate", "rolls back")
        case Purpose.KILL:
            return pgettext("gate", "kills")
    assert_never(gate.purpose)


def title_of(gate: Gate) -> str:
    """Return what people call a gate."""
    if gate.title:
        return gettext(gate.title)
    if gate.metric is Metric.SLOWER:
        return gettext("Slower than %(time)s") % {"time": milliseconds(gate.above_ms)}
    title = shown(TITLES[gate.metric]) if gate.metric else gate.name.replace("_", " ").replace("-", " ").capitalize()
    in_a_row = gate.kind is GateKind.BREAKER and gate.in_a_row > 1
    return gettext("%(gate)s in a row") % {"gate": title} if in_a_row else title


def value_text(metric: Metric | None, value: float | None) -> str:
    """Return an observed value with its unit."""
    if value is None:
        return NOTHING
    if metric is Metric.RATING:
        return gettext("%(value)s of 5") % {"value": number(value, 2)}
    if metric is Metric.CRITICAL_COUNT:
        return number(value)
    if metric is Metric.COST:
        return f"{number(value, 2)} s"
    if metric in PER_SUBJECT:
        return gettext("%(value)s per 1,000") % {"value": number(1000 * value, 2)}
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
    odds = {"low": number(math.exp(low), 2), "high": number(math.exp(high), 2), "margin": number(gate.margin)}
    text = gettext("odds × %(low)s to %(high)s of the control's, margin × %(margin)s") % odds
    return Forest(left, round(right - left, 1), dot, _place(math.log(gate.margin)), text)


def _place(log_odds: float) -> float:
    return round(min(max(50 + 50 * log_odds / math.log(WIDEST), 1.0), 99.0), 1)


def _window(gate: Gate) -> str:
    if gate.kind is GateKind.CHECK:
        return NOTHING
    if gate.window is not None:
        return span(gate.window)
    return pgettext("window", "stage")


def _n(gate: Gate, verdict: Verdict) -> str:
    if gate.kind is GateKind.CHECK:
        return NOTHING
    if gate.kind is GateKind.GUARDRAIL:
        both = f"{count(verdict.n)} / {count(verdict.n_control)}"
        return both if min(verdict.n, verdict.n_control) >= gate.min_n else _with_least(both, gate)
    return count(verdict.n) if verdict.n >= gate.min_n else _with_least(count(verdict.n), gate)


def _with_least(n: str, gate: Gate) -> str:
    return gettext("%(n)s (min %(least)s)") % {"n": n, "least": count(gate.min_n)}


def _observed(gate: Gate, verdict: Verdict) -> str:
    if gate.kind is GateKind.CHECK:
        return NOTHING
    if gate.kind is GateKind.BREAKER and verdict.statistic is not None:
        return _in_a_row(number(verdict.statistic), gate)
    new = value_text(gate.metric, verdict.observed)
    if gate.kind is not GateKind.GUARDRAIL:
        return new
    control = value_text(gate.metric, verdict.control)
    # The unit stands once, behind both.
    unit = gettext("%(value)s per 1,000") % {"value": ""}
    return f"{new.removesuffix(unit).removesuffix(' %')} / {control}"


def _statistic(gate: Gate, verdict: Verdict) -> str:
    """Return a guardrail's e-value, or how long an SLO has been in breach."""
    if verdict.statistic is None:
        return ""
    if gate.kind is GateKind.GUARDRAIL:
        return f"e {significant(verdict.statistic, 3)}"
    if gate.kind is GateKind.SLO and verdict.statistic > 0:
        return gettext("in breach %(time)s") % {"time": span(timedelta(seconds=verdict.statistic))}
    return ""


def _fails_at(gate: Gate) -> str:
    if gate.kind is GateKind.CHECK:
        return NOTHING
    if gate.kind is GateKind.BREAKER:
        return _in_a_row(f"≥ {gate.in_a_row}", gate)
    if gate.kind is GateKind.GUARDRAIL:
        beyond = gettext("beyond × %(margin)s") % {"margin": number(gate.margin)} if gate.margin > 1 else ""
        return f"e ≥ {significant(1 / gate.alpha, 3)} {beyond}".strip() if gate.alpha else beyond
    limit = f"{'>' if gate.worse is Worse.ABOVE else '<'} {limit_text(gate)}"
    return (
        gettext("%(limit)s for %(time)s") % {"limit": limit, "time": span(gate.holds_for)} if gate.holds_for else limit
    )


def _in_a_row(found: str, gate: Gate) -> str:
    return gettext("%(n)s in a row") % {"n": found} if gate.in_a_row > 1 else found


def limit_text(gate: Gate) -> str:
    """Return an SLO's limit; a share is written without digits that it does not have."""
    if gate.metric in (Metric.RATING, Metric.CRITICAL_COUNT, Metric.COST, *PER_SUBJECT):
        return value_text(gate.metric, gate.limit)
    return f"{number(100 * (gate.limit or 0.0))} %"
