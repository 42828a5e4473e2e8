"""Pre-adjusted sessions: what coaches would probably change is changed beforehand, and says so.

The coach decides; an adjustment here only saves them the work. So it never breaks a guard or breaks one further, never
takes out a key session, never touches the race, and a week keeps most of its load whatever the model says. Of the
adjustments that would together break a guard the single one is left out, never the plan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from modeling.core import guards as g
from modeling.core.guards import Breach, StartState
from modeling.learned.algorithm import OverrideModel, Suggestion
from modeling.learned.context import KINDS
from plans.pipelines.adjusting import Bench, adjusted, minutes_of
from plans.pipelines.checks import plan_breaches, where
from plans.pipelines.contract import AthleteSnapshot, PlannedSession, PlannedWeek, RaceGoal
from plans.pipelines.intensity import Intensities
from plans.pipelines.learned import session_context

MOST_A_WEEK: Final = 3
"""Adjusted sessions in one week, the likeliest first: a coach is to review a plan, not to search it."""
LEAST_LEFT: Final = 0.75
"""Share of a week's load that stays, whatever is suggested."""
PASSES: Final = 2
"""What the guards refused is tried once more when the others stand."""

Weeks = tuple[PlannedWeek, ...]
Wish = tuple[tuple[int, str], Suggestion]
"""What is suggested, by (index of the week, session id)."""


@dataclass(frozen=True)
class Adjustment:
    """An adjustment that was made: the session as the plan would have had it, and what it became."""

    original: PlannedSession
    session: PlannedSession
    suggestion: Suggestion

    def as_json(self) -> dict[str, Any]:
        """Return it as plans keep it; `original` has the members of a session of the plan's document."""
        wish = self.suggestion
        return {
            "session_id": self.session.session_id,
            "adjustment": wish.adjustment,
            "probability": round(wish.probability, 3),
            "reason": said(wish),
            "coaches": wish.coaches,
            "athletes": wish.athletes,
            "cases": wish.cases,
            "before": brief(self.original),
            "after": brief(self.session),
            "original": _entry(self.original),
        }


def said(wish: Suggestion) -> str:
    """Return the reason in words, with what it rests on: "coaches shorten … (34 cases, 9 coaches)"."""
    words = wish.reason.strip().rstrip(".") or "coaches usually change such sessions"
    if not wish.cases or "cases" in words:
        return words
    return f"{words} ({_plural(wish.cases, 'case')}, {_plural(wish.coaches, 'coach')})"


def _plural(count: int, name: str) -> str:
    ending = "" if count == 1 else "es" if name.endswith("ch") else "s"
    return f"{count} {name}{ending}"


def brief(session: PlannedSession) -> str:
    """Return a session in a few words: "Sun 22 Nov, Long 18 km, 1:45, load 80"."""
    minutes = round(minutes_of(session))
    day = f"{session.day:%a} {session.day.day} {session.day:%b}"
    if session.kind == "rest":
        return f"{day}, rest"
    return f"{day}, {session.title}, {minutes // 60}:{minutes % 60:02d}, load {session.load:.0f}"


def _entry(session: PlannedSession) -> dict[str, Any]:
    return {
        "day": session.day.isoformat(),
        "modality": session.modality,
        "kind": session.kind,
        "title": session.title,
        "prescribed_work": dict(session.prescribed_work),
        "load": round(session.load, 1),
        "key_session": session.key_session,
        "locked": False,
    }


def pre_adjust(
    weeks: Weeks, athlete: AthleteSnapshot, goal: RaceGoal, state: StartState, intensities: Intensities, *, seed: int
) -> tuple[Weeks, tuple[Adjustment, ...]]:
    """Return the weeks with what coaches would probably change, and the adjustments in the order of their days.

    Later weeks come first: growth is measured from the week before, so that of sessions which all get shorter the last
    must, before the one ahead of it can.
    """
    model = athlete.algorithm.overrides
    if model is None:
        return weeks, ()
    desk = _Desk(weeks, athlete, goal, state, intensities, seed)
    waiting = wishes(model, weeks, athlete, goal)
    for _ in range(PASSES):
        waiting = desk.settle(waiting)
    made = sorted(desk.made.values(), key=lambda one: (one.original.day, one.original.session_id))
    return desk.weeks, tuple(made)


def wishes(model: OverrideModel, weeks: Weeks, athlete: AthleteSnapshot, goal: RaceGoal) -> list[Wish]:
    """Return what the model suggests: the latest week first, the likeliest first in it."""
    found: list[Wish] = []
    for index, week in reversed(list(enumerate(weeks))):
        of_week = []
        for session in week.sessions:
            wish = _suggested(model, week, session, athlete, goal)
            if wish is not None:
                of_week.append(((index, session.session_id), wish))
        of_week.sort(key=lambda one: (-one[1].probability, one[0][1]))
        found += of_week[:MOST_A_WEEK]
    return found


