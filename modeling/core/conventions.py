"""The conventions of the model, each in one place. Other choices change the gains, not the predictions.

Days are numbered from 0, the first day of the series.

- A test on day t counts the loads of days 0…t, its own day's included: `g(t) = Σ_{s≤t} w(s)·e^(−(t−s)/τ)` (Clarke &
  Skiba 2013).
- On a race morning the day's own load is still to come: the same sum with w(t) = 0.
- Charts and guards use the performance manager's CTL and ATL: exponentially weighted means with weight 1 − e^(−1/N),
  N = 42 and 7;
  the entry of day t is the state on its morning, after the loads up to t − 1; form (TSB) is their difference on that
  morning.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

CTL_DAYS: Final = 42.0
ATL_DAYS: Final = 7.0
VERSION: Final = "same-day-1"
FEW: Final = 8
"""Up to so many time constants one by one is quicker; beyond it all of them day by day. The sums are the same."""


@dataclass(frozen=True)
class Pmc:
    """CTL, ATL and TSB, each (n + 1,): entry t is the morning of day t, load units a day."""

    ctl: Vector
    atl: Vector
    tsb: Vector


def pmc(loads: Vector, ctl0: float = 0.0, atl0: float = 0.0) -> Pmc:
    """Return the performance manager's states of a daily series.

    Args:
        loads: (n,) load a day; 0 is a rest day.
        ctl0, atl0: states on the first morning.
    """
    ctl, atl = _mean(loads, CTL_DAYS, ctl0), _mean(loads, ATL_DAYS, atl0)
    return Pmc(ctl, atl, ctl - atl)


def exponential_sums(loads: Vector, taus: Vector) -> Vector:
    """Return Σ_{s≤t} w(s)·e^(−(t−s)/τ) for every day and time constant.

    Args:
        loads: (n,) load a day.
        taus: (k,) time constants, days.

    Returns:
        (k, n) sums, in load units.
    """
    decay = np.exp(-1.0 / np.asarray(taus, dtype=np.float64))
    if len(decay) <= FEW:
        return np.array([_recursion(loads, keep) for keep in decay.tolist()]).reshape(len(decay), len(loads))
    by_day = np.empty((len(loads), len(decay)))
    state = np.zeros(len(decay))
    for row, load in zip(by_day, loads, strict=True):
        np.add(state * decay, load, out=row)
        state = row
    return by_day.T


def _mean(loads: Vector, days: float, start: float) -> Vector:
    keep = math.exp(-1.0 / days)
    return np.array([start, *_recursion((1.0 - keep) * np.asarray(loads, dtype=np.float64), keep, start)])


def _recursion(values: Vector, keep: float, start: float = 0.0) -> list[float]:
    """Return s(t) = keep·s(t − 1) + v(t) from s(−1) = start.

    scipy's filter saves 0.1 ms of a series of 1,500 days, and costs every process 0.6 s of import.
    """
    return list(accumulate(values.tolist(), lambda state, value: keep * state + value, initial=start))[1:]
