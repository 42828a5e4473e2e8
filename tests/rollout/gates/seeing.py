"""Windows of a few counts, and what a monitor says of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from common.stats.streak import Streak
from rollout.gates.evidence import Arm, Tally, Verdict, Window
from rollout.gates.monitor import Monitor
from rollout.policy.model import Gate
from tests.rollout.gates.policies import policy_of
from tests.rollout.gates.traffic import START

WIDTH = timedelta(minutes=5)


def tally(answered: int = 0, failed: int = 0, **fields: Any) -> Tally:
    """Return a tally whose failures come first."""
    order = [True] * failed + [False] * (answered - failed)
    return Tally(answered=answered, failed=failed, streak=Streak.of(order), **fields)


def window(index: int, new: Tally | None = None, control: Tally | None = None, share: float = 0.0) -> Window:
    """Return the window of a place."""
    return Window(START + index * WIDTH, {Arm.NEW: new or Tally(), Arm.CONTROL: control or Tally()}, share)


def monitor_of(*gates: Gate, windows: Sequence[Window] = (), **of_monitor: Any) -> Monitor:
    """Return a monitor of the gates that has seen the windows."""
    monitor = Monitor(policy_of(*gates), 0, fresh_from=START, **of_monitor)
    for each in windows:
        monitor.observe(each)
    return monitor


def verdict_of(gate: Gate, *windows: Window, **of_monitor: Any) -> Verdict:
    """Return the gate's answer at the end of the last window."""
    at = windows[-1].start + WIDTH if windows else START
    (verdict,) = monitor_of(gate, windows=windows, **of_monitor).seen(at).verdicts
    return verdict
