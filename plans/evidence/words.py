"""Clusters of overrides as data scientists read them. Numbers in, words and places of marks out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from common.counts import counted
from modeling.training.clusters import BANDS, Cluster, Effect
from modeling.training.patterns import Pattern
from plans.document.patch import REASONS
from plans.heuristics import when_text

WIDTH: Final = 120.0
NOTHING: Final = "–"
NOT_IDENTIFIABLE: Final = "not identifiable"
CHANGES: Final = {
    "shortened": "Shortened",
    "lengthened": "Lengthened",
    "swapped": "Swapped",
    "moved": "Moved",
    "rest": "Made a rest",
    "intensity": "Other intensity",
}


def changes() -> Iterator[str]:
    """Yield each change with how much it was, as lines of the table say it."""
    yield from (change_text(change, band) for change, band in BANDS)


@dataclass(frozen=True, slots=True)
class Bar:
    """A share in a box `WIDTH` wide: the bar's length, its interval, and where the kind's other sessions are."""

    length: float
    low: float | None
    high: float | None
    elsewhere: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One cluster as a line of the table."""

    key: str
    change: str
    kind: str
    when: str
    share: str
    interval: str
    counts: str
    bar: Bar
    lift: str
    people: str
    athletes: str
    reason: str
    adherence: str
    adherence_interval: str
    performance: str
    performance_interval: str


def row_of(cluster: Cluster, widest: float) -> Row:
    """Return a line; `widest` is the share that fills the box."""
    share = cluster.share
    return Row(
        key=cluster.key,
        change=change_text(cluster.change, cluster.band),
        kind=cluster.kind,
        when=when_text(cluster.field, cluster.value),
        share=percent(share.value),
        interval=f"{percent(share.low)} to {percent(share.high)}" if share.low is not None else "one coach",
        counts=f"{cluster.overridden:,} of {cluster.exposed:,}",
        bar=bar_of(cluster, widest),
        lift=f"{cluster.lift:.1f} ×" if cluster.field and cluster.lift is not None else NOTHING,
        people=f"{counted(cluster.coaches, 'coach', 'coaches')}, {counted(cluster.athletes, 'athlete', 'athletes')}",
        athletes=f"{cluster.athletes:,}",
        reason=REASONS.get(cluster.reason, cluster.reason) or NOTHING,
        adherence=points(cluster.adherence, 100, "pp"),
        adherence_interval=interval(cluster.adherence, 100),
        performance=points(cluster.performance, 1, "%"),
        performance_interval=interval(cluster.performance, 1),
    )


def widest_of(clusters: Sequence[Cluster]) -> float:
    """Return the largest share or end of an interval, at least 5 %."""
    ends = [one.share.high if one.share.high is not None else one.share.value for one in clusters]
    return max([0.05, *ends])


def bar_of(cluster: Cluster, widest: float) -> Bar:
    def place(share: float | None) -> float | None:
        return None if share is None else round(WIDTH * min(share / widest, 1.0), 1)

    share = cluster.share
    elsewhere = place(cluster.elsewhere) if cluster.field else None
    return Bar(place(share.value) or 0.0, place(share.low), place(share.high), elsewhere)


def change_text(change: str, band: str) -> str:
    """Return a change in words: Shortened by 15–30 %."""
    return f"{CHANGES[change]} {band}".strip()


def pattern_text(pattern: Pattern, evidence: Mapping[str, Any]) -> str:
    """Return what speaks for a pattern in words."""
    inside, outside = percent(evidence["inside"]), percent(evidence["outside"])
    return (
        f"{inside} there, {outside} elsewhere; {evidence['cases']:,} cases of {evidence['exposed']:,}, "
        f"{evidence['coaches']} coaches, {evidence['athletes']} athletes"
    )


def percent(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.1f} %"


def points(effect: Effect, scale: float, unit: str) -> str:
    """Return a difference with its sign."""
    return NOT_IDENTIFIABLE if effect.value is None else f"{signed(scale * effect.value)} {unit}"


def interval(effect: Effect, scale: float) -> str:
    """Return a difference's interval, and what it rests on."""
    if effect.value is None or effect.low is None or effect.high is None:
        return ""
    return f"{signed(scale * effect.low)} to {signed(scale * effect.high)}"


def signed(value: float) -> str:
    shown = round(value, 1)
    return f"{'+' if shown > 0 else '−' if shown < 0 else ''}{abs(shown):.1f}"
