"""An experiment before its start: whom it would take, what it could show, what it shares, what stands against it. Pure.

What comes in names people; what goes out are counts alone, since data scientists see no athlete.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from experiments.configuration import Configuration
from experiments.preview.allocation import (
    Allocation,
    Candidate,
    Counts,
    Drawn,
    Other,
    Overlap,
    Row,
    Verdict,
    allocate,
    draw,
    overlap_with,
    taken,
)
from experiments.preview.readiness import Check, Weight, blocker, checks_of
from experiments.preview.sensitivity import (
    Arrivals,
    Background,
    Powered,
    Sensitivity,
    Source,
    Unknown,
    arrivals,
    background,
    powered,
    sensitivity,
)
from experiments.protocol import Protocol

__all__ = [
    "Allocation",
    "Arrivals",
    "Background",
    "Candidate",
    "Check",
    "Counts",
    "Drawn",
    "Other",
    "Overlap",
    "Powered",
    "Preview",
    "Row",
    "Sensitivity",
    "Source",
    "Unknown",
    "Verdict",
    "Weight",
    "allocate",
    "arrivals",
    "background",
    "blocker",
    "draw",
    "overlap_with",
    "powered",
    "preview",
    "sensitivity",
    "taken",
]


@dataclass(frozen=True, slots=True)
class Preview:
    """A draft on the real roster at a moment.

    is_example: the moment of the start is open, and with it who gets which variant. allocation: None where the draft
    has mistakes. checks: blockers first. `start_at`: the draft's, or now.
    """

    at: datetime
    start_at: datetime
    is_example: bool
    strata: tuple[str, ...]
    is_closed: bool
    protocol: Protocol | None
    allocation: Allocation | None
    overlaps: tuple[Overlap, ...]
    sensitivity: Sensitivity | Unknown
    checks: tuple[Check, ...]

    @property
    def blockers(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.weight is Weight.BLOCKER)


def preview(
    configuration: Configuration,
    protocol: Protocol | None,
    candidates: Sequence[Candidate],
    drawn: Drawn,
    *,
    others: Iterable[Other],
    seen: Sensitivity | Unknown,
    refused: Sequence[Check],
    own: Iterable[str],
    at: datetime,
    is_example: bool,
) -> Preview:
    """Put a preview together.

    Args:
        protocol: None where it has mistakes. refused: what the start itself would refuse. own: attributes that our
            records answer.
    """
    mine, parameter = taken(drawn), protocol.parameter if protocol else ""
    allocation = allocate(configuration, candidates, drawn, control=protocol.control if protocol else "")
    overlaps = tuple(overlap_with(other, configuration, parameter, candidates, mine) for other in others)
    checks = checks_of(configuration, protocol, allocation, overlaps, seen, own=own)
    return Preview(
        at=at,
        start_at=configuration.start_at,
        is_example=is_example,
        strata=configuration.strata,
        is_closed=configuration.closed,
        protocol=protocol,
        allocation=allocation,
        overlaps=overlaps,
        sensitivity=seen,
        checks=(*refused, *checks),
    )
