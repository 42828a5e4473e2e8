"""The check of each guard of `guards.py` on a realised plan. Pure; no guard is known anywhere else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from modeling.core import guards as g
from modeling.core.guards import Breach, Floats, Realised, RealisedSession, RealisedWeek

CTL_DAYS, ATL_DAYS = 42.0, 7.0
AFTER_RACE: Final = "recovery"


def mornings(loads: Floats, ctl0: float, atl0: float) -> tuple[Floats, Floats]:
    """Return CTL and ATL on each morning, (n_days + 1,) each; entry 0 is the start, entry t knows loads up to t - 1."""
    ctl, atl = np.empty(len(loads) + 1), np.empty(len(loads) + 1)
    keep_c, keep_a = math.exp(-1 / CTL_DAYS), math.exp(-1 / ATL_DAYS)
    ctl[0], atl[0] = c, a = ctl0, atl0
    for day, load in enumerate(loads.tolist()):
        c = c * keep_c + load * (1 - keep_c)
        a = a * keep_a + load * (1 - keep_a)
        ctl[day + 1], atl[day + 1] = c, a
    return ctl, atl


def is_taper(week: RealisedWeek) -> bool:
    """Tell whether a week belongs to the taper; the race's week does."""
    return week.phase in ("taper", "race")


def is_loading(week: RealisedWeek) -> bool:
    """Tell whether a week is one that growth is measured from: full, before the taper, no recovery week."""
    return week.days == 7 and not week.is_recovery and not is_taper(week) and week.phase != AFTER_RACE


def in_week(plan: Realised, week: RealisedWeek) -> list[RealisedSession]:
    """Return the sessions of a week."""
    return [s for day in range(week.first, week.first + week.days) for s in plan.by_day.get(day, ())]


def training_load(plan: Realised, week: RealisedWeek) -> float:
    """Return a week's load without the race, TSS."""
    return sum(s.load for s in in_week(plan, week) if s.kind != "race")


def breaches(plan: Realised) -> tuple[Breach, ...]:
    """Return every guard that does not hold, in the order of the table, beyond `TOLERANCE`."""
    return tuple(breach for name in g.GUARDS for breach in CHECKS[name](plan))


def _over(name: str, amount: float, *, week: int | None = None, day: int | None = None) -> Iterator[Breach]:
    if amount > g.TOLERANCE.get(g.GUARDS[name].unit, 1e-9):
        yield Breach(name, round(float(amount), 3), week, day)


def _available_days(plan: Realised) -> Iterator[Breach]:
    for s in plan.sessions:
        if s.kind != "race" and (plan.start_weekday + s.day) % 7 not in plan.available_days:
            yield Breach("available_days", 1.0, day=s.day)


def _rest_day(plan: Realised) -> Iterator[Breach]:
    for week in plan.weeks:
        if week.days == 7 and len({s.day for s in in_week(plan, week)}) == 7:
            yield Breach("rest_day", 1.0, week=week.number)


def _hard_spacing(plan: Realised) -> Iterator[Breach]:
    hard = sorted({s.day for s in plan.sessions if s.kind in g.HARD_KINDS})
    for before, day in zip(hard, hard[1:], strict=False):
        if day - before < 2:
            yield Breach("hard_spacing", 48.0 - 24.0 * (day - before), day=day)


def _daily_cap(plan: Realised) -> Iterator[Breach]:
    for day, load in enumerate(plan.daily(with_race=False).tolist()):
        yield from _over("daily_cap", load - plan.state.limits.daily_cap, day=day)


def _session_growth(plan: Realised) -> Iterator[Breach]:
    heaviest = {day: max(s.load for s in sessions) for day, sessions in plan.by_day.items()}
    for s in sorted(plan.sessions, key=lambda s: s.day):
        if s.kind == "race":
            continue
        window = [heaviest[day] for day in range(s.day - g.SESSION_WINDOW, s.day) if day in heaviest]
        if s.day < g.SESSION_WINDOW:
            window.append(plan.state.longest_session)
        yield from _over("session_growth", s.load - g.session_ceiling(max(window, default=0.0)), day=s.day)


def _growth(plan: Realised) -> Iterator[Breach]:
    reference = plan.state.reference_week
    for week in plan.weeks:
        if week.phase == AFTER_RACE:
            break
        load = training_load(plan, week)
        yield from _over("growth", load - g.MAX_GROWTH * reference * week.days / 7, week=week.number)
        if is_loading(week):
            reference = load


def _recovery_week(plan: Realised) -> Iterator[Breach]:
    reference, run = plan.state.reference_week, 0
    for week in plan.weeks:
        if is_loading(week):
            reference, run = training_load(plan, week), run + 1
            if run > g.MAX_LOADING_WEEKS:
                yield Breach("recovery_week", float(run - g.MAX_LOADING_WEEKS), week=week.number)
        elif week.is_recovery and week.phase != AFTER_RACE:
            run = 0
            over = training_load(plan, week) - g.MAX_RECOVERY_SHARE * reference
            if over > g.TOLERANCE["TSS"]:
                yield Breach("recovery_week", round(over, 3), week=week.number)
        elif is_taper(week):
            run = 0


