"""The guards once more, as plain loops over the finished plan, written from the table in docs and not from `guards.py`.

Nothing here is imported from `modeling.core.guards`, `guard_checks` or `plans.pipelines.start`: a mistake there
must show.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

LEVELS: dict[str, dict[str, float]] = {
    "beginner": {"cap": 160, "ramp": 5, "factor": 1.3, "ctl": 38, "week": 130},
    "intermediate": {"cap": 220, "ramp": 6, "factor": 1.3, "ctl": 55, "week": 230},
    "advanced": {"cap": 300, "ramp": 7, "factor": 1.25, "ctl": 75, "week": 360},
    "elite": {"cap": 400, "ramp": 8, "factor": 1.2, "ctl": 100, "week": 520},
}
TSS, POINT, SHARE = 0.12, 0.06, 0.006  # what rounding to a tenth may cost
HARD = ("tempo", "interval", "repetition", "race")
Found = tuple[str, float, str]


def start_of(athlete: Any) -> dict[str, float]:
    """Return CTL, ATL, reference week, longest session and CTL ceiling on the plan's first morning."""
    level = LEVELS[athlete.level]
    loads = [] if athlete.series is None else [float(v) for v in athlete.series.loads]
    if athlete.series is not None:
        while athlete.series.start + timedelta(days=len(loads)) < athlete.today:
            loads.append(0.0)
    if not loads or sum(loads) == 0:
        ctl = atl = level["week"] / 7
        week = level["week"]
        best = 0.0
    else:
        ctl = atl = sum(loads[:28]) / len(loads[:28])
        for load in loads:
            ctl = ctl * math.exp(-1 / 42) + load * (1 - math.exp(-1 / 42))
            atl = atl * math.exp(-1 / 7) + load * (1 - math.exp(-1 / 7))
        last_four = []
        for k in range(4):
            end = len(loads) - 7 * k
            last_four.append(sum(loads[max(end - 7, 0) : max(end, 0)]))
        last_four.sort()
        week = max(last_four[2], athlete.median_week_load_year / 2, level["week"] / 2)
        best = athlete.best_ctl_year
    longest = athlete.longest_session_load_30d or 0.30 * week
    return {"ctl": ctl, "atl": atl, "week": week, "longest": longest,
            "ceiling": max(level["factor"] * max(best, level["ctl"]), ctl)}  # fmt: skip


