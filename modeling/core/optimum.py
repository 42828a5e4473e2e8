"""The weekly loads that make race-day performance best under the guards: a linear programme, solved by HiGHS.

Performance on race morning is linear in the daily loads (Banister's model, or the average of many of them), and a
day's load is its week's load times a fixed share, so performance is linear in the week loads. CTL and ATL at the
end of each week are state variables, which keeps the matrix sparse. Guards that can be broken by where the athlete
stands have a slack, dearer the later the guard may give way (`guards.GUARDS[...].order`). The loads keep a margin
below the guards, because sessions are rounded afterwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from modeling.core import guards as g
from modeling.core.guard_checks import ATL_DAYS, CTL_DAYS
from modeling.core.guards import Floats, StartState

KEEP_C, KEEP_A = math.exp(-1 / CTL_DAYS), math.exp(-1 / ATL_DAYS)
GROWTH: Final = 1.08
RECOVERY_BAND: Final = (0.60, 0.72)
TAPER_BAND: Final = (0.43, 0.56)
TAPER_MOST: Final = 0.80
FORM_MARGIN, RAMP_MARGIN, CEILING_MARGIN = 1.0, 0.25, 0.5
TAPER_STEP_BAND, RACE_WEEK_BAND = (0.60, 0.88), (0.50, 0.75)
NEVER_BELOW: Final = 0.99
FIRST_WEEK: Final = 0.85
LEAST_FIRST_WEEK: Final = 0.40
"""However tired the athlete is: growth is measured from this week, and from nothing nothing can grow."""
STEADY: Final = 0.04
SLACK_COST: Final[dict[str, float]] = {
    "peak": 2.0,
    "shape": 60.0,
    "race_form": 0.5,
    "taper_volume": 50.0,
    "form_floor": 5.0,
    "ctl_ceiling": 10.0,
    "ctl_ramp": 20.0,
}
"""Per unit of the guard, where 1 is what one reference week just before the taper is worth; peak and shape per
reference week."""


class NoOptimum(ArithmeticError):
    """The programme has no solution; with every guard soft this means numbers that are not finite."""


@dataclass(frozen=True)
class WeekModel:
    """One week to be filled: `shares` (days,) of its load by day, `gains` (days,) performance a TSS, `cap` the
    most it may hold."""

    role: str  # "loading", "recovery", "taper", "part"
    shares: Floats
    gains: Floats
    cap: float


@dataclass(frozen=True)
class Optimum:
    """Week loads, TSS, and the guards whose slack is in use or whose limit holds the loads down."""

    loads: Floats
    slacks: dict[str, float]
    binding: tuple[str, ...]


@dataclass
class _Programme:
    """Rows of `A x <= b` and `A x = b`, gathered as triplets."""

    n: int = 0
    cost: list[float] = field(default_factory=list)
    bounds: list[tuple[float, float | None]] = field(default_factory=list)
    rows: dict[str, tuple[list[int], list[int], list[float], list[float]]] = field(
        default_factory=lambda: {"ub": ([], [], [], []), "eq": ([], [], [], [])}
    )

    def variable(self, cost: float = 0.0, low: float = 0.0, high: float | None = None) -> int:
        self.cost.append(cost)
        self.bounds.append((low, high))
        self.n += 1
        return self.n - 1

    def row(self, terms: list[tuple[int, float]], right: float, kind: str = "ub") -> None:
        i, j, v, b = self.rows[kind]
        for column, value in terms:
            i.append(len(b))
            j.append(column)
            v.append(value)
        b.append(right)

    def solve(self, *, sparse: bool) -> Floats:
        a = {}
        for kind, (i, j, v, b) in self.rows.items():
            matrix = coo_array((v, (i, j)), shape=(len(b), self.n)).tocsr()
            a[kind] = matrix if sparse else matrix.toarray()
        answer = linprog(
            self.cost, A_ub=a["ub"], b_ub=self.rows["ub"][3], A_eq=a["eq"], b_eq=self.rows["eq"][3], bounds=self.bounds,
            method="highs",
        )  # fmt: skip
        if answer.x is None or not np.all(np.isfinite(answer.x)):
            raise NoOptimum(str(answer.message))
        return np.asarray(answer.x, dtype=np.float64)


def best_weeks(weeks: list[WeekModel], state: StartState, *, sparse: bool = True) -> Optimum:
    """Return the week loads with the best expected race-day performance.

    Args:
        weeks: from the plan's first week to the race's week (days before the race only); at least one day each.
        state: the athlete's start.
        sparse: hand HiGHS the sparse matrix; the dense one is for comparison.

    Raises:
        NoOptimum: numbers that are not finite.
    """
    programme = _Programme()
    gains = np.array([float(w.shares @ w.gains) for w in weeks])
    scale = max(state.reference_week, 1.0)
    worth = gains / max(float(np.abs(gains).max(initial=0.0)), 1e-12) / scale
    loads = [programme.variable(-float(v), 0.0, max(w.cap, 0.0)) for v, w in zip(worth, weeks, strict=True)]
    slack = {
        name: programme.variable(cost / (scale if name in ("peak", "shape") else 1.0))
        for name, cost in SLACK_COST.items()
    }
    _growth_rows(programme, weeks, loads, slack, state)
    _taper_rows(programme, weeks, loads, slack, state)
    _state_rows(programme, weeks, loads, slack, state)
    _steady_rows(programme, [x for x, w in zip(loads, weeks, strict=True) if w.role == "loading"], scale)
    x = programme.solve(sparse=sparse)
    used = {name: float(x[column]) for name, column in slack.items() if x[column] > 1e-6}
    found = np.maximum(x[loads], 0.0)
    return Optimum(found, used, _binding(weeks, found, x, programme, state))


def _growth_rows(
    p: _Programme, weeks: list[WeekModel], loads: list[int], slack: dict[str, int], state: StartState
) -> None:
    reference: int | None = None
    caps = min((w.cap for w in weeks if w.role == "loading"), default=math.inf)
    loading = []
    for x, week in zip(loads, weeks, strict=True):
        if week.role == "part":
            p.row([(x, 1.0)], GROWTH * state.reference_week * len(week.shares) / 7)
        elif week.role == "loading" and reference is None:
            p.row([(x, 1.0)], GROWTH * state.reference_week)
            p.row([(x, -1.0), (slack["shape"], -1.0)], -FIRST_WEEK * min(state.reference_week, caps))
            p.row([(x, -1.0)], -LEAST_FIRST_WEEK * min(state.reference_week, caps))
        elif week.role == "loading" and reference is not None:
            p.row([(x, 1.0), (reference, -GROWTH)], 0.0)
            p.row([(x, -1.0), (reference, NEVER_BELOW), (slack["shape"], -1.0)], 0.0)
        elif week.role == "recovery" and reference is not None:
            p.row([(x, 1.0), (reference, -RECOVERY_BAND[1])], 0.0)
            p.row([(x, -1.0), (reference, RECOVERY_BAND[0]), (slack["shape"], -1.0)], 0.0)
        if week.role == "loading":
            reference = x
            loading.append(x)
    if len(loading) >= 6:
        p.row([(c, -1.0) for c in loading[-3:]] + [(c, 1.05) for c in loading[:3]] + [(slack["peak"], -1.0)], 0.0)


def _taper_rows(
    p: _Programme, weeks: list[WeekModel], loads: list[int], slack: dict[str, int], state: StartState
) -> None:
    taper = [(x, w) for x, w in zip(loads, weeks, strict=True) if w.role == "taper"]
    loading = [x for x, w in zip(loads, weeks, strict=True) if w.role == "loading"][-3:]
    days = sum(len(w.shares) for _, w in taper)
    if not taper:
        return
    unit = max(state.reference_week, 1.0)
    for sign, share in ((1.0, TAPER_BAND[1]), (-1.0, TAPER_BAND[0])):
        if days < g.TAPER_DAYS[0]:
            break
        terms = [(x, sign * 7 / days) for x, _ in taper] + [(x, -sign * share / len(loading)) for x in loading]
        right = 0.0 if loading else sign * share * state.reference_week
        p.row([*terms, (slack["taper_volume"], -unit)], right)
    for x, w in taper:
        terms = [(x, 7 / len(w.shares))] + [(c, -TAPER_MOST / len(loading)) for c in loading]
        p.row(terms, 0.0 if loading else TAPER_MOST * state.reference_week)
    whole = [(x, w) for x, w in taper if len(w.shares) >= 4 and w.cap > 0]
    for (x, w), (y, v) in zip(whole, whole[1:], strict=False):
        low, high = RACE_WEEK_BAND if y == taper[-1][0] else TAPER_STEP_BAND
        p.row([(y, 1 / len(v.shares)), (x, -high / len(w.shares))], 0.0)
        p.row([(y, -1 / len(v.shares)), (x, low / len(w.shares)), (slack["shape"], -1.0)], 0.0)


def _state_rows(
    p: _Programme, weeks: list[WeekModel], loads: list[int], slack: dict[str, int], state: StartState
) -> None:
    """Write the CTL and ATL of every week's end as variables, and the guards on them."""
    before: tuple[int, int] | None = None
    for x, week in zip(loads, weeks, strict=True):
        days, to_c, to_a = len(week.shares), 0.0, 0.0
        for day, share in enumerate(week.shares.tolist(), start=1):
            to_c = to_c * KEEP_C + share * (1 - KEEP_C)
            to_a = to_a * KEEP_A + share * (1 - KEEP_A)
            if share > 0:
                terms, right = _linear(before, state, -(KEEP_C**day), KEEP_A**day)
                p.row([*terms, (x, to_a - to_c), (slack["form_floor"], -1.0)], -g.FORM_FLOOR - FORM_MARGIN + right)
        after = (p.variable(), p.variable())
        for column, keep, gain, which in ((after[0], KEEP_C, to_c, 0), (after[1], KEEP_A, to_a, 1)):
            held = [(before[which], -(keep**days))] if before else []
            start = 0.0 if before else (state.ctl if which == 0 else state.atl) * keep**days
            p.row([(column, 1.0), (x, -gain), *held], start, "eq")
        p.row([(after[0], 1.0), (slack["ctl_ceiling"], -1.0)], state.ctl_ceiling - CEILING_MARGIN)
        terms, right = _linear(before, state, -1.0, 0.0)
        p.row([(after[0], 1.0), *terms, (slack["ctl_ramp"], -1.0)], state.limits.ramp - RAMP_MARGIN + right)
        before = after
    if before is not None:
        low, high = g.RACE_FORM
        p.row([(before[0], 1.0), (before[1], -1.0), (slack["race_form"], -1.0)], high - FORM_MARGIN)
        p.row([(before[0], -1.0), (before[1], 1.0), (slack["race_form"], -1.0)], -low - FORM_MARGIN)


