"""Which rows make each table, and a stamp of those that need not be made again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple
from datetime import UTC, datetime
from typing import Any, Final

from common.canonical import canonical_json, text_sha256
from modeling.training.contract import Kind, Table
from modeling.training.store_files import Part, Place
from modeling.training.store_write import write_table
from plans.features import decisions, outcomes, people, planning, training
from plans.features.people import People, Row

MADE_BY: Final = 1
"""Count up when sessions or overrides are made otherwise of the same versions: their stamps then differ."""

ROWS: Final[dict[str, Callable[[People], Iterator[Row]]]] = {
    "athletes": people.profiles,
    "activities": training.activities,
    "tests": training.tests,
    "fits": training.fits,
    "plans": planning.plans,
    "reviews": decisions.reviews,
    "completions": decisions.completions,
    "satisfaction": decisions.satisfaction,
    "outcomes": outcomes.outcomes,
    "assignments": people.assignments,
}
"""Tables that are read whole each time; a month that came out the same is not written."""

Heads = Callable[[People], Iterator[Any]]
Expand = Callable[[People, Sequence[Any]], Iterator[Row]]
MADE_OF: Final[dict[str, tuple[Heads, Expand]]] = {
    "sessions": (planning.heads, planning.sessions_of),
    "overrides": (decisions.submissions, decisions.overrides_of),
}
"""Tables that are made of versions' documents, the bulk of the work: a month whose heads are the same is not made."""


def export_table(place: Place, table: Table, who: People, before: Mapping[str, Part]) -> list[Part]:
    """Write a table's months that differ from `before` and return them all.

    Raises:
        StoreError: the place cannot be written.
    """
    if table.name in ROWS:
        return write_table(place, table, known_rows(table, ROWS[table.name](who), who.as_of), before=before)
    heads, expand = MADE_OF[table.name]
    months = defaultdict[str, list[Any]](list)
    for head in heads(who):
        if head.at <= who.as_of:
            months[f"{head.at.astimezone(UTC):%Y-%m}"].append(head)
    found: list[Part] = []
    for month, wanted in sorted(months.items()):
        wanted.sort()
        stamp = _stamp(wanted, who)
        if month in before and before[month].stamp == stamp:
            found.append(before[month])
            continue
        rows = known_rows(table, expand(who, wanted), who.as_of)
        found += write_table(place, table, rows, before=before, stamps={month: stamp})
    return found


def known_rows(table: Table, rows: Iterator[Row], as_of: datetime) -> Iterator[Row]:
    """Yield the rows that were known by then; what happened to them later is empty."""
    optional = [one.name for one in table.columns if one.kind is Kind.MOMENT and not one.required]
    for row in rows:
        if row["available_at"] <= as_of:
            later = [name for name in optional if row[name] is not None and row[name] > as_of]
            yield {**row, **dict.fromkeys(later)} if later else row


def _stamp(heads: Sequence[Any], who: People) -> str:
    """Return the SHA-256 of what a month's rows follow from, tokens too: another key makes other files."""
    listed = [[who.athletes[head.athlete_id], *map(str, astuple(head))] for head in heads]
    return text_sha256(canonical_json([MADE_BY, listed]))
