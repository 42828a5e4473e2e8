"""Numbers in words: shares with their n, reach, how long. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from rollout.evaluation import FULL
from rollout.gates.evidence import Arm, Tally
from rollout.policy.model import Metric

UNITS: Final = {Metric.RATING: "{:.2f} of 5", Metric.CRITICAL_COUNT: "{:.0f}", Metric.COST: "{:.3g} s"}
"""How what is no share reads."""


def percent_text(thousandths: int) -> str:
    """Return thousandths of a percent as people write it: 100 → "0.1 %"."""
    return f"{thousandths / 1000:g} %"


def reach_text(thousandths: int, groups: Sequence[str]) -> str:
    """Return whom a flag reaches."""
    share = "nobody" if not thousandths else "everybody" if thousandths == FULL else percent_text(thousandths)
    if not groups:
        return share
    named = ", ".join(groups)
    return named if not thousandths else f"{named} and {share}"


def duration_text(span: timedelta) -> str:
    """Return a span in its two largest units: "3 days 4 hours", "12 minutes", "no time"."""
    minutes = max(int(span.total_seconds() // 60), 0)
    parts = [(minutes // 1440, "day"), (minutes % 1440 // 60, "hour"), (minutes % 60, "minute")]
    said = [f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in parts if count]
    return " ".join(said[:2]) or "no time"


def measured(value: float, metric: Metric | None) -> str:
    """Return what a gate measured in the unit of its metric; three digits count."""
    if metric is None:
        return f"{value:.3g}"
    return UNITS[metric].format(value) if metric in UNITS else f"{100 * value:.3g} %"


def arms(tallies: Mapping[Arm, Tally]) -> Iterator[str]:
    """Yield a line an arm; one of which nothing is known says so."""
    for arm in Arm:
        yield f"{arm:<8} {_tally(tallies.get(arm, Tally()))}"


def _tally(tally: Tally) -> str:
    parts = []
    if tally.answered:
        parts.append(f"{tally.answered:,} answered for {tally.subjects:,} subjects")
        parts.append(f"{_of(tally.failed, tally.answered)} failed ({tally.fallback:,} fell back)")
        parts += [
            f"{count:,} {name}" for count, name in ((tally.invalid, "invalid"), (tally.unsafe, "unsafe")) if count
        ]
    if (p95 := tally.latency.quantile(0.95)) is not None:
        parts.append(f"p95 {p95:,.0f} ms")
    if tally.decided:
        parts.append(f"{_of(tally.accepted, tally.decided)} accepted without changes")
    if tally.rated:
        parts.append(f"rated {tally.rating_sum / tally.rated:.1f} of 5 (n {tally.rated:,})")
    if tally.reports:
        parts.append(f"{tally.reports:,} reports, {tally.critical:,} critical")
    return "; ".join(parts) or "no data"


def _of(count: int, total: int) -> str:
    return f"{count:,} of {total:,} ({100 * count / total:.2g} %)"
