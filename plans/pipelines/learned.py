"""A plan's sessions as a model version sees them, and the key days that athletes complete best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from modeling.learned.algorithm import SHIPPED_ALGORITHM, AdherenceModel
from modeling.learned.context import SessionContext, season
from modeling.learned.heuristics import names_that_hold
from plans.pipelines.contract import AthleteSnapshot, RaceGoal
from plans.pipelines.frames import WeekFrame
from plans.pipelines.intensity import Intensities
from plans.pipelines.microcycle import KeyDays, Slot, key_day_choices, week_shape

WORTH_MOVING: Final = 0.01
"""Key sessions lie on other days than usual only for so much more completion, summed over the week's key sessions."""
ROUND_MINUTES: Final = 5

Chance = Callable[[str, int], float]


def as_shipped(athlete: AthleteSnapshot, trouble: str = "") -> AthleteSnapshot:
    """Return the athlete as the version that ships sees them: published priors, nothing learned.

    `trouble`: why the version that was asked for does not plan.
    """
    if athlete.algorithm is SHIPPED_ALGORITHM:
        return replace(athlete, trouble=trouble or athlete.trouble)
    shipped = replace(athlete, algorithm=SHIPPED_ALGORITHM, trouble=trouble)
    fit = athlete.fit
    if fit is None or fit.priors == shipped.priors:
        return shipped
    from modeling.core.posterior import fit_posterior

    return replace(shipped, fit=fit_posterior(fit.series, fit.tests, priors=shipped.priors))


def session_context(
    athlete: AthleteSnapshot,
    goal: RaceGoal,
    *,
    day: date,
    kind: str,
    phase: str,
    is_recovery: bool,
    week_number: int,
    minutes: float,
    load: float,
    key_session: bool,
) -> SessionContext:
    """Return a session in its context, as known on the day of the plan. `week_number`: of this proposal, from 1."""
    monday = day - timedelta(days=day.weekday())
    race_monday = goal.race_date - timedelta(days=goal.race_date.weekday())
    group = athlete.group
    found = SessionContext(
        sport=group["sport"],
        level=group["level"],
        age_group=group["age_group"],
        tier=athlete.tier,
        season=season(day),
        kind=kind,
        phase=phase,
        weekday=day.weekday(),
        minutes=minutes,
        load=load,
        key_session=key_session,
        is_recovery=is_recovery,
        week_number=athlete.weeks_behind + week_number,
        weeks_to_race=(race_monday - monday).days // 7,
        load_ratio=athlete.load_ratio,
        adherence_28d=athlete.adherence_28d,
        coach_share=athlete.coach_share,
        reasons_before=athlete.reasons_of_week.get(monday - timedelta(days=7), frozenset()),
    )
    names = names_that_hold(athlete.algorithm.heuristics, found)
    return replace(found, heuristics=names) if names else found


@dataclass(frozen=True)
class KeyDayChooser:
    """Chooses the days of key sessions by the probability that they are completed."""

    model: AdherenceModel
    athlete: AthleteSnapshot
    goal: RaceGoal
    intensities: Intensities

    def ranked(self, frame: WeekFrame, expected: float) -> list[KeyDays]:
        """Return the days for a week of `expected` TSS, best first; where little is to be gained the usual ones are.

        Which of them the race and the week before leave possible is for the caller to see.
        """
        athlete = self.athlete
        choices = key_day_choices(frame.phase, athlete.level, self.goal.available_days, is_recovery=frame.is_recovery)
        usual = choices[0]
        sizes = {slot.kind: slot.share * expected for slot in _key_slots(self._slots(frame, usual))}
        if len(choices) == 1 or not sizes:
            return [usual]
        chance = self._chances(frame, sizes)
        scores = {days: self._score(frame, days, chance) for days in choices}
        enough = scores[usual] + WORTH_MOVING
        better = [days for days in choices[1:] if scores[days] >= enough]
        better.sort(key=lambda days: (-round(scores[days], 6), choices.index(days)))
        return [*better, usual]

    def _slots(self, frame: WeekFrame, days: KeyDays) -> Sequence[Slot]:
        return week_shape(
            self.athlete.sport,
            self.goal.race,
            frame.phase,
            self.athlete.level,
            self.goal.available_days,
            is_recovery=frame.is_recovery,
            days=days,
        ).slots

    def _score(self, frame: WeekFrame, days: KeyDays, chance: Chance) -> float:
        return sum(chance(slot.kind, slot.weekday) for slot in _key_slots(self._slots(frame, days)))

    def _chances(self, frame: WeekFrame, sizes: dict[str, float]) -> Chance:
        """Return the probability by kind and weekday; a session is as long as its share of the week makes it."""

        @lru_cache(maxsize=64)
        def chance(kind: str, weekday: int) -> float:
            load = sizes.get(kind, 0.0)
            hours = load / self.intensities.load_per_hour(kind)
            context = session_context(
                self.athlete,
                self.goal,
                day=frame.monday + timedelta(days=weekday),
                kind=kind,
                phase=frame.phase,
                is_recovery=frame.is_recovery,
                week_number=frame.number,
                minutes=float(max(round(hours * 60 / ROUND_MINUTES), 1) * ROUND_MINUTES),
                load=round(load, 1),
                key_session=True,
            )
            return float(self.model.probability(context))

        return chance


def _key_slots(slots: Sequence[Slot]) -> list[Slot]:
    return [slot for slot in slots if slot.key_session]
