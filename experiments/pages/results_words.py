"""What the page of results shows, as texts and places: rows, facts, pills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext

from common.translating.showing import shown
from experiments.analysis import Finding
from experiments.report import GuardOutcome, Report, Role, Row, Slice, Treatment, words
from experiments.report.drawing import Forest, forest


@dataclass(frozen=True, slots=True)
class Pill:
    """An icon, a word and a tone: never colour alone."""

    icon: str
    word: str
    tone: str  # good, wait, bad, run, none, nodata


FINDINGS: Final[dict[str, Pill]] = {
    Finding.BETTER: Pill("check_circle", "Better", "good"),
    Finding.WORSE: Pill("cancel", "Worse", "bad"),
    Finding.SIMILAR: Pill("drag_handle", "Similar", "run"),
    Finding.INCONCLUSIVE: Pill("hourglass_top", "Inconclusive", "wait"),
    Finding.TOO_EARLY: Pill("schedule", "Too early", "none"),
    Finding.NOT_IDENTIFIED: Pill("block", "Not identified", "nodata"),
    Finding.STOPPED: Pill("front_hand", "Stopped", "bad"),
    GuardOutcome.CLEAR: Pill("check_circle", "Clear", "good"),
    GuardOutcome.NO_DATA: Pill("block", "No data", "nodata"),
}
"""By a finding's value: guardrails that stopped, and those of which nothing is known, are called as metrics are."""

