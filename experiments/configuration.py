"""An experiment's phase as frozen data: whom it takes, how it splits them, and the salts that follow from that."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from common.canonical import canonical_json, text_sha256
from common.shares import FULL
from experiments.blocks import Design, design_of, ratio_of
from experiments.hashing import Salts, salts_of
from experiments.lifecycle import State


@dataclass(frozen=True, slots=True)
class Variant:
    """An arm; its weight in thousandths of a percent, as it was written."""

    key: str
    weight: int


@dataclass(frozen=True, slots=True)
class Slice:
    """The part of a layer that an experiment has: places from `start` up to but not `stop`, 0 to 100 000.

    Experiments whose slices of one layer do not overlap never share a subject.
    """

    layer: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Configuration:
    """One phase of an experiment. `experiments.reading.read_configuration` checks what people write.

    All but `state` is frozen by the start and in the `version`. Another weight, share or bound is a new phase: changed
    in place it would send people from variant to variant.

    Raises:
        ValueError: the weights have no ratio, or no block has that size.
    """

    key: str
    phase: int
    variants: tuple[Variant, ...]
    start_at: datetime
    end_at: datetime | None = None  # exclusive
    targeting: tuple[tuple[str, frozenset[str]], ...] = ()  # attributes and the values that are in; all must hold
    slice: Slice | None = None
    holdout: int = 0  # thousandths of a percent
    traffic: int = FULL
    strata: tuple[str, ...] = ()  # attributes; each combination of their values is a stratum
    closed: bool = False  # everybody is known before the start and ranked, nobody joins later
    block_size: int | None = None  # None for ours, which it then holds
    state: State = State.DRAFT

    design: Design = field(init=False)
    arms: tuple[tuple[str, float], ...] = field(init=False)
    """Each variant with its propensity, as the blocks number them."""
    candidates: tuple[tuple[str, float], ...] = field(init=False)
    """Those that somebody may get."""
    version: str = field(init=False)
    """SHA-256 of the frozen configuration's canonical JSON, hex: what was running when somebody was assigned."""
    salts: Salts = field(init=False, repr=False)

    def __post_init__(self) -> None:
        ratio = ratio_of([variant.weight for variant in self.variants])
        design = design_of(ratio, closed=self.closed, size=self.block_size)
        arms = tuple((variant.key, share) for variant, share in zip(self.variants, design.shares, strict=True))
        self._derive("block_size", design.size)
        self._derive("design", design)
        self._derive("arms", arms)
        self._derive("candidates", tuple(arm for arm in arms if arm[1]))
        self._derive("version", text_sha256(canonical_json(self.as_json())))
        layer = self.slice.layer if self.slice else ""
        self._derive("salts", salts_of(key=self.key, layer=layer, version=self.version))

    @property
    def attributes(self) -> frozenset[str]:
        """The attributes of a subject that a decision looks at; no others need be asked for or kept."""
        return frozenset(self.strata) | {name for name, _ in self.targeting}

    def as_json(self) -> dict[str, Any]:
        """Return the frozen configuration as `read_configuration` reads it."""
        where = self.slice and {
            "key": self.slice.layer,
            "from": percent_of(self.slice.start),
            "to": percent_of(self.slice.stop),
        }
        return {
            "key": self.key,
            "phase": self.phase,
            "variant_weights": {variant.key: percent_of(variant.weight) for variant in self.variants},
            "stratification_keys": list(self.strata),
            "holdout_percentage": percent_of(self.holdout),
            "traffic_percentage": percent_of(self.traffic),
            "targeting": {name: sorted(values) for name, values in self.targeting},
            "layer": where,
            "roster": "closed" if self.closed else "open",
            "block_size": self.block_size,
            "start_at": self.start_at.astimezone(UTC).isoformat(),
            "end_at": self.end_at and self.end_at.astimezone(UTC).isoformat(),
        }

    def _derive(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def percent_of(thousandths: int) -> float:
    """Return thousandths of a percent in percent; whole ones as whole numbers."""
    return thousandths // 1000 if thousandths % 1000 == 0 else thousandths / 1000


def changed_fields(old: Configuration, new: Configuration) -> tuple[str, ...]:
    """Return the fields in which two frozen configurations differ, as documents name them: what an edit would break."""
    before, after = old.as_json(), new.as_json()
    return tuple(name for name in before if before[name] != after[name])
