"""Which metrics there are: apps above say what they can measure, an experiment names its own before the start.

A metric is read as facts about subjects, each with when it happened and when we knew of it; `experiments.streams` adds
them up from a subject's first exposure on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from common.registries import Registry
from experiments.streams import Measure, Measured

Reader = Callable[[Collection[UUID], datetime, datetime], Iterator[Measured]]
"""Facts about subjects that happened from a moment up to but not another one; runs in the caller's unit of work."""


class Unit(StrEnum):
    """How a value is written."""

    SHARE = "share"  # 0 to 1, shown in percent; differences in percentage points
    MILLISECONDS = "ms"
    OF_FIVE = "of 5"
    NUMBER = "number"
    DAYS = "days"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that experiments may name.

    describes: what one value is, in words for data scientists, after the title. measure: which facts count and how.
    """

    title: str
    describes: str
    unit: Unit
    measure: Measure
    higher_is_better: bool
    read: Reader

    @property
    def name(self) -> str:
        return self.measure.metric


METRICS: Final[Registry[Metric]] = Registry("experiment metrics")
"""Filled by the apps above, in `AppConfig.ready`."""