def _week_target(plan: Realised) -> Iterator[Breach]:
    for week in plan.weeks:
        off = abs(training_load(plan, week) - week.target_load)
        yield from _over("week_target", off - g.target_tolerance(week.target_load), week=week.number)


def _race_form(plan: Realised) -> Iterator[Breach]:
    ctl, atl = mornings(plan.daily(), plan.state.ctl, plan.state.atl)
    form = float(ctl[plan.race_day] - atl[plan.race_day])
    low, high = g.RACE_FORM
    yield from _over("race_form", max(low - form, form - high), day=plan.race_day)


def _long_share(plan: Realised) -> Iterator[Breach]:
    for week in plan.weeks:
        loads = [s.load for s in in_week(plan, week) if s.kind not in ("race", "strength")]
        if week.days < 7 or is_taper(week) or sum(loads) <= 0 or week.phase == AFTER_RACE:
            continue
        yield from _over("long_share", max(loads) / sum(loads) - g.long_share_limit(len(loads)), week=week.number)


def _easy_share(plan: Realised) -> Iterator[Breach]:
    minutes = hard = 0.0
    for week in plan.weeks:
        if week.days == 7 and not is_taper(week) and week.phase != AFTER_RACE:
            for s in in_week(plan, week):
                minutes, hard = minutes + s.minutes, hard + s.hard_minutes
    if minutes:
        yield from _over("easy_share", hard / minutes - (1 - g.MIN_EASY_SHARE), day=plan.race_day)


def taper_start(plan: Realised) -> int:
    """Return the first day of the taper, the race's day if there is none."""
    return min((w.first for w in plan.weeks if is_taper(w)), default=plan.race_day)


def taper_reference(plan: Realised) -> float:
    """Return the week load that the taper's volume is measured by: mean of the last three loading weeks."""
    loading = [training_load(plan, w) for w in plan.weeks if is_loading(w)][-3:]
    return float(np.mean(loading)) if loading else plan.state.reference_week


def _taper_volume(plan: Realised) -> Iterator[Breach]:
    first, reference = taper_start(plan), taper_reference(plan)
    days = plan.race_day - first
    if days < g.TAPER_DAYS[0] or reference <= 0:
        return
    share = float(plan.daily()[first : plan.race_day].sum()) * 7 / days / reference
    low, high = g.TAPER_VOLUME
    yield from _over("taper_volume", max(low - share, share - high), day=first)


def _taper_length(plan: Realised) -> Iterator[Breach]:
    days = plan.race_day - taper_start(plan)
    low, high = g.TAPER_DAYS
    if plan.race_day >= low and not low <= days <= high:
        yield Breach("taper_length", float(max(low - days, days - high)), day=plan.race_day)


def _form_floor(plan: Realised) -> Iterator[Breach]:
    ctl, atl = mornings(plan.daily(), plan.state.ctl, plan.state.atl)
    for morning in range(1, plan.race_day + 1):
        yield from _over("form_floor", g.FORM_FLOOR - float(ctl[morning] - atl[morning]), day=morning)


def _mondays(plan: Realised) -> list[tuple[RealisedWeek, int]]:
    return [(w, w.first + w.days) for w in plan.weeks if w.first + w.days <= plan.race_day]


def _ctl_ceiling(plan: Realised) -> Iterator[Breach]:
    ctl, _ = mornings(plan.daily(), plan.state.ctl, plan.state.atl)
    for week, end in _mondays(plan):
        yield from _over("ctl_ceiling", float(ctl[end]) - plan.state.ctl_ceiling, week=week.number)


def _ctl_ramp(plan: Realised) -> Iterator[Breach]:
    ctl, _ = mornings(plan.daily(), plan.state.ctl, plan.state.atl)
    for week, end in _mondays(plan):
        yield from _over("ctl_ramp", float(ctl[end] - ctl[week.first]) - plan.state.limits.ramp, week=week.number)


CHECKS: Final[dict[str, Callable[[Realised], Iterator[Breach]]]] = {
    "available_days": _available_days,
    "rest_day": _rest_day,
    "hard_spacing": _hard_spacing,
    "daily_cap": _daily_cap,
    "session_growth": _session_growth,
    "growth": _growth,
    "recovery_week": _recovery_week,
    "week_target": _week_target,
    "race_form": _race_form,
    "long_share": _long_share,
    "easy_share": _easy_share,
    "taper_volume": _taper_volume,
    "taper_length": _taper_length,
    "form_floor": _form_floor,
    "ctl_ceiling": _ctl_ceiling,
    "ctl_ramp": _ctl_ramp,
}
