"""Made-up traffic of two arms, window by window, and runs of a policy over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from common.stats.histogram import Histogram
from common.stats.streak import Streak
from rollout.gates.evidence import Arm, Outcome, Tally, Verdict, Window
from rollout.gates.monitor import Monitor
from rollout.policy.model import Gate, Policy, Purpose, Stage

START = datetime(2027, 3, 1, tzinfo=UTC)
LATENCIES = (40.0, 90.0, 140.0, 190.0, 250.0, 400.0, 900.0, 1500.0, 2600.0, 4000.0)
LATENCY_SHARES = (0.15, 0.3, 0.25, 0.15, 0.06, 0.04, 0.03, 0.01, 0.007, 0.003)
RATING_SHARES = (0.02, 0.03, 0.1, 0.35, 0.5)
BASE = {"invalid": 0.004, "decided": 0.3, "accepted": 0.92, "reports": 1e-3, "critical": 3e-5}
ACTING = (Purpose.ROLLBACK, Purpose.KILL)
SHARE_OF_GROUPS = 0.02


@dataclass(frozen=True)
class Truth:
    """What is true: requests a window of both arms, the new arm's share, error rates."""

    a_window: float
    share: float
    error: float
    error_control: float
    split: bool = True

    def windows(self, rng: np.random.Generator, start: datetime, width: timedelta, n: int) -> Iterator[Window]:
        """Yield n windows, with a daily rhythm."""
        first = (start - START) / width
        day = 2 * np.pi * (first + np.arange(n)) * (width / timedelta(days=1))
        requests = rng.poisson(self.a_window * (1 + 0.8 * np.sin(day)))
        of_new = rng.binomial(requests, self.share)
        new = _tallies(rng, of_new, self.error)
        control = _tallies(rng, requests - of_new, self.error_control)
        expected = self.share if self.split and self.share < 1 else 0.0
        for index in range(n):
            yield Window(start + index * width, {Arm.NEW: next(new), Arm.CONTROL: next(control)}, expected)


def _tallies(rng: np.random.Generator, answered: NDArray[np.int64], error: float) -> Iterator[Tally]:
    failed = rng.binomial(answered, error)
    decided = rng.binomial(answered, BASE["decided"])
    ratings = rng.multinomial(rng.binomial(decided, 0.5), RATING_SHARES)
    marks = np.arange(1, 6)
    columns = {
        "answered": answered,
        "subjects": answered,
        "failed": failed,
        "fallback": rng.binomial(failed, 0.5),
        "invalid": rng.binomial(answered, BASE["invalid"]),
        "decided": decided,
        "accepted": rng.binomial(decided, BASE["accepted"]),
        "rated": ratings.sum(axis=1),
        "rating_sum": (ratings @ marks).astype(float),
        "rating_squares": (ratings @ marks**2).astype(float),
        "reports": rng.poisson(answered * BASE["reports"]),
        "critical": rng.poisson(answered * BASE["critical"]),
        "cost_seconds": answered * 0.25,
    }
    columns |= {"reporters": columns["reports"], "critical_reporters": columns["critical"]}
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    latencies = rng.multinomial(answered, LATENCY_SHARES).tolist()
    buckets = [next(iter(Histogram.of(value).counts)) for value in LATENCIES]
    for row, counts in zip(rows, latencies, strict=True):
        fields = dict(zip(columns, row, strict=True))
        latency = Histogram({bucket: count for bucket, count in zip(buckets, counts, strict=True) if count})
        n, bad = fields["answered"], fields["failed"]
        streak = _streak(rng, n, bad) if bad else Streak(n)
        yield Tally(**fields, latency=latency, streak=streak)


def _streak(rng: np.random.Generator, n: int, failed: int) -> Streak:
    """Return the streak of n answers of which some, anywhere, failed."""
    at = sorted(rng.permutation(n)[:failed].tolist()) if n < 500 else sorted(set(rng.integers(0, n, failed).tolist()))
    runs: list[list[int]] = []
    for place in at:
        if runs and place == runs[-1][1] + 1:
            runs[-1][1] = place
        else:
            runs.append([place, place])
    lengths = [last - first + 1 for first, last in runs]
    head = lengths[0] if runs[0][0] == 0 else 0
    tail = lengths[-1] if runs[-1][1] == n - 1 else 0
    return Streak(n, head, tail, max(lengths))


def share_of(stage: Stage) -> float:
    """Return the new arm's share; a stage of named groups alone reaches few."""
    return stage.thousandths / 100_000 or SHARE_OF_GROUPS


def only(policy: Policy, *gates: Gate) -> Policy:
    """Return the policy with these gates alone: no gate's answer depends on another's."""
    return replace(policy, gates=gates)


def false_rollback(
    policy: Policy, first: int, *, a_window: float, error: float, span: timedelta, seed: int
) -> tuple[str, Verdict] | None:
    """Run a policy over two equal arms from a stage on; return the stage and gate that would roll back, or None."""
    rng, at = np.random.default_rng(seed), START
    for index, stage in enumerate(policy.stages[first:], start=first):
        length = min(stage.duration, START + span - at)
        truth = Truth(a_window, share_of(stage), error, error, split=bool(stage.thousandths))
        acting = [gate for gate in policy.gates_of(stage) if gate.purpose in ACTING]
        if not acting:
            continue
        monitor = Monitor(only(policy, *acting), index, fresh_from=at)
        for window in truth.windows(rng, at, policy.window, length // policy.window):
            monitor.observe(window)
            for verdict in monitor.seen(window.start + policy.window).verdicts:
                if verdict.outcome is Outcome.FAIL:
                    return stage.name, verdict
        at += length
    return None


def exposures_until_caught(
    policy: Policy, stage: int, gate: str, *, a_window: float, most: int, seed: int, before: float, after: float
) -> tuple[int, int] | None:
    """Run two unequal arms until a gate fails; return the exposures of both arms, or None.

    Stops when both arms have `most`.
    """
    rng, at = np.random.default_rng(seed), START
    truth = Truth(a_window, share_of(policy.stages[stage]), after, before)
    judged = only(policy, *(each for each in policy.gates if each.name == gate))
    monitor = Monitor(judged, stage, fresh_from=at)
    while True:
        for window in truth.windows(rng, at, policy.window, 288):
            monitor.observe(window)
            [verdict] = monitor.seen(at).verdicts
            if verdict.outcome is Outcome.FAIL:
                return verdict.n, verdict.n_control
            if min(verdict.n, verdict.n_control) >= most:
                return None
        at += 288 * policy.window
