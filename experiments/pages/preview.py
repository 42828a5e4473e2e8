"""The page of a draft before its start: what the preview found, as a data scientist reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext

from accounts.models import Level, Sport, Tier
from accounts.requests import acting_user
from common.charts import Chart, Line, draw
from common.context import unit_of_work
from common.counts import counted
from common.errors import NotVisible, WrongState
from common.operator_pages import OperatorAdmin
from common.translating.showing import counts, said, shown
from experiments.metrics import METRICS, Metric, Unit
from experiments.models import Experiment
from experiments.preview import Allocation, Preview, Row, Sensitivity, Source, Verdict, Weight
from experiments.preview.readiness import FEWEST_IN_STRATUM, day
from experiments.services.previewing import preview_experiment

MINUS: Final = "−"  # noqa: RUF001
PILLS: Final = {
    Verdict.CLASH: ("bad", "block", "Refused"),
    Verdict.CHECK: ("wait", "warning", "Check interaction"),
    Verdict.ALLOWED: ("good", "check_circle", "Allowed"),
    Verdict.APART: ("good", "check_circle", "Kept apart"),
}
WEIGHTS: Final = {
    Weight.BLOCKER: ("bad", "cancel", "Blocker"),
    Weight.WARNING: ("wait", "warning", "Warning"),
    Weight.GOOD: ("good", "check_circle", "Fine"),
}
SOURCES: Final = {
    Source.USES: "first requests, as in the last 8 weeks",
    Source.FACTS: "first facts of this metric, as in the last 8 weeks",
    Source.AT_ONCE: "when they are used is not known: all at once",
}
_ARMS_IN_LINE: Final = 4
_ORDER: Final[dict[str, list[str]]] = {"sport": Sport.values, "level": Level.values, "tier": Tier.values}
_SUMMED: Final = ("roster", "without_consent", "excluded")


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Bar:
    number: int
    width: float
    kind: str


@dataclass(frozen=True, slots=True)
class StratumRow:
    """A line of the table; `values` are empty where the line above says the same."""

    values: tuple[str, ...]
    row: Row
    bars: tuple[Bar, ...]
    gap: str
    is_small: bool


def preview_page(admin: OperatorAdmin, request: HttpRequest, object_id: UUID) -> HttpResponse:
    """Show what a draft would do if it started now; whoever comes for anything else is sent to its own page.

    The roster is read as a service: call it from a view marked `own_transaction`.

    Raises:
        PermissionDenied, NotVisible: not the role's; there is no such experiment.
    """
    admin.allow(request)
    user = acting_user(request)
    with unit_of_work(user, read_only=True):
        experiment = Experiment.objects.filter(pk=object_id).first()
        if experiment is None:
            raise NotVisible("There is no such experiment.")
    try:
        found = preview_experiment(key=experiment.key, acting_user=user)
    except WrongState as error:
        messages.error(request, said(error.detail))
        return HttpResponseRedirect(reverse("admin:experiments_experiment_change", args=[object_id]))
    with unit_of_work(user, read_only=True):
        title = gettext("Preview of {name}").format(name=experiment.name)
        context = {"experiment": experiment, "preview": found, **context_of(found, experiment.end_at)}
        return admin.page(request, "experiments/preview.html", title, **context).render()


def context_of(found: Preview, end_at: Any = None) -> dict[str, Any]:
    """Return what the template draws."""
    metric = METRICS.find(found.protocol.primary) if found.protocol else None
    seen = found.sensitivity if isinstance(found.sensitivity, Sensitivity) else None
    allocation = found.allocation
    return {
        "facts": facts_of(found, metric),
        "rows": rows_of(allocation, found.strata) if allocation else (),
        "arms": _arms(allocation) if allocation else (),
        "strata": [name.capitalize() for name in found.strata] or ["Stratum"],
        "sums": {name: sum(getattr(row, name) for row in allocation.rows) for name in _SUMMED} if allocation else {},
        "gap": gap_text(allocation.gap) if allocation else "",
        "draws": draws_text(allocation) if allocation else "",
        "overlaps": [
            {"found": one, "percent": round(100 * one.share), "pill": _pill(PILLS[one.verdict])}
            for one in found.overlaps
        ],
        "checks": [{"check": check, "tone": WEIGHTS[check.weight]} for check in found.checks],
        "chart": chart_of(seen, metric) if seen and metric else None,
        "basis": basis_of(seen, metric) if seen and metric else (),
        "end_at": end_at,
    }


def facts_of(found: Preview, metric: Metric | None) -> list[Fact]:
    """Return the row of facts: from the roster to the days that the target needs."""
    facts: list[Fact] = []
    if found.allocation is not None:
        counts, arms = found.allocation.counts, found.allocation.arms
        strata = sum(row.taken > 0 for row in found.allocation.rows)
        coaches = counted(found.allocation.clusters, "coach", "coaches")
        facts = [
            Fact("Roster", f"{counts.roster} athletes", f"{coaches} and {_strata(strata)} are in"),
            Fact(
                "No consent",
                _less(counts.without_consent),
                f"{counts.never_asked} never asked, {counts.refused} said no",
            ),
            Fact("Otherwise excluded", _less(counts.excluded), excluded_text(found.allocation)),
            Fact(
                " : ".join(found.allocation.variants) if len(arms) < _ARMS_IN_LINE else f"{len(arms)} arms",
                " : ".join(map(str, arms)),
                f"{counts.taken} in all, largest gap {gap_text(found.allocation.gap)}",
            ),
        ]
    return [*facts, *_effects(found, metric)]


def _effects(found: Preview, metric: Metric | None) -> list[Fact]:
    seen = found.sensitivity
    if not isinstance(seen, Sensitivity) or metric is None:
        return [Fact("Detectable (80 %)", "not known", "see the list"), Fact("Needed for target", "not known", "")]
    target = f"target {difference_text(metric.unit, seen.target)}" if seen.target else "no target given"
    effect = difference_text(metric.unit, seen.worst.detectable)
    days, share = seen.days, f"{100 * (seen.worst.lift or 0.0):.3g}"
    note = f"in {days} days, {share} % of the mean; {target}"
    if seen.worst.lift is None:
        note = f"in {days} days; {target}"
    facts = [Fact("Detectable (80 %)", effect, note)]
    if seen.target is None:
        return [*facts, Fact("Needed for target", "–", "no target given")]
    people = "no number of athletes" if seen.needed is None else f"{seen.needed:,} athletes"
    if seen.needed is None and seen.needed_at_best is not None:
        people = f"{seen.needed_at_best:,} athletes at best"
    if seen.days_needed is None:
        return [
            *facts,
            Fact("Needed for target", "not reached", f"{people} would show it, {seen.arrivals.of} would be in"),
        ]
    last = found.start_at + timedelta(days=seen.days_needed)
    return [*facts, Fact("Needed for target", f"{seen.days_needed} days", f"{people}, until {day(last)}")]


def excluded_text(allocation: Allocation) -> str:
    """Return why people who agreed get no variant."""
    counts = allocation.counts
    parts = (
        ("not targeted", counts.not_targeted),
        ("held out", counts.held_out),
        ("other slice", counts.outside_layer),
        ("traffic", counts.outside_traffic),
        ("unknown stratum", counts.lacking),
    )
    return ", ".join(f"{shown(name)} {number}" for name, number in parts if number) or "nobody"


def draws_text(allocation: Allocation) -> str:
    """Return what other starts would give."""
    if allocation.draws is None:
        return ""
    ranges = [
        f"{name} {said(f'{low} to {high}')}"
        for name, (low, high) in zip(allocation.variants, allocation.draws.arms, strict=True)
    ]
    number, arms, gap = allocation.draws.number, ", ".join(ranges), gap_text(allocation.draws.gap)
    return f"{number} other starts: {arms}; largest gap {gap}."


def rows_of(allocation: Allocation, strata: Sequence[str]) -> list[StratumRow]:
    """Return the lines of the table; bars in percent of the largest arm of any stratum. strata: the attributes."""
    most = max((number for row in allocation.rows for number in row.arms), default=0) or 1
    found, before = [], tuple[str, ...]()
    for row in sorted(allocation.rows, key=lambda row: _usual(strata, row)):
        values = tuple(value.replace("_", " ").capitalize() or "Unknown" for value in row.values) or ("Everybody",)
        line = ("" if before[:1] == values[:1] and len(values) > 1 else values[0], *values[1:])
        bars = tuple(
            Bar(number, round(100 * number / most, 1), "control" if arm == 0 else "new")
            for arm, number in enumerate(row.arms)
        )
        is_small = bool(row.values) and 0 < row.taken < FEWEST_IN_STRATUM
        found.append(StratumRow(line, row, bars, gap_text(row.gap), is_small))
        before = values
    return found


def chart_of(seen: Sensitivity, metric: Metric) -> Chart:
    """Return the smallest effect by duration, with the target where there is one."""
    lines = [Line("shows", "new", [point.detectable for point in seen.curve])]
    if seen.target is not None:
        lines.append(Line("target", "target", [abs(seen.target)] * len(seen.curve), style="dotted"))
    return draw(
        "Detectable effect",
        lines,
        [f"{point.days} d" for point in seen.curve],
        text=lambda value: difference_text(metric.unit, value),
        tick=lambda value: difference_text(metric.unit, value),
        note="smallest arm, power 80 %",
        floor=0.0,
    )


def basis_of(seen: Sensitivity, metric: Metric) -> list[tuple[str, str]]:
    """Return what the effect was worked out from."""
    past, coming = seen.background, seen.arrivals
    spread = f"mean {value_text(metric.unit, past.mean)}, standard deviation {difference_text(metric.unit, past.sd)}"
    coaches = "each athlete stands alone"
    if past.clusters is not None:
        coaches = f"{past.clusters}, numbers of athletes vary by {100 * past.cluster_size_cv:.0f} %; ICC {past.icc:.2f}"
        if past.icc and seen.at_best is not None:
            best = difference_text(metric.unit, seen.at_best)
            coaches = f"{coaches} (were it all shared by both arms, {best} would show)"
    explained = f"explains {100 * past.variance_reduction:.0f} % of the variance"
    rate = SOURCES[coming.source]
    if coming.source is not Source.AT_ONCE:
        number, taken = counts(f"{coming.a_day:.2g}"), coming.weekly[-1]
        by_day = gettext("{number} a day: {rate} ({taken} of {all})")
        rate = by_day.format(number=number, rate=shown(rate), taken=taken, all=coming.of)
    found = [
        ("Metric", f"{metric.title}: {metric.describes}"),
        ("Past", f"{spread}; {past.subjects} of {past.of} athletes, last {past.span.days} days"),
        ("Coaches", coaches),
        ("Pre-period", f"the {past.before.days} days before: {explained}" if past.before else "none"),
        ("Arrivals", rate),
    ]
    if seen.followed:
        found.append(("Followed", f"each for {seen.followed} days before they count"))
    if len(seen.treatments) > 1:
        each = [f"{one.variant} {difference_text(metric.unit, one.detectable)}" for one in seen.treatments]
        found.append(("By treatment", ", ".join(each)))
    return found


def difference_text(unit: Unit, value: float | None) -> str:
    """Write a difference; shares in percentage points."""
    if value is None:
        return "–"
    return f"{_digits(100 * value)} pp" if unit is Unit.SHARE else _with_unit(unit, value)


def value_text(unit: Unit, value: float) -> str:
    """Write a value; shares in percent."""
    return f"{_digits(100 * value)} %" if unit is Unit.SHARE else _with_unit(unit, value)


def gap_text(gap: float) -> str:
    """Write a gap: whole numbers of athletes, or a distance from a share."""
    return f"{gap:.0f}" if gap == int(gap) else f"{gap:.1f}"


def _with_unit(unit: Unit, value: float) -> str:
    word = {Unit.MILLISECONDS: " ms", Unit.DAYS: " days", Unit.OF_FIVE: " of 5"}.get(unit, "")
    return f"{_digits(value)}{word}"


def _digits(value: float) -> str:
    """Write three digits at least, no exponent and no zeros behind the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1e-4 or not value else f"{value:.1g}"


def _arms(allocation: Allocation) -> list[dict[str, Any]]:
    parts = zip(allocation.variants, allocation.shares, allocation.arms, strict=True)
    return [
        {"name": name, "share": f"{100 * share:.3g} %", "total": total, "kind": "control" if arm == 0 else "new"}
        for arm, (name, share, total) in enumerate(parts)
    ]


def _usual(names: Sequence[str], row: Row) -> list[tuple[int, str]]:
    """Return where a stratum stands: values that our records list come in their order there, others by name."""
    orders = [_ORDER.get(name, []) for name in names]
    pairs = zip(orders, row.values, strict=True)
    return [(order.index(value) if value in order else len(order), value) for order, value in pairs]


def _pill(parts: Sequence[str]) -> dict[str, str]:
    return dict(zip(("tone", "icon", "word"), parts, strict=True))


def _less(number: int) -> str:
    return f"{MINUS} {number}" if number else "0"


def _strata(number: int) -> str:
    return counted(number, "stratum", "strata")
