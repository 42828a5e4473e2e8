"""Reading one gate of a policy: which fields its kind has, and in which range."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from rollout.policy.fields import Fields
from rollout.policy.model import Gate, GateKind, Metric, Purpose, Worse

BAD_BELOW: Final = frozenset({Metric.ACCEPTED, Metric.RATING})
LONGEST: Final = timedelta(days=400)

# What each kind can be asked: metrics that it can judge, and what its failure may do.
METRICS: Final[Mapping[GateKind, Collection[Metric]]] = {
    GateKind.BREAKER: (Metric.ERROR, Metric.UNSAFE),
    GateKind.GUARDRAIL: tuple(m for m in Metric if m not in (Metric.RATING, Metric.COST, Metric.CRITICAL_COUNT)),
    GateKind.SLO: tuple(Metric),
}
PURPOSES: Final[Mapping[GateKind, Collection[Purpose]]] = {
    GateKind.BREAKER: (Purpose.ALERT, Purpose.PAGE, Purpose.ROLLBACK, Purpose.KILL),
    GateKind.GUARDRAIL: (Purpose.ADVANCE, Purpose.ALERT, Purpose.PAGE, Purpose.ROLLBACK),
    GateKind.SLO: (Purpose.ADVANCE, Purpose.ALERT, Purpose.PAGE, Purpose.ROLLBACK),
    GateKind.CHECK: (Purpose.ADVANCE, Purpose.ROLLBACK),
}
# Limits of what is no share.
_LIMITS: Final[Mapping[Metric, tuple[float, float]]] = {
    Metric.RATING: (1, 5),
    Metric.CRITICAL_COUNT: (0, 10_000),
    Metric.COST: (0.001, 3600),
}


def read_gate(fields: Fields, *, window: timedelta) -> Gate:
    """Read a gate; mistakes go to `fields.errors`, and what comes back is then not to be used.

    `window` is the policy's: a gate's own is a whole number of them.
    """
    name, kind = fields.slug("name"), fields.member("kind", GateKind, required=True)
    title, stages = fields.text("title", longest=200), fields.slugs("stages")
    if kind is None:
        fields.member("purpose", Purpose, required=True)
        return Gate(name, GateKind.CHECK, Purpose.ADVANCE)
    purpose = fields.choice("purpose", [one.value for one in PURPOSES[kind]], required=True)
    gate = Gate(name, kind, Purpose(purpose or PURPOSES[kind][0]), title, stages=stages)  # type: ignore[index]
    if kind is GateKind.CHECK:
        if not title:
            fields.missing("title", "what is to be checked, in words")
    else:
        gate = _with_metric(fields, gate, window)
    fields.finish(f"no such field of a {kind} gate")
    return gate


def _with_metric(fields: Fields, gate: Gate, window: timedelta) -> Gate:
    found = fields.choice("metric", [one.value for one in METRICS[gate.kind]], required=True)
    if found is None:
        fields.taken |= fields.table.keys()  # without its metric the rest cannot be judged
        return gate
    metric = Metric(found)
    right = Worse.BELOW if metric in BAD_BELOW else Worse.ABOVE
    fields.choice("worse", [right.value])
    gate = replace(gate, metric=metric, worse=right)
    if metric is Metric.SLOWER:
        above = fields.number("above_ms", 1, 600_000, required=True)
        gate = replace(gate, above_ms=None if above is None else float(above))
    readers = {GateKind.BREAKER: _breaker, GateKind.GUARDRAIL: _guardrail}
    return _slo(fields, gate, metric, window) if gate.kind is GateKind.SLO else readers[gate.kind](fields, gate)


def _breaker(fields: Fields, gate: Gate) -> Gate:
    # Only failures are counted in a row; of anything else one is one too many.
    most = 1000 if gate.metric is Metric.ERROR else 1
    return replace(gate, in_a_row=fields.whole("in_a_row", 1, most, required=True) or 1)


def _guardrail(fields: Fields, gate: Gate) -> Gate:
    margin = fields.number("margin", 1, 10, required=True)
    alpha = fields.number("alpha", 0.000_001, 0.1, required=True)
    min_n = fields.whole("min_n", 1, 10_000_000, required=True)
    return replace(gate, margin=float(margin or 1), alpha=float(alpha or 0), min_n=min_n or 1)


def _slo(fields: Fields, gate: Gate, metric: Metric, window: timedelta) -> Gate:
    low, high = _LIMITS.get(metric, (0.0, 1.0))
    relative = metric is Metric.COST and "margin" in fields.table  # a multiple of the control's mean
    margin = fields.number("margin", 1.001, 10) if relative else None
    limit = None if relative else fields.number("limit", low, high, required=True)
    if metric is Metric.COST and gate.purpose is Purpose.ROLLBACK:
        fields.wrong(
            "purpose", gate.purpose, "another one: the spread of cost is not recorded, chance cannot be judged"
        )
    recover = None if relative else fields.number("recover", low, high)
    if limit is not None and recover is not None:
        good = recover >= limit if gate.worse is Worse.BELOW else recover <= limit
        if not good:
            side = "at or above" if gate.worse is Worse.BELOW else "at or below"
            fields.wrong("recover", recover, f"a number {side} the limit {limit}: the good side")
    counted = metric is not Metric.CRITICAL_COUNT  # of a count nothing is divided: it needs no least n
    min_n = fields.whole("min_n", 1, 10_000_000, required=counted)
    over = fields.duration("window", window, LONGEST)
    if over is not None and over % window:
        fields.wrong("window", fields.table["window"], "a whole number of the policy's windows")
    holds_for = fields.duration("holds_for", timedelta(), timedelta(days=7)) or timedelta()
    return replace(
        gate,
        limit=None if limit is None else float(limit),
        recover=None if recover is None else float(recover),
        min_n=min_n or 0,
        window=over,
        holds_for=holds_for,
        margin=1.0 if margin is None else float(margin),
    )


def gate_fields(where: str, table: Mapping[str, Any], errors: list[str]) -> Fields:
    """Return the fields of a gate, named for messages by its name where it has one."""
    return Fields(f"{where}: gate {table.get('name')!r:.70}" if "name" in table else f"{where}: gate", table, errors)
