"""Types only, until the module lands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple


class Shape(StrEnum):
    MEAN = "mean"
    SHARE = "share"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class Measure:
    metric: str
    shape: Shape
    start: timedelta = timedelta(0)
    stop: timedelta | None = None
    before: timedelta = timedelta(0)


class Measured(NamedTuple):
    id: str
    subject: str
    metric: str
    y: float
    d: float
    at: datetime
    known_at: datetime
