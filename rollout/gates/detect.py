"""What a stage can see: the smallest effect by its end, and how many days until its gates have their minimum n."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from common.stats.binomial import events_quantile, quantiles
from common.stats.eprocess import MIXTURE
from rollout.gates.counting import PER_SUBJECT, SHARES
from rollout.gates.slo import ACTING, CHANCE
from rollout.policy.model import Gate, GateKind, Metric, Stage, Worse

Vector = NDArray[np.float64]
DAY: Final = timedelta(days=1)
WHOLE: Final = 100_000
_QUANTILES: Final = (np.arange(199) + 0.5) / 199
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is assumed of a stage.

    a_day: of what the gate divides by (answers, decided plans, subjects), a day, eligible, both arms together.
    base_rate: the metric of the control. share: of the new arm, where the stage names groups and no percentage.
    """

    a_day: float
    base_rate: float
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Detectable:
    """The true value of the new arm's metric from which a gate fails in 80 and in 99 % of stages; None: no value does.

    n, n_control: what the stage's end (of an SLO: one window) will have counted.
    """

    gate: str
    n: int
    n_control: int
    at_80: float | None
    at_99: float | None


def detectable(stage: Stage, gate: Gate, traffic: Traffic) -> Detectable:
    """Return what a gate can detect by the end of a stage that is not extended.

    Ratings, costs and counts without a denominator have no answer. Values are approximate from below in power: the
    evidence at the end is asked for, though it may have been enough before and sunk since.
    """
    n, n_control = _expected(stage, traffic, _span(stage, gate))
    find = {GateKind.GUARDRAIL: _of_guardrail, GateKind.SLO: _of_slo, GateKind.BREAKER: _of_breaker}.get(gate.kind)
    if find is None or gate.metric not in SHARES | PER_SUBJECT or n < max(gate.min_n, 1):
        return Detectable(gate.name, n, n_control, None, None)
    base = traffic.base_rate if gate.worse is Worse.ABOVE else 1 - traffic.base_rate
    values = [find(gate, n, n_control, base, power) for power in (0.8, 0.99)]
    if gate.worse is Worse.BELOW:
        values = [None if value is None else 1 - value for value in values]
    return Detectable(gate.name, n, n_control, *values)


def days_to_conclusive(stage: Stage, gate: Gate, traffic: Traffic, *, n: int = 0, n_control: int = 0) -> float | None:
    """Return the days until a gate that counted n has `min_n`, at this traffic; None where that never comes."""
    if gate.kind is GateKind.CHECK:
        return None
    least = max(gate.min_n, 1)
    if gate.kind is GateKind.SLO and gate.window is not None and gate.metric not in PER_SUBJECT:
        in_window, _ = _expected(stage, traffic, gate.window)
        if in_window < least:
            return None
    share = _share(stage, traffic)
    missing = [(least - n, traffic.a_day * share)]
    if gate.kind is GateKind.GUARDRAIL or (gate.metric is Metric.COST and gate.margin > 1):
        missing.append((least - n_control, traffic.a_day * (1 - share)))
    if any(count > 0 and rate <= 0 for count, rate in missing):
        return None
    return max((count / rate for count, rate in missing if count > 0), default=0.0)


def _share(stage: Stage, traffic: Traffic) -> float:
    return stage.thousandths / WHOLE if traffic.share is None else traffic.share


def _span(stage: Stage, gate: Gate) -> timedelta:
    """Return the time in which a gate's n is counted; subjects stay exposed after they were first seen."""
    if gate.kind is GateKind.SLO and gate.window is not None and gate.metric not in PER_SUBJECT:
        return min(gate.window, stage.duration)
    return stage.duration


def _expected(stage: Stage, traffic: Traffic, span: timedelta) -> tuple[int, int]:
    of_all, share = traffic.a_day * (span / DAY), _share(stage, traffic)
    return int(of_all * share), int(of_all * (1 - share))


def _of_guardrail(gate: Gate, n: int, n_control: int, base: float, power: float) -> float | None:
    """Return the smallest share of the new arm whose final evidence reaches 1 / alpha with a power."""
    if n_control < max(gate.min_n, 1):
        return None
    bad_control = quantiles(_QUANTILES, n_control, base)
    low, high = np.zeros_like(bad_control), np.full_like(bad_control, float(n))
    enough = _log_e(high, n, bad_control, n_control, gate.margin) >= -math.log(gate.alpha)
    for _ in range(50):
        middle = (low + high) / 2
        over = _log_e(middle, n, bad_control, n_control, gate.margin) >= -math.log(gate.alpha)
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    needed = np.clip(np.ceil(high), 1, n)

    def reached(share: float) -> float:
        return float(np.mean(np.where(enough, special.betainc(needed, n - needed + 1, share), 0.0)))

    if reached(1.0) < power:
        return None
    below, above = base, 1.0
    for _ in range(50):
        middle_share = (below + above) / 2
        below, above = (below, middle_share) if reached(middle_share) >= power else (middle_share, above)
    return above


def _log_e(bad: Vector, n: int, bad_control: Vector, n_control: int, margin: float) -> Vector:
    """Return the log e-value of totals, (k,) each, as one window would give it.

    The normaliser's logarithm is the integral of the conditional mean over the log odds ratio, and the mean is
    Cornfield's (1956) root of a quadratic: exact enough for totals of any size, in constant time.
    """
    both = bad + bad_control
    found = np.full_like(both, -np.inf)
    for multiple, stake in MIXTURE:
        half = math.log(multiple) / 2
        integral = np.zeros_like(both)
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            ratio = margin * math.exp(half * (1 + node))
            b = (n + both) * ratio + n_control - both
            mean = 2 * ratio * n * both / (b + np.sqrt(np.maximum(b * b - 4 * (ratio - 1) * ratio * n * both, 0.0)))
            integral += half * weight * mean
        found = np.logaddexp(found, math.log(stake) + bad * 2 * half - integral)
    return found


def _of_slo(gate: Gate, n: int, n_control: int, base: float, power: float) -> float | None:
    """Return the smallest rate that is beyond the limit (and beyond chance, where that is asked) with a power."""
    if gate.limit is None:
        return None
    limit = gate.limit if gate.worse is Worse.ABOVE else 1 - gate.limit
    events = gate.metric in PER_SUBJECT
    needed = math.floor(limit * n + 1e-9) + 1
    if gate.purpose in ACTING:
        likely = 1 - CHANCE
        by_chance = events_quantile(likely, n * limit) if events else int(quantiles(likely, n, limit))
        needed = max(needed, by_chance + 1)
    if events:
        return float(special.gammaincinv(needed, power)) / n
    return float(special.betaincinv(needed, n - needed + 1, power)) if needed <= n else None


def _of_breaker(gate: Gate, n: int, n_control: int, base: float, power: float) -> float:
    """Return the rate at which n answers hold a run of failures with a power, runs taken as Poisson events.

    A run begins with the first answer, or after a success.
    """
    below, above = 0.0, 1.0
    for _ in range(50):
        rate = (below + above) / 2
        run = rate**gate.in_a_row
        reached = 1 - (1 - run) * math.exp(-max(n - gate.in_a_row, 0) * (1 - rate) * run)
        below, above = (below, rate) if reached >= power else (rate, above)
    return above
