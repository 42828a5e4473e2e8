"""What can be watched: each app names its metrics, alert rules and `/metrics` read them.

Nothing here names a person: a label is a route, a flag, a pipeline, a queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from common.registries import Registry


class Unit(StrEnum):
    """What a metric's number is; `percent` is 0 to 100, so that rules read like their requirements."""

    PERCENT = "percent"
    MILLISECONDS = "milliseconds"
    SECONDS = "seconds"
    NUMBER = "number"
    YES_NO = "yes or no"


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of a metric.

    label: of what; "" where there is only one.
    value: in the metric's unit; None is "not known", which is not 0.
    n: how many things it was counted over; what only exists or not has 1.
    text: what a person should know beyond the number, without names of people.
    """

    label: str
    value: float | None
    n: int
    text: str = ""


@dataclass(frozen=True)
class Metric:
    """One thing that can be watched.

    read: given [since, until), opens its own unit of work as a service identity.
    absent: what a label is that was read before and is not any more: 0 of what is counted, None for "not known".
    every: how often it is worth reading; what reads much and moves slowly is read less often.
    """

    title: str
    describes: str
    unit: Unit
    read: Callable[[datetime, datetime], Iterable[Reading]]
    absent: float | None = None
    every: timedelta = timedelta(minutes=1)


METRICS: Registry[Metric] = Registry(
    "watched metrics",
    required=(
        "requests.error_rate",
        "telemetry.dead_letters",
        "flags.service_down",
        "flags.unexplained_changes",
        "flags.rollbacks",
        "pipelines.error_rate",
        "plans.adherence_drop",
    ),
)


class Kind(StrEnum):
    """How Prometheus reads a series: a counter only grows, until it begins again."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class Sample:
    """One number with its labels."""

    value: float
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Series:
    """One family of `/metrics`: its name in Prometheus' manner (unit in the name), and how it is read now.

    read: opens its own unit of work, cheaply; it is asked at every scrape.
    """

    kind: Kind
    describes: str
    read: Callable[[], Iterable[Sample]]


SERIES: Registry[Series] = Registry("exported series")
