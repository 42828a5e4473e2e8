"""Plans from generated to completed, and what coaches change in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from telemetry.dashboards.asked import Asked
from telemetry.dashboards.marts import ARM, REACHED, SPORT, WEEKS, Marts
from telemetry.dashboards.numbers import WITHHELD, Number, count, number

STAGES: Final = ("generated", "submitted", "approved", "published", "completed")
KINDS: Final = ("volume", "intensity", "session_type", "order_of_sessions", "rest_days", "strength", "notes")
LEAST_PLANS: Final = 10
"""A coach's shares rest on at least so many accepted plans, and stand out only then."""
OUTLYING: Final = 2.5
"""Robust deviations from the median of the other coaches, from which a cell is framed."""
_OPEN: Final = "superseded_at IS NULL"
_WAITING: Final = {
    "review": f"submitted_at IS NULL AND {_OPEN}",
    "answer": f"submitted_at IS NOT NULL AND approved_at IS NULL AND {_OPEN}",
    "publishing": f"approved_at IS NOT NULL AND published_at IS NULL AND {_OPEN}",
    "running": f"published_at IS NOT NULL AND completed_at IS NULL AND {_OPEN}",
    "replaced": "superseded_at IS NOT NULL AND completed_at IS NULL",
}
_MEDIANS: Final = ("hours_to_review", "hours_to_answer", "hours_to_publishing")


def _counted(name: str, condition: str) -> str:
    return (
        f"count(*) FILTER (WHERE {condition}) AS {name},"
        f" count(DISTINCT athlete) FILTER (WHERE {condition}) AS {name}_people"
    )


_FUNNEL: Final = (
    "SELECT "
    + ", ".join(
        [
            *(_counted(stage, f"{stage}_at IS NOT NULL") for stage in STAGES),
            *(_counted(f"waiting_{name}", condition) for name, condition in _WAITING.items()),
            *(f"median({name}) AS {name}" for name in _MEDIANS),
            *(f"count(DISTINCT athlete) FILTER (WHERE {name} IS NOT NULL) AS {name}_people" for name in _MEDIANS),
        ]
    )
    + f", min(generated_at) FILTER (WHERE {_WAITING['review']}) AS oldest_waiting,"
    " bool_or(is_synthetic) AS is_synthetic FROM read_parquet($mart_plans)"
    f" WHERE generated_at >= $start AND generated_at < $until AND {REACHED} AND {ARM} AND {SPORT}"
)
_CHANGES: Final = (
    "SELECT coach_id, sum(plans) AS plans, "
    + ", ".join(f"sum({kind}) AS {kind}" for kind in KINDS)
    + ", bool_or(is_synthetic) AS is_synthetic FROM read_parquet($mart_changes)"
    f" WHERE {WEEKS} AND {REACHED} AND {ARM} AND {SPORT} GROUP BY ALL"
)
_APPROVED_PEOPLE: Final = (
    "SELECT coach_id, count(DISTINCT athlete) AS people FROM read_parquet($fct_approvals)"
    f" WHERE {WEEKS} AND changes IS NOT NULL AND {REACHED} AND {ARM} AND ($sport = '' OR athlete IN"
    " (SELECT athlete FROM read_parquet($dim_athletes) WHERE sport = $sport)) GROUP BY ALL"
)
_EFFECTS: Final = (
    "SELECT coach_id, count(*) AS edits, avg(volume_percent) AS volume, count(volume_percent) AS volume_n,"
    " avg(load_percent) AS load, count(load_percent) AS load_n, count(DISTINCT athlete) AS people"
    f" FROM read_parquet($mart_edits) WHERE {WEEKS} AND {REACHED} AND {ARM} AND {SPORT} GROUP BY ALL"
)


@dataclass(frozen=True)
class Funnel:
    """Plans made in the weeks asked for: how many reached each stage, wait before it, and median hours to it."""

    reached: Mapping[str, Number]
    waiting: Mapping[str, Number]
    hours: Mapping[str, Number]
    oldest_waiting: datetime | None
    is_synthetic: bool


@dataclass(frozen=True)
class CoachRow:
    """A coach's accepted plans: the share of them in which each kind of thing differs, and what edits did in percent.

    stands_out: kinds clearly above the other coaches.
    """

    token: str
    plans: Number
    shares: Mapping[str, Number]
    stands_out: frozenset[str]
    volume: Number
    load: Number


@dataclass(frozen=True)
class Changes:
    """All coaches, who have most plans first."""

    rows: tuple[CoachRow, ...]
    is_synthetic: bool


def funnel(marts: Marts, asked: Asked) -> Funnel:
    """Return how far plans came that were made in the weeks asked for."""
    [row] = marts.rows(_FUNNEL, asked)
    least = marts.reach.least

    def counted(name: str) -> Number:
        return count(row[name], row[f"{name}_people"], least)

    waiting = {name: counted(f"waiting_{name}") for name in _WAITING}
    hours = {name: number(row[name], 1, row[f"{name}_people"], row[f"{name}_people"], least) for name in _MEDIANS}
    oldest = None if waiting["review"].is_hidden else row["oldest_waiting"]
    return Funnel({name: counted(name) for name in STAGES}, waiting, hours, oldest, bool(row["is_synthetic"]))


def changes(marts: Marts, asked: Asked) -> Changes:
    """Return what each coach changes of what was proposed."""
    found = marts.rows(_CHANGES, asked)
    effects = {row["coach_id"]: row for row in marts.rows(_EFFECTS, asked)}
    people: dict[str | None, int] = {}
    if marts.reach.is_pseudonymous:
        people = {row["coach_id"]: row["people"] for row in marts.rows(_APPROVED_PEOPLE, asked)}
    found.sort(key=lambda row: (-row["plans"], row["coach_id"] or ""))
    rows = [
        _coach(row, effects.get(row["coach_id"], {}), people.get(row["coach_id"]), marts.reach.least) for row in found
    ]
    outlying = _outlying(rows)
    return Changes(
        tuple(CoachRow(one.token, one.plans, one.shares, outlying[one.token], one.volume, one.load) for one in rows),
        any(row["is_synthetic"] for row in found),
    )


def _coach(row: Mapping[str, Any], effect: Mapping[str, Any], people: int | None, least: int) -> CoachRow:
    plans = int(row["plans"])
    is_hidden = people is not None and people < least

    def mean(name: str) -> Number:
        behind = None if people is None else effect.get("people", 0)
        return number(effect.get(name), effect.get(f"{name}_n") and 1, effect.get(f"{name}_n", 0), behind, least)

    return CoachRow(
        row["coach_id"] or "",
        WITHHELD if is_hidden else Number(float(plans), plans),
        {kind: number(row[kind], plans, plans, people, least) for kind in KINDS},
        frozenset(),
        mean("volume"),
        mean("load"),
    )


def _outlying(rows: Sequence[CoachRow]) -> dict[str, frozenset[str]]:
    """Return the kinds in which a coach is clearly above the others: by median and median deviation, of many plans."""
    found: dict[str, set[str]] = {one.token: set() for one in rows}
    for kind in KINDS:
        known = [
            (one.token, share)
            for one in rows
            if one.plans.n >= LEAST_PLANS and (share := one.shares[kind].value) is not None
        ]
        if len(known) < 4:
            continue
        middle = _median([share for _, share in known])
        spread = max(1.4826 * _median([abs(share - middle) for _, share in known]), 0.02)
        for token, share in known:
            if share - middle > OUTLYING * spread:
                found[token].add(kind)
    return {token: frozenset(kinds) for token, kinds in found.items()}


def _median(values: Sequence[float]) -> float:
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
