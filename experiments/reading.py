"""Configurations from documents: read whole, checked whole, refused with every mistake at once, each at its field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import combinations, pairwise
from typing import Any, Final, NamedTuple

from common.shares import FULL
from experiments.blocks import design_of, ratio_of
from experiments.configuration import Configuration, Slice, Variant, percent_of
from experiments.fields import NAMES, Fields, is_name, raise_all
from experiments.lifecycle import State

LAST_PHASE: Final = 1000
VARIANTS: Final = (2, 20)


class Phase(NamedTuple):
    """When a phase took or takes subjects; `end_at` is exclusive, and when it really ended where that was earlier."""

    number: int
    start_at: datetime
    end_at: datetime | None


def read_configuration(document: object, *, state: State = State.DRAFT, pointer: str = "") -> Configuration:
    """Read a configuration from a document as `Configuration.as_json` writes it.

    Required are `key`, `phase`, `variant_weights` and `start_at`. Percentages are numbers with at most three digits
    after the point; weights are percentages that sum to 100, and 33.33, 33.33, 33.34 is a third each.

    Args:
        pointer: where the document lies in the request, for the mistakes.

    Raises:
        InvalidInput: with every mistake, each pointing at its field.
    """
    errors: list[dict[str, str]] = []
    fields = Fields(pointer, document if isinstance(document, Mapping) else {}, errors)
    if not isinstance(document, Mapping):
        fields.wrong("", document, "an object")
        raise_all(errors)
    start_at, end_at = _bounds(fields)
    read: dict[str, Any] = {
        "key": fields.name("key"),
        "phase": fields.whole("phase", 1, LAST_PHASE, required=True),
        "variants": _variants(fields),
        "start_at": start_at,
        "end_at": end_at,
        "targeting": _targeting(fields),
        "slice": _slice(fields),
        "holdout": _holdout(fields),
        "traffic": _or(fields.share("traffic_percentage"), FULL),
        "strata": fields.names("stratification_keys"),
        "closed": fields.choice("roster", ("open", "closed")) == "closed",
        "block_size": fields.whole("block_size", 1, FULL),
    }
    fields.finish()
    _check_blocks(fields, read)
    raise_all(errors)
    return Configuration(**read, state=state)


def check_phases(phases: Iterable[Phase]) -> None:
    """Refuse phases of one experiment that are not numbered 1, 2, 3 … or of which one begins before the last ended.

    Raises:
        InvalidInput: with every mistake, at `phase` or `start_at`.
    """
    errors: list[dict[str, str]] = []
    fields = Fields("", {}, errors)
    ordered = sorted(phases, key=lambda phase: phase.number)
    if [phase.number for phase in ordered] != list(range(1, len(ordered) + 1)):
        found = ", ".join(str(phase.number) for phase in ordered)
        fields.refuse("phase", f"found phases {found}, allowed 1 and up, each once")
    for before, phase in pairwise(ordered):
        if before.end_at is None:
            fields.refuse("start_at", f"phase {phase.number} begins, but phase {before.number} has no end")
        elif phase.start_at < before.end_at:
            moments = f"{phase.start_at.isoformat()}, allowed from {before.end_at.isoformat()}"
            fields.refuse("start_at", f"phase {phase.number}: found {moments}, when phase {before.number} ends")
    raise_all(errors)


def check_slices(slices: Mapping[str, Slice]) -> None:
    """Refuse slices of experiments (by key) that overlap in one layer.

    Raises:
        InvalidInput: with every pair, at `layer`.
    """
    errors: list[dict[str, str]] = []
    fields = Fields("", {}, errors)
    for (one, a), (other, b) in combinations(sorted(slices.items()), 2):
        if a.layer == b.layer and a.start < b.stop and b.start < a.stop:
            shared = f"{percent_of(max(a.start, b.start)):g} to {percent_of(min(a.stop, b.stop)):g} %"
            fields.refuse("layer", f"'{one}' and '{other}' both have {shared} of '{a.layer}'")
    raise_all(errors)


def _bounds(fields: Fields) -> tuple[datetime | None, datetime | None]:
    start_at, end_at = fields.moment("start_at", required=True), fields.moment("end_at")
    if start_at and end_at and end_at <= start_at:
        fields.refuse("end_at", f"found {end_at.isoformat()}, allowed after the start, {start_at.isoformat()}")
    return start_at, end_at


def _variants(fields: Fields) -> tuple[Variant, ...]:
    """Read the weights; in the order of their keys, because JSON objects have none (PostgreSQL's jsonb keeps none)."""
    weights = fields.below("variant_weights", required=True)
    if weights is None:
        return ()
    low, high = VARIANTS
    if not low <= len(weights.table) <= high:
        fields.refuse("variant_weights", f"found {len(weights.table)} variants, allowed {low} to {high}")
    for name in weights.table:
        if not is_name(name):
            weights.refuse(name, f"a variant's key: allowed {NAMES}")
    found = [(name, weights.share(name, required=True)) for name in sorted(weights.table)]
    variants = tuple(Variant(name, weight) for name, weight in found if weight is not None)
    total = sum(variant.weight for variant in variants)
    if len(variants) == len(found) and total != FULL:
        fields.refuse("variant_weights", f"found a sum of {percent_of(total):g}, allowed 100")
    return variants


def _targeting(fields: Fields) -> tuple[tuple[str, frozenset[str]], ...]:
    rules = fields.below("targeting")
    if rules is None:
        return ()
    for name in rules.table:
        if not is_name(name):
            rules.refuse(name, f"an attribute: allowed {NAMES}")
    return tuple((name, rules.values(name)) for name in sorted(rules.table))


def _slice(fields: Fields) -> Slice | None:
    layer = fields.below("layer")
    if layer is None:
        return None
    key = layer.name("key")
    start, stop = layer.share("from", required=True), layer.share("to", required=True)
    layer.finish()
    if start is None or stop is None:
        return None
    if stop <= start:
        layer.refuse("to", f"found {percent_of(stop):g}, allowed above from, {percent_of(start):g}")
    return Slice(key, start, stop)


def _holdout(fields: Fields) -> int:
    holdout = _or(fields.share("holdout_percentage"), 0)
    if holdout == FULL:
        fields.refuse("holdout_percentage", "found 100, allowed less: nobody would be left")
    return holdout


def _check_blocks(fields: Fields, read: Mapping[str, Any]) -> None:
    """Refuse weights that no block holds, and a size that is none of theirs."""
    variants: Sequence[Variant] = read["variants"]
    if any(error["pointer"].startswith(f"{fields.pointer}/variant_weights") for error in fields.errors):
        return
    try:
        ratio = ratio_of([variant.weight for variant in variants])
    except ValueError as problem:
        fields.refuse("variant_weights", str(problem))
        return
    try:
        design_of(ratio, closed=read["closed"], size=read["block_size"])
    except ValueError as problem:
        fields.refuse("block_size", f"found {read['block_size']}, allowed {problem}")


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
