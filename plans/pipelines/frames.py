"""The weeks of a plan: from today to the race in calendar weeks, their phases, where recovery weeks fall."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

MIN_TAPER_DAYS: Final[dict[str, int]] = {
    "5k": 8, "10k": 8, "half_marathon": 10, "marathon": 14, "40km_tt": 8, "gran_fondo": 8,
}  # fmt: skip
"""The taper starts on the last Monday that leaves at least so many days (Bosquet 2007: 8 to 14 days, 21 at most)."""

RECOVERY_WEEKS: Final[dict[str, tuple[float, ...]]] = {
    "5k": (0.6,), "10k": (0.5,), "half_marathon": (0.4, 0.65), "marathon": (0.2, 0.4, 0.6), "40km_tt": (0.55,),
    "gran_fondo": (0.4, 0.6),
}  # fmt: skip
"""After the race: each week's load as a share of the taper's reference week."""

REST_AFTER_RACE: Final[dict[str, int]] = {
    "5k": 1, "10k": 2, "half_marathon": 3, "marathon": 5, "40km_tt": 1, "gran_fondo": 2,
}  # fmt: skip
"""Days without any session after the race."""


@dataclass(frozen=True)
class WeekFrame:
    """A calendar week of the plan: days [first, first + days) counted from the plan's start; `before_race` of
    them count."""

    number: int
    monday: date
    first: int
    days: int
    before_race: int
    phase: str
    is_recovery: bool
    week_in_phase: int

    def day(self, offset: int) -> date:
        """Return the date of the week's `offset`-th day in the plan."""
        return self.monday + timedelta(days=7 - self.days + offset if self.number == 1 else offset)


def cycles(n_weeks: int, *, short: bool) -> list[bool]:
    """Return for each full week before the taper whether it is a recovery week.

    Loading weeks come in twos (`short`, where they can) or threes, the last block before the taper has no recovery week
    behind it, and a plan does not start with one.
    """
    for last in (2, 3, 1) if short else (3, 2, 1):
        parts = _parts(n_weeks - last, (3, 4) if short else (4, 3))
        if n_weeks >= last and parts is not None:
            return [flag for part in parts for flag in [False] * (part - 1) + [True]] + [False] * last
    return [False] * n_weeks


def _parts(total: int, sizes: tuple[int, int]) -> list[int] | None:
    """Write `total` as a sum of cycles, with as many of the first size as possible; None if it cannot be."""
    usual, other = sizes
    for n_usual in range(max(total, 0) // usual, -1, -1):
        rest = total - n_usual * usual
        if rest >= 0 and rest % other == 0:
            return [other] * (rest // other) + [usual] * n_usual
    return None


def phases(recovery: list[bool]) -> list[str]:
    """Return base, build or peak for each full week before the taper: the last block is the peak, half of the
    rest base."""
    n = len(recovery)
    peak = 0
    while peak < n and not recovery[n - 1 - peak]:
        peak += 1
    rest = n - peak
    ends = [0] + [k + 1 for k in range(rest) if recovery[k]]
    wanted = rest * (0.6 if n >= 30 else 0.5)
    base = min((e for e in ends if e < rest or rest == 0), key=lambda e: abs(e - wanted))
    return ["base"] * base + ["build"] * (rest - base) + ["peak"] * peak


def frames(today: date, race_date: date, race: str, *, short_cycles: bool) -> list[WeekFrame]:
    """Return the plan's weeks, the recovery weeks after the race with them."""
    first_monday = today - timedelta(days=today.weekday())
    race_monday = race_date - timedelta(days=race_date.weekday())
    taper_monday = race_date - timedelta(days=MIN_TAPER_DAYS[race])
    taper_monday -= timedelta(days=taper_monday.weekday())
    full_from = first_monday if today == first_monday else first_monday + timedelta(days=7)
    recovery = cycles(max((taper_monday - full_from).days // 7, 0), short=short_cycles)
    names = phases(recovery)
    found: list[WeekFrame] = []
    n_weeks = (race_monday - first_monday).days // 7 + 1 + len(RECOVERY_WEEKS[race])
    for number in range(1, n_weeks + 1):
        monday = first_monday + timedelta(days=7 * (number - 1))
        start = max(monday, today)
        k = (monday - full_from).days // 7
        phase = _phase(monday, race_monday, taper_monday, names, k)
        days = 7 - (start - monday).days
        before = max(0, min(days, (race_date - start).days))
        is_recovery = phase == "recovery" or (0 <= k < len(recovery) and recovery[k])
        same = bool(found) and found[-1].phase == phase
        week_in_phase = found[-1].week_in_phase + 1 if same else 1
        found.append(WeekFrame(number, monday, (start - today).days, days, before, phase, is_recovery, week_in_phase))
    return found


def _phase(monday: date, race_monday: date, taper_monday: date, names: list[str], k: int) -> str:
    if monday > race_monday:
        return "recovery"
    if monday == race_monday:
        return "race"
    if monday >= taper_monday:
        return "taper"
    if 0 <= k < len(names):
        return names[k]
    return names[0] if names else "peak"
