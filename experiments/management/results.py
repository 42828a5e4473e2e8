"""Results on a terminal."""

from __future__ import annotations

from typing import Any

from common.management.base import MesocycleCommand
from experiments.report import Report, Row, Slice, csv_of, words
from experiments.selectors import Results, hidden


def show_results(command: MesocycleCommand, found: Results, *, as_csv: bool, code: int) -> int | None:
    """Print results as JSON, CSV or tables; where they are hidden, print where that comes from and return `code`."""
    if found.report.hidden:
        _show_hidden(command, found.report)
        return code
    if command.as_json:
        command.emit(found.document())
    elif as_csv:
        command.stdout.write(csv_of(found.rows()), ending="")
    else:
        _show(command, found)
    return None


def _show(command: MesocycleCommand, found: Results) -> None:
    told = found.report
    for one in told.treatments:
        rows = [_row(row) for row in one.rows]
        command.table(rows, title=f"{told.key}: {one.name} against {one.control}, as of {words.moment(told.as_of)} UTC")
    command.stdout.write(f"{told.headline.title} {told.headline.words}")
    command.note(_note(told))
    if found.alarmed_later:
        command.note("A later look found that the arms are not as they should be: do not rely on this one.")


def _row(row: Row) -> dict[str, Any]:
    unit, one = row.metric.unit, row.estimate
    between = f"{words.difference(unit, one.difference)} ({words.span(unit, one.low, one.high)})" if one else "–"
    arms = {name: row.arms.get(name) for name in (row.treatment, row.control)}
    p = row.guard.p_value if row.guard else one.p_value if one else None
    return {
        "metric": f"{row.metric.title} ({row.role})",
        "n": " / ".join(str(arm.n) if arm else "0" for arm in arms.values()),
        **{name: words.value(unit, arm.value if arm else None) for name, arm in arms.items()},
        "difference": between,
        "p": words.p_value(p),
        "adjusted": words.p_value(row.p_adjusted),
        "finding": row.finding.value.replace("_", " "),
    }


def _note(told: Report) -> str:
    funnel = told.funnel
    counts = ", ".join(f"{name} {funnel.members.get(name, 0)}" for name in told.arms)
    left_out = ", ".join(f"{reason} {count}" for reason, count in funnel.excluded.items()) or "nobody"
    synthetic = "Synthetic, made up for a demonstration. " if told.synthetic else ""
    return (
        f"{synthetic}Look {told.number}; members {counts}; left out: {left_out}; late {funnel.late}; "
        f"sample ratio e = {words.e_value(told.balance.e_value)}, alarm at {words.e_value(told.balance.alarm_at)}. "
        "Differences are within strata and take off what pre-period values explain: they need not be those of "
        "the plain values."
    )


def _show_hidden(command: MesocycleCommand, told: Report) -> None:
    if command.as_json:
        command.emit({"error": hidden(told).as_problem()})
        return
    balance = told.balance
    command.note(f"{told.headline.title} {told.headline.words}")
    command.table([_slice(one) for one in (balance.whole, *balance.phases, *balance.strata)])


def _slice(one: Slice) -> dict[str, Any]:
    return {
        "subjects": one.name,
        "observed": " : ".join(f"{name} {count}" for name, count in one.observed.items()),
        "expected": " : ".join(f"{count:.1f}" for count in one.expected.values()),
        "missing": f"{one.missing:.1f} {one.short}",
        "e": words.e_value(one.e_value),
        "alarm": "yes" if one.alarms else "no",
    }
