"""One look at an experiment: the sums that were known at a moment, as data that is kept for ever. Pure.

A result is told from stored looks alone, so that it never changes afterwards. Each look adds up everything from the
start; `arrived` and `late` are what is new since the look before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from experiments.analysis import Arrivals, NotIdentified, Pair, Table, estimate
from experiments.protocol import Protocol
from experiments.streams import Measure, Tally


@dataclass(frozen=True, slots=True)
class ArmSum:
    """A variant's subjects and their plain value, unadjusted; None where there is no denominator."""

    n: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Measurement:
    """A metric at a look. pairs: each treatment against the control. immature: members not yet long enough in."""

    arms: Mapping[str, ArmSum]
    pairs: Mapping[str, Pair | NotIdentified]
    immature: int


@dataclass(frozen=True, slots=True)
class Look:
    """What was counted.

    number: from 1. as_of: what happened and was known by then counts; since: the look before. arrivals: subjects first
    seen since then, by phase and stratum. assigned, exposed, members: by variant, all so far; members are those who
    count. excluded: by reason. late: facts of before `since` that were known after it. coaches: of members. strata:
    members by stratum and variant. measured: by metric.
    """

    number: int
    as_of: datetime
    since: datetime | None
    arrivals: tuple[Arrivals, ...]
    assigned: Mapping[str, int]
    held_out: int
    exposed: Mapping[str, int]
    members: Mapping[str, int]
    excluded: Mapping[str, int]
    late: int
    coaches: int
    strata: Mapping[str, Mapping[str, int]]
    measured: Mapping[str, Measurement]

    def as_json(self) -> dict[str, Any]:
        """Return the document that `read_look` reads."""
        return {
            "number": self.number,
            "as_of": self.as_of.isoformat(),
            "since": self.since and self.since.isoformat(),
            "arrivals": [
                {"stratum": one.stratum, "counts": dict(one.counts), "weights": dict(one.weights)}
                for one in self.arrivals
            ],
            **{name: dict(getattr(self, name)) for name in _COUNTS},
            "held_out": self.held_out,
            "late": self.late,
            "coaches": self.coaches,
            "strata": {name: dict(counts) for name, counts in self.strata.items()},
            "measured": {name: _measurement_json(found) for name, found in self.measured.items()},
        }


LATE: Final = timedelta(days=7)
"""How long after its end an experiment is looked at: for what happened before and is told later."""

_COUNTS = ("assigned", "exposed", "members", "excluded")
IN_PHASE = " in phase "


def stratum_in(stratum: str, phase: int) -> str:
    """Return the stratum to analyse somebody in: arms are alike only among those who were assigned in one phase."""
    return stratum if phase == 1 else f"{stratum}{IN_PHASE}{phase}"


def look_of(
    tally: Tally,
    protocol: Protocol,
    measures: Sequence[Measure],
    weights: Mapping[int, Mapping[str, float]],
    *,
    number: int,
    as_of: datetime,
    since: datetime | None,
) -> Look:
    """Return a look at what was counted.

    Args:
        weights: of each phase, by variant.
    """
    variants = sorted({name for one in weights.values() for name in one})
    members = dict.fromkeys(variants, 0)
    strata: dict[str, dict[str, int]] = {}
    for member in tally.members:
        members[member.variant] += 1
        stratum = strata.setdefault(member.stratum, dict.fromkeys(variants, 0))
        stratum[member.variant] += 1
    return Look(
        number=number,
        as_of=as_of,
        since=since,
        arrivals=_arrivals(tally, weights),
        assigned={name: tally.assigned.get(name, 0) for name in variants},
        held_out=tally.assigned.get("", 0),
        exposed={name: tally.exposed.get(name, 0) for name in variants},
        members=members,
        excluded={reason.value: count for reason, count in sorted(tally.excluded.items())},
        late=tally.late,
        coaches=len({member.cluster for member in tally.members}),
        strata=dict(sorted(strata.items())),
        measured={measure.metric: _measured(tally, measure.metric, protocol.control, variants) for measure in measures},
    )


def read_look(document: Mapping[str, Any]) -> Look:
    """Read a look as `Look.as_json` wrote it."""
    return Look(
        number=document["number"],
        as_of=datetime.fromisoformat(document["as_of"]),
        since=datetime.fromisoformat(document["since"]) if document["since"] else None,
        arrivals=tuple(Arrivals(**one) for one in document["arrivals"]),
        **{name: document[name] for name in (*_COUNTS, "held_out", "late", "coaches", "strata")},
        measured={name: _read_measurement(found) for name, found in document["measured"].items()},
    )


def _arrivals(tally: Tally, weights: Mapping[int, Mapping[str, float]]) -> tuple[Arrivals, ...]:
    """Return the new subjects; the phase in which each was assigned says what was to be expected."""
    found: dict[tuple[int, str], dict[str, int]] = {}
    for (phase, stratum, variant), count in sorted(tally.arrived.items()):
        found.setdefault((phase, stratum.removesuffix(f"{IN_PHASE}{phase}")), {})[variant] = count
    return tuple(Arrivals(counts, weights[phase], stratum) for (phase, stratum), counts in found.items())


def _measured(tally: Tally, metric: str, control: str, variants: Sequence[str]) -> Measurement:
    table = tally.tables[metric]
    pairs = {name: estimate(table, name, control) for name in variants if name != control}
    return Measurement({name: _arm(table, name) for name in variants}, pairs, tally.immature.get(metric, 0))


def _arm(table: Table, variant: str) -> ArmSum:
    if variant not in table.variants:
        return ArmSum(0, None)
    mine = table.variant == table.variants.index(variant)
    n, y, d = (float(part) for part in (table.n[mine].sum(), *table.sums[mine][:, :2].sum(axis=0)))
    return ArmSum(round(n), y / d if d > 0 else None)


def _measurement_json(found: Measurement) -> dict[str, Any]:
    pairs = {name: _pair_json(pair) for name, pair in found.pairs.items()}
    return {"arms": {n: asdict(arm) for n, arm in found.arms.items()}, "pairs": pairs, "immature": found.immature}


def _read_measurement(found: Mapping[str, Any]) -> Measurement:
    arms = {name: ArmSum(**arm) for name, arm in found["arms"].items()}
    return Measurement(arms, {name: _read_pair(pair) for name, pair in found["pairs"].items()}, found["immature"])


def _pair_json(pair: Pair | NotIdentified) -> dict[str, Any]:
    """Write a pair; JSON has no infinity, so that "as many degrees of freedom as you like" is null."""
    found = asdict(pair)
    if isinstance(pair, Pair) and math.isinf(pair.df):
        found["df"] = None
    return found


def _read_pair(found: Mapping[str, Any]) -> Pair | NotIdentified:
    if "why" in found:
        return NotIdentified(**found)
    return Pair(**{**found, "df": math.inf if found["df"] is None else found["df"]})