def _suggested(
    model: OverrideModel, week: PlannedWeek, session: PlannedSession, athlete: AthleteSnapshot, goal: RaceGoal
) -> Suggestion | None:
    if session.kind not in KINDS or session.day < athlete.today:
        return None
    return model.suggest(
        session_context(
            athlete,
            goal,
            day=session.day,
            kind=session.kind,
            phase=week.phase,
            is_recovery=week.is_recovery,
            week_number=week.number,
            minutes=minutes_of(session),
            load=session.load,
            key_session=session.key_session,
        )
    )


class _Desk:
    """The weeks as far as they are adjusted, and the guards that they already broke before."""

    def __init__(
        self,
        weeks: Weeks,
        athlete: AthleteSnapshot,
        goal: RaceGoal,
        state: StartState,
        intensities: Intensities,
        seed: int,
    ) -> None:
        self.weeks, self.athlete, self.goal, self.state = weeks, athlete, goal, state
        self.intensities, self.seed = intensities, seed
        self.made: dict[str, Adjustment] = {}
        self._loads = [_load(week.sessions) for week in weeks]
        self._in_phase = list(_weeks_in_phase(weeks))
        self._known = self._broken(weeks)

    def settle(self, waiting: Sequence[Wish]) -> list[Wish]:
        """Make what can be made and every guard stands; return what was refused, in its order.

        All at once where that holds, else by halves: mostly all are fine, and one look at the guards is enough.
        """
        weeks, made, refused = self._applied(waiting)
        if not made:
            return refused
        if self._stands(weeks):
            self.weeks = weeks
            self.made |= made
            return refused
        if len(waiting) == 1:
            return list(waiting)
        half = len(waiting) // 2
        return [*self.settle(waiting[:half]), *self.settle(waiting[half:])]

    def _applied(self, waiting: Sequence[Wish]) -> tuple[Weeks, dict[str, Adjustment], list[Wish]]:
        """Return the weeks with these adjustments whatever the guards say, and those that cannot be made."""
        weeks, made, refused = list(self.weeks), dict[str, Adjustment](), list[Wish]()
        for (index, session_id), wish in waiting:
            week = weeks[index]
            session = next(one for one in week.sessions if one.session_id == session_id)
            bench = Bench(self.athlete, self.goal, self.intensities, self.seed, week, self._in_phase[index])
            now = adjusted(session, wish, bench)
            sessions = sorted((now or s if s is session else s for s in week.sessions), key=lambda s: s.day)
            if now is None or _load(sessions) < LEAST_LEFT * self._loads[index]:
                refused.append(((index, session_id), wish))
                continue
            weeks[index] = _aimed(replace(week, sessions=tuple(sessions)))
            made[session_id] = Adjustment(session, now, wish)
        return tuple(weeks), made, refused

    def _stands(self, weeks: Weeks) -> bool:
        found = self._broken(weeks)
        return all(amount <= self._known.get(place, 0.0) + 1e-9 for place, amount in found.items())

    def _broken(self, weeks: Weeks) -> dict[tuple[str, str], float]:
        """Return how far each guard is missed, by guard and place; two sessions of a day can miss the same."""
        today = self.athlete.today
        return _worst(plan_breaches(today, weeks, self.athlete, self.goal, self.state), today)


def _worst(breaches: Iterable[Breach], start: date) -> dict[tuple[str, str], float]:
    worst: dict[tuple[str, str], float] = defaultdict(float)
    for breach in breaches:
        place = (breach.guard, where(breach, start))
        worst[place] = max(worst[place], breach.amount)
    return dict(worst)


def _load(sessions: Iterable[PlannedSession]) -> float:
    """Return a week's training load, TSS; the race is no part of it."""
    return sum(session.load for session in sessions if session.kind != "race")


def _aimed(week: PlannedWeek) -> PlannedWeek:
    """Return a week whose target is what its sessions were made for, as the builder of weeks keeps it."""
    done = _load(week.sessions)
    near = abs(done - week.target_load) <= 0.9 * g.target_tolerance(week.target_load)
    return week if near else replace(week, target_load=round(done, 1))


def _weeks_in_phase(weeks: Weeks) -> Iterable[int]:
    """Return each week's place in its phase, from 1, as frames count it."""
    count, last = 0, None
    for week in weeks:
        count, last = (count + 1 if week.phase == last else 1), week.phase
        yield count