HEADLINE_TONES: Final = {
    Finding.BETTER: ("good", "check_circle"),
    Finding.WORSE: ("bad", "cancel"),
    Finding.SIMILAR: ("run", "drag_handle"),
    Finding.INCONCLUSIVE: ("wait", "hourglass_top"),
    Finding.TOO_EARLY: ("run", "schedule"),
    Finding.NOT_IDENTIFIED: ("wait", "block"),
    Finding.STOPPED: ("bad", "front_hand"),
    Finding.HIDDEN: ("bad", "gpp_maybe"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str
    note: str
    tone: str = ""
    done: float | None = None  # per cent


@dataclass(frozen=True, slots=True)
class Shown:
    """A row of the table of results."""

    title: str
    describes: str
    n: str
    control: str
    treatment: str
    forest: Forest | None
    difference: str
    interval: str
    p: str
    adjusted: str
    pill: Pill
    why: str
    not_identified: str
    is_primary: bool
    is_too_good: bool
    needs_act: bool


def row_groups(told: Report, one: Treatment, target: float | None) -> list[dict[str, Any]]:
    """Return a treatment's rows under what they were named for; target: the primary metric's."""
    parts = (
        (Role.PRIMARY, "Primary", "fixed before the start", (one.primary,)),
        (Role.GOAL, "Goals", "", one.goals),
        (Role.GUARDRAIL, "Guardrails", "shaded: harm beyond the margin; p is one-sided, of all looks", one.guardrails),
    )
    return [
        {
            "title": title,
            "note": " · ".join(part for part in (note, told.families[role.value]) if part),
            "rows": [row_of(row, target if role is Role.PRIMARY else None) for row in rows],
        }
        for role, title, note, rows in parts
        if rows
    ]


def row_of(row: Row, target: float | None) -> Shown:
    """Return a row as texts; target: of the primary metric alone."""
    unit, one = row.metric.unit, row.estimate
    treatment, control = row.arms.get(row.treatment), row.arms.get(row.control)
    p = row.guard.p_value if row.guard else one.p_value if one else None
    return Shown(
        title=row.metric.title,
        describes=row.metric.describes,
        n=f"{control.n if control else 0:,} / {treatment.n if treatment else 0:,}",
        control=words.value(unit, control.value if control else None),
        treatment=words.value(unit, treatment.value if treatment else None),
        forest=forest(row, target),
        difference=words.difference(unit, one.difference) if one else words.NOTHING,
        interval=words.span(unit, one.low, one.high) if one else "",
        p=words.p_value(p),
        adjusted=words.p_value(row.p_adjusted),
        pill=FINDINGS[row.finding],
        why=_why(row),
        not_identified=row.not_identified,
        is_primary=row.role is Role.PRIMARY,
        is_too_good=row.too_good,
        needs_act=row.finding in (Finding.STOPPED, GuardOutcome.STOPPED) and row.guard is not None,
    )


def _why(row: Row) -> str:
    if row.guard is None or row.estimate is None:
        return row.words
    return f"{row.words} " + f"Lift {row.estimate.lifts.describe()}."


def facts_row(told: Report, *, is_stale: bool, is_newest: bool) -> list[Fact]:
    """Return the five facts above the conclusion."""
    phase, funnel, balance = told.phase, told.funnel, told.balance
    day, days = phase.day, phase.of
    done = None if phase.of is None else min(100.0, round(100 * phase.day / phase.of, 1))
    left_out, members = sum(funnel.excluded.values()), sum(funnel.members.values())
    planned = " : ".join(f"{told.weights.get(name, 0):g}" for name in told.arms)
    arms = " : ".join(told.arms)
    label, e = "Sample ratio (anytime-valid)", f"e = {words.e_value(balance.e_value)}"
    ratio = Fact(label, "No alarm", ", ".join((e, f"alarm at {words.e_value(balance.alarm_at)}")))
    if balance.mismatch:
        ratio = Fact(label, "Alarm", ", ".join((e, f"since day {balance.alarmed_day}")), "bad")
    following = f"next {words.moment(told.next_look)}" if told.next_look and is_newest else f"look {told.number}"
    age = gettext("{time} old").format(time=words.length(told.age)) + f" · {shown(following)}"
    return [
        Fact("Phase", f"Day {day} of {days}" if days else f"Day {day}", "over" if phase.is_over else "", done=done),
        Fact("Analysed", f"{members:,} members", f"{left_out:,} left out · {funnel.held_out:,} held out"),
        Fact(
            f"Arms, {arms}",
            " : ".join(f"{funnel.members.get(name, 0):,}" for name in told.arms),
            f"planned {planned}",
        ),
        ratio,
        Fact("Data as of", words.moment(told.as_of), f"Stale: {age}" if is_stale else age, "wait" if is_stale else ""),
    ]


def funnel_rows(told: Report) -> list[dict[str, Any]]:
    """Return assigned, exposed and analysed subjects by arm, with the part of those assigned."""
    funnel = told.funnel
    found = []
    for title, counts in (("Assigned", funnel.assigned), ("Exposed", funnel.exposed), ("Analysed", funnel.members)):
        total, of = sum(counts.values()), sum(funnel.assigned.values())
        arms = [f"{counts.get(name, 0):,}" for name in told.arms]
        share = round(100 * total / of) if of else 0
        found.append({"title": title, "arms": arms, "total": f"{total:,}", "share": share})
    return found


def strata_table(told: Report, treatment: str) -> dict[str, Any]:
    """Return members by stratum, control beside a treatment, and the largest gap between them, by their weights."""
    rows, largest = [], 0.0
    weight = {name: told.weights.get(name, 0.0) for name in (treatment, told.control)}
    for name, counts in told.strata.items():
        gap = _gap(counts.get(treatment, 0), counts.get(told.control, 0), weight[treatment], weight[told.control])
        largest = max(largest, gap)
        rows.append(
            {
                "name": words.stratum(name),
                "treatment": counts.get(treatment, 0),
                "control": counts.get(told.control, 0),
                "gap": f"{gap:.0f}",
            }
        )
    return {"rows": rows, "largest": f"{largest:.0f}"}


def _gap(treatment: int, control: int, weight: float, of_control: float) -> float:
    """Return how many subjects lie between an arm and what the other one lets expect."""
    if weight <= 0 or of_control <= 0:
        return 0.0
    return abs(treatment * of_control - control * weight) / max(weight, of_control)


def slice_groups(told: Report) -> list[dict[str, Any]]:
    """Return where an imbalance comes from: the whole, by phase, by stratum, and how many were never exposed."""
    balance = told.balance
    groups = [{"title": "", "rows": [_slice(told, balance.whole)]}]
    if balance.phases:
        groups.append({"title": "By phase", "rows": [_slice(told, one) for one in balance.phases]})
    if balance.strata:
        title = f"By stratum, {len(balance.strata)}"
        groups.append({"title": title, "rows": [_slice(told, one) for one in balance.strata]})
    unexposed = {
        "name": "Assigned, never exposed",
        "observed": " : ".join(f"{balance.unexposed.get(name, 0):,}" for name in told.arms),
    }
    return [*groups, {"title": "By reason", "rows": [unexposed, *_reasons(told)]}]


def _reasons(told: Report) -> list[dict[str, Any]]:
    return [
        {"name": f"{shown('Left out')}: {shown(reason.replace('_', ' '))}", "observed": f"{count:,} in all"}
        for reason, count in told.funnel.excluded.items()
    ]


def _slice(told: Report, one: Slice) -> dict[str, Any]:
    pill = Pill("gpp_maybe", "Alarm", "bad") if one.alarms else Pill("check_circle", "No alarm", "good")
    return {
        "name": one.name,
        "observed": " : ".join(f"{one.observed.get(name, 0):,}" for name in told.arms),
        "expected": " : ".join(f"{one.expected.get(name, 0):.1f}" for name in told.arms),
        "missing": _missing(one),
        "e": words.e_value(one.e_value),
        "pill": pill,
        "alarms": one.alarms,
    }


def _missing(one: Slice) -> str:
    if one.missing < 0.5:
        return "0"
    return gettext("{number} in {variant}").format(number=f"{one.missing:.0f}", variant=one.short)
