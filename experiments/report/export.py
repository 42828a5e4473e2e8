"""Results for machines: one JSON document, and tidy rows, one for each metric, treatment and look. Pure.

Nothing in them changes with the time at which they are asked for: no age, no present state.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, Final

from common.cells import guarded
from experiments.analysis import Action, Decision, Guardrail, watch
from experiments.judging import planned_of, treatments_of
from experiments.looks import Look
from experiments.report.balance import sample_ratio_of
from experiments.report.compare import Key, harm_of, rows_at
from experiments.report.make import looks_until, span_at
from experiments.report.model import Facts, Report, Row

FORMAT: Final = 1
"""Of the document; another one is another answer to the same look."""

COLUMNS: Final = (
    "experiment", "look", "as_of", "metric", "role", "unit", "treatment", "control", "n_treatment", "n_control",
    "value_treatment", "value_control", "adjusted_treatment", "adjusted_control", "difference", "low", "high", "lift",
    "lift_low", "lift_high", "lift_shape", "p", "p_adjusted", "margin", "margin_is_relative", "guardrail_p", "finding",
    "not_identified", "synthetic",
)  # fmt: skip


def plain_json(value: Any) -> Any:
    """Return dataclasses, moments and enumerations as JSON has them; what is not finite is null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain_json(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_json(one) for one in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def document(report: Report) -> dict[str, Any]:
    """Return a report as a JSON document, without what changes after the look.

    Raises:
        ValueError: the results are hidden.
    """
    if report.hidden:
        raise ValueError("the results are hidden")
    present = {"status", "ended_by", "age", "next_look", "pooled", "hidden", "name"}
    told = {one.name: plain_json(getattr(report, one.name)) for one in fields(report) if one.name not in present}
    return {"format": FORMAT, **told}


def rows(facts: Facts, looks: Sequence[Look], *, as_of: datetime | None = None) -> list[dict[str, Any]]:
    """Return what every look up to one said, the oldest first, by `COLUMNS`.

    Raises:
        ValueError: the results are hidden as of the newest of them.
    """
    told = looks_until(looks, as_of)
    if sample_ratio_of(facts, told).mismatch:
        raise ValueError("the results are hidden")
    found, so_far = [], _Guards(facts)
    for look in told:
        decisions = so_far.after(look)
        for one in rows_at(facts, look, decisions, span_at(facts, look.as_of)).values():
            found += [_tidy(facts, look, row) for row in (one.primary, *one.goals, *one.guardrails)]
    return found


def csv_of(tidy: Sequence[Mapping[str, Any]]) -> str:
    """Return tidy rows as CSV with a header; nothing that people named is taken for a formula by a spreadsheet."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(row[name]) for name in COLUMNS] for row in tidy)
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    """Return a cell (OWASP, CSV injection); numbers stay numbers, also negative ones."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return guarded(value) if isinstance(value, str) else value


class _Guards:
    """Guardrails' decisions look by look: evidence is the largest so far, and a stop stays (as `decisions_of` says)."""

    def __init__(self, facts: Facts) -> None:
        protocol, weights = facts.protocol, facts.weights[1]
        treatments = treatments_of(protocol, weights)
        alpha = protocol.alpha / max(len(protocol.guardrails) * len(treatments), 1)
        worse = harm_of(facts)
        self._rules = [
            (name, Guardrail(rule.metric, worse[rule.metric], rule.margin, rule.relative, alpha), planned)
            for rule in protocol.guardrails
            for name, planned in ((name, planned_of(protocol, weights, name)) for name in treatments)
        ]
        self._before: dict[Key, Decision] = {}

    def after(self, look: Look) -> dict[Key, Decision]:
        for name, guardrail, planned in self._rules:
            key, measured = (name, guardrail.name), look.measured.get(guardrail.name)
            pairs = [measured.pairs[name]] if measured and name in measured.pairs else []
            now = watch(guardrail, name, pairs, planned_n=planned)
            before = self._before.get(key)
            self._before[key] = now if before is None else _together(before, now)
        return dict(self._before)


def _together(before: Decision, now: Decision) -> Decision:
    if before.action is Action.STOP or now.action is Action.NO_DATA:
        kept, other = before, now
    else:
        kept, other = now, before
    known = [p for p in (kept.p_value, other.p_value) if p is not None]
    action = Action.STOP if Action.STOP in (before.action, now.action) else kept.action
    return Decision(
        kept.guardrail,
        kept.treatment,
        action,
        before.looks + now.looks,
        min(known, default=None),
        now.harm if now.harm is not None else before.harm,
        now.least_harm if now.least_harm is not None else before.least_harm,
        kept.stopped_at,
        kept.why,
    )


def _tidy(facts: Facts, look: Look, row: Row) -> dict[str, Any]:
    one, guard, arms = row.estimate, row.guard, row.arms
    treatment, control = arms.get(row.treatment), arms.get(row.control)
    return {
        "experiment": facts.key,
        "look": look.number,
        "as_of": look.as_of.isoformat(),
        "metric": row.metric.name,
        "role": row.role.value,
        "unit": row.metric.unit.value,
        "treatment": row.treatment,
        "control": row.control,
        "n_treatment": treatment.n if treatment else 0,
        "n_control": control.n if control else 0,
        "value_treatment": treatment.value if treatment else None,
        "value_control": control.value if control else None,
        "adjusted_treatment": one.treatment if one else None,
        "adjusted_control": one.control if one else None,
        "difference": one.difference if one else None,
        "low": one.low if one else None,
        "high": one.high if one else None,
        "lift": one.lift if one else None,
        "lift_low": one.lifts.low if one else None,
        "lift_high": one.lifts.high if one else None,
        "lift_shape": one.lifts.shape.value if one else None,
        "p": one.p_value if one else None,
        "p_adjusted": row.p_adjusted,
        "margin": guard.margin if guard else None,
        "margin_is_relative": guard.relative if guard else None,
        "guardrail_p": guard.p_value if guard else None,
        "finding": row.finding.value,
        "not_identified": row.not_identified,
        "synthetic": facts.synthetic,
    }