class Resimulation:
    """One plan, day by day."""

    def __init__(self, plan: Any, athlete: Any, goal: Any) -> None:
        self.plan, self.athlete, self.goal = plan, athlete, goal
        self.level, self.start = LEVELS[athlete.level], start_of(athlete)
        self.found: list[Found] = []
        self.by_day: dict[date, list[Any]] = {}
        for week in plan.weeks:
            for session in week.sessions:
                if session.kind != "rest":
                    self.by_day.setdefault(session.day, []).append(session)

    def broken(self) -> list[Found]:
        """Return (guard, amount, place) of all that does not hold."""
        self.days()
        self.weeks()
        self.form_and_ramp()
        self.taper()
        return self.found

    def note(self, guard: str, amount: float, place: Any) -> None:
        self.found.append((guard, amount, place.isoformat() if isinstance(place, date) else f"week {place}"))

    def days(self) -> None:
        last_hard = None
        for day in sorted(self.by_day):
            sessions = self.by_day[day]
            training = [s for s in sessions if s.kind != "race"]
            if training and day.weekday() not in self.goal.available_days:
                self.note("available_days", 1, day)
            if sum(s.load for s in training) > self.level["cap"] + TSS:
                self.note("daily_cap", sum(s.load for s in training) - self.level["cap"], day)
            for session in training:
                self.session(session, day)
            if any(s.kind in HARD for s in sessions):
                if last_hard is not None and (day - last_hard).days < 2:
                    self.note("hard_spacing", 24, day)
                last_hard = day

    def session(self, session: Any, day: date) -> None:
        longest = self.start["longest"] if (day - self.plan.start).days < 30 else 0.0
        for other_day, others in self.by_day.items():
            if 0 < (day - other_day).days <= 30:
                longest = max([longest, *(o.load for o in others)])
        most = max(1.1 * longest, longest + 5, 25)
        if session.load > most + TSS:
            self.note("session_growth", session.load - most, day)

    def weeks(self) -> None:
        reference, run, minutes, hard = self.start["week"], 0, 0.0, 0.0
        for week in self.plan.weeks:
            n_days = 7 - max((self.plan.start - week.monday).days, 0)
            loads = [s.load for s in week.sessions if s.kind not in ("race", "rest")]
            longish = [s.load for s in week.sessions if s.kind not in ("race", "rest", "strength")]
            total, number = sum(loads), week.number
            if n_days == 7 and len({s.day for s in week.sessions if s.kind != "rest"}) == 7:
                self.note("rest_day", 1, number)
            off = abs(total - week.target_load) - max(0.05 * week.target_load, 3.0)
            if off > TSS:
                self.note("week_target", off, number)
            if week.phase == "recovery":
                continue
            if total > 1.1 * reference * n_days / 7 + TSS:
                self.note("growth", total - 1.1 * reference * n_days / 7, number)
            training_week = n_days == 7 and week.phase not in ("taper", "race")
            if training_week and longish:
                share = max(longish) / sum(longish) - {1: 1.0, 2: 0.6, 3: 0.4}.get(len(longish), 0.35)
                if share > SHARE:
                    self.note("long_share", share, number)
            if training_week:
                minutes += sum(s.prescribed_work["duration_min"] for s in week.sessions if s.kind != "rest")
                hard += sum(self.hard(s) for s in week.sessions if s.kind != "rest")
            if week.phase in ("taper", "race"):
                run = 0
            elif week.is_recovery:
                run = 0
                if total > 0.75 * reference + TSS:
                    self.note("recovery_week", total - 0.75 * reference, number)
            elif n_days == 7:
                run, reference = run + 1, total
                if run > 3:
                    self.note("recovery_week", run - 3, number)
        if minutes and hard / minutes > 0.30 + SHARE:
            self.note("easy_share", hard / minutes - 0.30, self.goal.race_date)

    @staticmethod
    def hard(session: Any) -> float:
        return float(session.prescribed_work.get("hard_min") or 0.0)

    def form_and_ramp(self) -> None:
        ctl, atl, monday_ctl = self.start["ctl"], self.start["atl"], self.start["ctl"]
        day = self.plan.start
        while day < self.goal.race_date:
            load = sum(s.load for s in self.by_day.get(day, []))
            ctl += (load - ctl) * (1 - math.exp(-1 / 42))
            atl += (load - atl) * (1 - math.exp(-1 / 7))
            day += timedelta(days=1)
            if ctl - atl < -30 - POINT:
                self.note("form_floor", -30 - (ctl - atl), day)
            if day.weekday() == 0:
                number = next(w.number for w in self.plan.weeks if w.monday == day - timedelta(days=7))
                if ctl - monday_ctl > self.level["ramp"] + POINT:
                    self.note("ctl_ramp", ctl - monday_ctl - self.level["ramp"], number)
                if ctl > self.start["ceiling"] + POINT:
                    self.note("ctl_ceiling", ctl - self.start["ceiling"], number)
                monday_ctl = ctl
        form = ctl - atl
        if not 5 - POINT <= form <= 25 + POINT:
            self.note("race_form", max(5 - form, form - 25), self.goal.race_date)

    def taper(self) -> None:
        first, loading = self.goal.race_date, []
        for week in self.plan.weeks:
            if week.phase in ("taper", "race"):
                first = min(first, max(week.monday, self.plan.start))
            elif week.phase != "recovery" and not week.is_recovery and week.monday >= self.plan.start:
                loading.append(sum(s.load for s in week.sessions))
        days = (self.goal.race_date - first).days
        if (self.goal.race_date - self.plan.start).days >= 8 and not 8 <= days <= 21:
            self.note("taper_length", max(8 - days, days - 21), self.goal.race_date)
        usual = sum(loading[-3:]) / len(loading[-3:]) if loading else self.start["week"]
        if days < 8 or usual <= 0:
            return
        volume = sum(s.load for d, ss in self.by_day.items() if first <= d < self.goal.race_date for s in ss)
        share = volume / days * 7 / usual
        if not 0.40 - SHARE <= share <= 0.59 + SHARE:
            self.note("taper_volume", max(0.40 - share, share - 0.59), first)


def unreported(plan: Any, athlete: Any, goal: Any) -> list[Found]:
    """Return what a plan breaks without having said so, or by more than it said (a hundredth and rounding aside)."""
    said = {(r.guard, r.week_or_day): r.amount for r in plan.relaxed}
    never = {"available_days", "rest_day", "hard_spacing", "daily_cap", "session_growth", "growth", "recovery_week"}
    return [
        (guard, amount, place)
        for guard, amount, place in Resimulation(plan, athlete, goal).broken()
        if guard in never or amount > said.get((guard, place), 0.0) * 1.01 + 0.01
    ]