def _linear(
    before: tuple[int, int] | None, state: StartState, c: float, a: float
) -> tuple[list[tuple[int, float]], float]:
    """Return c * CTL + a * ATL at the week's start, as terms, or what it adds to the right-hand side in the
    first week."""
    if before is None:
        return [], -(c * state.ctl + a * state.atl)
    return [(before[0], c), (before[1], a)], 0.0


def _steady_rows(p: _Programme, loading: list[int], scale: float) -> None:
    """Price the second differences of the loading weeks: the tie-break that keeps a plan from jumping."""
    for x, y, z in zip(loading, loading[1:], loading[2:], strict=False):
        bend = p.variable(STEADY / scale)
        p.row([(x, 1.0), (y, -2.0), (z, 1.0), (bend, -1.0)], 0.0)
        p.row([(x, -1.0), (y, 2.0), (z, -1.0), (bend, -1.0)], 0.0)


def _binding(weeks: list[WeekModel], loads: Floats, x: Floats, p: _Programme, state: StartState) -> tuple[str, ...]:
    """Name the limits that the loads touch: week caps (session growth, daily cap, time) and the CTL ceiling."""
    names = []
    roles = [(load, w) for load, w in zip(loads, weeks, strict=True) if w.role == "loading"]
    if all(load >= w.cap - 1.0 for load, w in roles[-3:]) and roles:
        names.append("session_growth")
    ctl = [state.ctl]
    for load, week in zip(loads.tolist(), weeks, strict=True):
        c = ctl[-1]
        for share in week.shares.tolist():
            c = c * KEEP_C + share * load * (1 - KEEP_C)
        ctl.append(c)
    if max(ctl[1:], default=0.0) >= state.ctl_ceiling - CEILING_MARGIN - 0.5:
        names.append("ctl_ceiling")
    if max((b - a for a, b in zip(ctl, ctl[1:], strict=False)), default=0.0) >= state.limits.ramp - RAMP_MARGIN - 0.05:
        names.append("ctl_ramp")
    return tuple(names)
