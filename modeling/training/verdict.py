"""What an evaluation found and whether the gate lets the candidate pass; plain data that is stored as JSON. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

EVERYBODY = "everybody"

Direction = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of one group, out of sample, on the same cases for all three.

    part: "priors", "overrides" or "adherence". group: "everybody", or sport, level and tier in words.
    n: cases; units: athletes, by whom intervals are clustered.
    candidate, champion, baseline: the metric of each, None where it could not be had. low, high: 95 % interval of
    candidate minus champion.
    """

    part: str
    metric: str
    unit: str
    better: Direction
    group: str
    n: int
    units: int
    candidate: float | None
    champion: float | None
    baseline: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of the gate, with the reason in words either way."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer: what is refused says by which checks."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def refusals(self) -> tuple[str, ...]:
        return tuple(check.reason for check in self.checks if not check.passed)

    def as_json(self) -> dict[str, Any]:
        return {"passed": self.passed, "checks": [asdict(check) for check in self.checks]}


@dataclass(frozen=True)
class Trained:
    """What a training run came to.

    document: of the candidate, as `modeling.learned.algorithm.read_algorithm` takes it. data_sha256: over the bytes of
    the training set. rows: how much there was to learn from, by table. parameters: settings of the learners.
    """

    document: dict[str, Any]
    data_sha256: str
    figures: tuple[Figure, ...]
    verdict: Verdict
    rows: dict[str, int]
    parameters: dict[str, Any] = field(default_factory=dict)

    def metrics_json(self) -> list[dict[str, Any]]:
        return [asdict(figure) for figure in self.figures]
