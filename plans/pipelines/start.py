"""Where an athlete stands on a plan's first morning: CTL, ATL, the week that growth is measured from, the
longest session."""

from __future__ import annotations

from typing import Final

import numpy as np

from modeling.core.guard_checks import mornings
from modeling.core.guards import LIMITS, Floats, StartState
from plans.pipelines.contract import AthleteSnapshot

SEED_DAYS: Final = 28
"""CTL and ATL start at the mean load of so many first days: nobody's record begins with their first training."""
RESTART_SHARE: Final = 0.5
"""Share of last year's median week from which a plan restarts after a gap."""
FIRST_SESSION_SHARE: Final = 0.30
LEAST_WEEK_SHARE: Final = 0.5
"""Whatever the history, nobody starts below this share of their level's start week: it holds three short sessions."""


def history(athlete: AthleteSnapshot) -> Floats | None:
    """Return the daily loads up to yesterday, (n_days,) TSS; days after the last record count as rest. None
    without any."""
    series = athlete.series
    if series is None:
        return None
    days = (athlete.today - series.start).days
    loads = np.asarray(series.loads, dtype=np.float64)[: max(days, 0)]
    loads = np.concatenate([loads, np.zeros(max(days - len(loads), 0))])
    return loads if loads.size and float(loads.sum()) > 0 else None


def start_state(athlete: AthleteSnapshot) -> StartState:
    """Return the athlete's start; every rule for thin history is here and in `modeling.core.guards`.

    Without history: CTL = ATL = start week of the level / 7. After weeks without training: half of the last year's
    median week. Otherwise the second highest of the last four weeks, which no single odd week can move.
    """
    limits = LIMITS[athlete.level]
    loads = history(athlete)
    if loads is None:
        ctl = atl = limits.start_week / 7
    else:
        seed = float(loads[:SEED_DAYS].mean())
        ctls, atls = mornings(loads, seed, seed)
        ctl, atl = float(ctls[-1]), float(atls[-1])
    reference = reference_week(athlete, loads)
    longest = athlete.longest_session_load_30d
    if longest <= 0:
        longest = FIRST_SESSION_SHARE * reference
    best = max(athlete.best_ctl_year if loads is not None else 0.0, limits.usual_ctl)
    return StartState(
        ctl=ctl,
        atl=atl,
        reference_week=reference,
        longest_session=longest,
        ctl_ceiling=max(limits.ceiling_factor * best, ctl),
        limits=limits,
    )


def reference_week(athlete: AthleteSnapshot, loads: Floats | None) -> float:
    """Return the week load, TSS, that the first week may exceed by a tenth."""
    limits = LIMITS[athlete.level]
    if loads is None:
        return limits.start_week
    ends = [len(loads) - 7 * k for k in range(4)]
    weeks = [float(loads[max(end - 7, 0) : max(end, 0)].sum()) for end in ends]
    usual = sorted(weeks)[-2]
    return max(usual, RESTART_SHARE * athlete.median_week_load_year, LEAST_WEEK_SHARE * limits.start_week)


def has_gap(athlete: AthleteSnapshot) -> bool:
    """Tell whether the last three weeks hold no training although there was some before."""
    loads = history(athlete)
    return loads is not None and float(loads[-21:].sum()) == 0.0
