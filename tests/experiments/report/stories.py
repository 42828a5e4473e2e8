"""Looks made for the tests: subjects with values by arm, stratum and coach, seen day by day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from experiments.lifecycle import State
from experiments.looks import Look, look_of
from experiments.metrics import Unit
from experiments.protocol import Guarded, Protocol
from experiments.report import Facts, MetricFacts
from experiments.streams import Agreed, Assigned, Event, Exposed, Measure, Measured, Shape, reduce

START: Final = datetime(2026, 3, 2, tzinfo=UTC)
DAY: Final = timedelta(days=1)
METRICS: Final = {
    name: MetricFacts(name, name.capitalize(), "made for the test", unit, higher)
    for name, unit, higher in (
        ("score", Unit.NUMBER, True),
        ("share", Unit.SHARE, True),
        ("speed", Unit.MILLISECONDS, False),
        ("harm", Unit.NUMBER, False),
    )
}
PROTOCOL: Final = Protocol(
    control="a",
    primary="score",
    planned_subjects=400,
    goals=("share", "speed"),
    guardrails=(Guarded("harm", 0.5, relative=False),),
    target=0.5,
    similar=0.02,
)


def facts(**changes: Any) -> Facts:
    """An experiment of 6 weeks with two equal arms."""
    told: dict[str, Any] = {
        "key": "taper",
        "name": "Shorter tapers",
        "status": State.RUNNING,
        "start_at": START,
        "end_at": START + 42 * DAY,
        "ended_at": None,
        "ended_by": "",
        "protocol": PROTOCOL,
        "metrics": METRICS,
        "weights": {1: {"a": 50.0, "b": 50.0}},
        "strata": ("sport=running", "sport=cycling"),
    }
    return Facts(**{**told, **changes})


def block_of(weights: Mapping[str, float]) -> list[str]:
    """Return the shortest block in which variants have their shares of whole percents."""
    counts = {name: round(weight) for name, weight in sorted(weights.items())}
    return [name for name, count in counts.items() for _ in range(count // math.gcd(*counts.values()))]


def looks(
    about: Facts,
    *,
    days: int = 14,
    a_day: int = 8,
    effect: Mapping[str, float] | None = None,
    harm: Mapping[str, float] | None = None,
    lost: float = 0.0,
    coaches: int = 12,
    scales: Mapping[str, tuple[float, float]] | None = None,
    seed: int = 7,
) -> list[Look]:
    """Return one look a day.

    effect, harm: standard deviations that a variant adds to primary and goals, and to guardrails. lost: the share of
    variant b's cyclists who are never seen. scales: mean and standard deviation by metric, 3 and 1 where there is none.
    """
    start, scales = about.start_at, scales or {}
    rng, block = np.random.default_rng(seed), block_of(about.weights[1])
    events: list[Event] = []
    for index in range(days * a_day):
        subject, variant = f"s{index:05}", block[index % len(block)]
        stratum = about.strata[index // len(block) % len(about.strata)] if about.strata else ""
        at = start + (index // a_day) * DAY + timedelta(hours=1)
        events += [
            Assigned(f"a{index}", subject, variant, 1, stratum, at, at),
            Agreed(f"c{index}", subject, True, at, at),
        ]
        if variant == "b" and "cycling" in stratum and rng.random() < lost:
            continue
        events.append(Exposed(f"e{index}", subject, variant, f"coach{rng.integers(coaches)}", at, at))
        for metric in about.protocol.metrics:
            guarded = metric not in (about.protocol.primary, *about.protocol.goals)
            mean, sd = scales.get(metric, (3.0, 1.0))
            y = float(rng.normal(mean + sd * ((harm if guarded else effect) or {}).get(variant, 0.0), sd))
            events.append(Measured(f"{metric}{index}", subject, metric, y, 1.0, at, at))
    measures = [Measure(name, Shape.RATIO) for name in about.protocol.metrics]
    found, since = [], None
    for day in range(1, days + 1):
        as_of = start + day * DAY
        tally = reduce(events, as_of=as_of, since=since, measures=measures)
        number = len(found) + 1
        found.append(look_of(tally, about.protocol, measures, about.weights, number=number, as_of=as_of, since=since))
        since = as_of
    return found
