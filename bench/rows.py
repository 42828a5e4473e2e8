"""One line of a benchmark: ours against a named peer in the same run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """name: what was measured. ours, peer: in `unit` (peer None where there is none). ratio: as the name says.

    target: what must hold, in words. ok: whether it held; None where nothing is asked.
    """

    name: str
    ours: float
    peer: float | None
    ratio: float | None
    unit: str
    target: str = ""
    ok: bool | None = None
