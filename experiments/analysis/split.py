"""Did every arm, and every stratum of it, get the subjects that it should? While it did not, no result is shown.

An anytime-valid test of the whole and one of each stratum (`common.stats.srm`): a leak that hits one sport only is lost
in the total. Assignment by permuted blocks is more even than the multinomial that is tested, so that false alarms are
rarer than they may be.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from common.stats.srm import SplitProcess

ALPHA: Final = 0.01
"""Chance of hiding the results of an experiment whose arms are as they should be, over its whole run."""

WHOLE: Final = 0.8
"""The share of alpha for the test of all subjects; the strata's tests share the rest evenly."""

PRIOR_SUBJECTS: Final = 500.0
"""An experiment sees hundreds of athletes where a rollout sees a hundred thousand requests."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Subjects first seen in a time, of one stratum, by variant; and the weights of that time's phase.

    Whoever is told apart by more than chance (an allowlist) does not count. A variant of weight 0 takes nobody.
    """

    counts: Mapping[str, int]
    weights: Mapping[str, float]
    stratum: str = ""


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """mismatch: hide the results. strata: those that alarm. e_value: the largest so far of all subjects together.

    alarmed_at: index of the arrivals that completed the evidence; it stays alarmed.
    """

    mismatch: bool
    e_value: float
    strata: tuple[str, ...]
    alarmed_at: int | None
    why: str


def sample_ratio(arrivals: Sequence[Arrivals], *, strata: Collection[str] = (), alpha: float = ALPHA) -> SampleRatio:
    """Judge all arrivals so far, the oldest first.

    strata: all that the experiment has, named before the start (an alarm must not depend on which came first); none
    where it has none.

    Raises:
        ValueError: arrivals of a stratum or a variant that is not named, a negative count, weights that are none, or
            alpha is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise ValueError("alpha lies between 0 and 1")
    variants = sorted({name for each in arrivals for name in (*each.weights, *each.counts)})
    whole = SplitProcess(PRIOR_SUBJECTS)
    apart = {name: SplitProcess(PRIOR_SUBJECTS) for name in strata}
    of_whole, of_stratum = (alpha * WHOLE, alpha * (1 - WHOLE) / len(apart)) if apart else (alpha, alpha)
    alarmed_at = None
    for index, each in enumerate(arrivals):
        _observe(each, variants, [whole, apart[_named(each.stratum, apart)]] if apart else [whole])
        hit = whole.mismatch(of_whole) or (bool(apart) and apart[each.stratum].mismatch(of_stratum))
        alarmed_at = index if hit and alarmed_at is None else alarmed_at
    found = tuple(name for name, process in apart.items() if process.mismatch(of_stratum))
    why = _why(whole.mismatch(of_whole), found)
    return SampleRatio(alarmed_at is not None, math.exp(whole.highest_log_e), found, alarmed_at, why)


def _observe(arrivals: Arrivals, variants: Sequence[str], processes: Sequence[SplitProcess]) -> None:
    if not arrivals.counts.keys() <= arrivals.weights.keys():
        raise ValueError("every variant that took subjects has a weight")
    counts = [arrivals.counts.get(name, 0) for name in variants]
    weights = [arrivals.weights.get(name, 0.0) for name in variants]
    for process in processes:
        process.observe(counts, weights)


def _named(stratum: str, strata: Collection[str]) -> str:
    if stratum not in strata:
        raise ValueError(f"stratum {stratum!r} was not named")
    return stratum


def _why(whole: bool, strata: tuple[str, ...]) -> str:
    where = [*(["all subjects"] if whole else []), *strata]
    if not where:
        return "the arms have the subjects that they should, as far as can be told"
    return f"the arms do not have the subjects that they should: {', '.join(where)}"
