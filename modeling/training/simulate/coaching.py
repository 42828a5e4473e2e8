"""A synthetic cohort of coaches and athletes as a feature store, with planted habits. Deterministic for a seed.

Week after week the machine proposes a plan, a coach looks, changes some sessions, the athlete accepts and trains. In
some weeks life gets in the way (a reason), which shows as overrides of that week. What is planted: rules (after such a
week some coaches change sessions of a kind), and effects of the weekday on completion. Without rules every coach
changes sessions at a rate of their own that has nothing to do with the context: the null cohort.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.learned.context import LEVELS, REASONS
from modeling.training.simulate.coaching_tables import DAY, SLOTS, athlete_tables, plan_tables
from modeling.training.simulate.tables import empty_tables

if TYPE_CHECKING:
    import pyarrow as pa

Array = NDArray[Any]

_EPOCH: Final = date(1970, 1, 1)
_SLOT_DAYS: Final = (0, 1, 3, 4, 6)


@dataclass(frozen=True, slots=True)
class Rule:
    """A planted habit: after a week with a reason, some coaches shorten (or lengthen) sessions of a kind.

    factor: minutes after over before. coaches: share of coaches who have the habit. chance: how often they follow it.
    """

    kind: str = "long"
    reason: str = "travel"
    factor: float = 0.88
    coaches: float = 0.75
    chance: float = 0.9


@dataclass(frozen=True)
class Coaching:
    """What a cohort is made of. athletes × weeks × 5 sessions are proposed.

    rates: how often a coach changes a session for no reason that the context knows. coach_spread: standard deviation
    between coaches, on the log odds. looked_at: share of proposals that a coach looks at at all. completion: log odds
    that a session is done; by_weekday: added to it; athlete_spread: standard deviation between athletes.
    """

    athletes: int = 200
    coaches: int = 12
    weeks: int = 20
    rules: tuple[Rule, ...] = ()
    rates: Mapping[str, float] = field(
        default_factory=lambda: {"volume": 0.06, "swap": 0.03, "move": 0.04, "rest": 0.02}
    )
    coach_spread: float = 0.4
    looked_at: float = 0.9
    reason_weeks: float = 0.2
    reasons: tuple[str, ...] = ("travel", "illness", "time_constraint")
    completion: float = 1.5
    by_weekday: Mapping[int, float] = field(default_factory=dict)
    athlete_spread: float = 0.5
    start: date = date(2025, 1, 6)
    seed: int = 0


PLANTED: Final = Coaching(rules=(Rule(),), by_weekday={0: 0.8, 4: -1.0})


def simulate_coaching(of: Coaching = PLANTED) -> dict[str, pa.Table]:
    """Return every table of the store, filled with a synthetic cohort (`is_synthetic` is true for all of it).

    Raises:
        ValueError: fewer than one athlete, coach or week, or a start that is not a Monday.
    """
    if min(of.athletes, of.coaches, of.weeks) < 1 or of.start.weekday():
        raise ValueError("a cohort has athletes, coaches and weeks, and starts on a Monday")
    draw = np.random.default_rng(of.seed)
    who = _people(of, draw)
    sessions = _sessions(of, who, draw)
    habits = _adjusted(of, who, sessions, draw)
    return empty_tables() | plan_tables(of, who, sessions, habits) | athlete_tables(of, who, sessions, habits, draw)


def _people(of: Coaching, draw: np.random.Generator) -> dict[str, Array]:
    athletes = np.arange(of.athletes)
    shape = (of.athletes, of.weeks)
    begins = (of.start - _EPOCH).days + 7 * draw.integers(0, 8, of.athletes)
    monday = begins[:, None] + 7 * np.arange(of.weeks)[None, :]
    decided = (monday - 3) * DAY + draw.integers(0, 12 * 3600, shape) * 1_000_000
    submitted = decided + draw.integers(4 * 3600, 30 * 3600, shape) * 1_000_000
    reason = np.where(draw.random(shape) < of.reason_weeks, draw.integers(0, max(len(of.reasons), 1), shape), -1)
    return {
        "coach": athletes % of.coaches,
        "level": draw.integers(0, len(LEVELS), of.athletes),
        "sport": (draw.random(of.athletes) < 0.4).astype(np.int64),
        "birth_year": draw.integers(1960, 2006, of.athletes),
        "effect": draw.normal(0.0, of.athlete_spread, of.athletes),
        "monday": monday,
        "decided": decided,
        "submitted": submitted,
        "accepted": submitted + draw.integers(3600, 20 * 3600, shape) * 1_000_000,
        "looked": draw.random(shape) < of.looked_at,
        "reason": reason if of.reasons else np.full(shape, -1),
        "habit": np.array([draw.permutation(of.coaches) < round(rule.coaches * of.coaches) for rule in of.rules]),
        "coach_effect": draw.normal(0.0, of.coach_spread, of.coaches),
    }


def _sessions(of: Coaching, who: dict[str, Array], draw: np.random.Generator) -> dict[str, Array]:
    """Return what is proposed, flat: athlete by athlete, week by week, five sessions each."""
    n, each = of.athletes * of.weeks * len(SLOTS), len(SLOTS)
    slot = np.tile(np.arange(each), of.athletes * of.weeks)
    week = np.repeat(np.tile(np.arange(of.weeks), of.athletes), each)
    athlete = np.repeat(np.arange(of.athletes), of.weeks * each)
    turn = np.repeat(draw.integers(0, 7, of.athletes * of.weeks), each)
    weekday = (np.array(_SLOT_DAYS)[slot] + turn) % 7
    usual = np.array([minutes for _, minutes, _ in SLOTS])[slot] * (0.8 + 0.15 * who["level"][athlete])
    minutes = 5.0 * np.round(usual * np.exp(draw.normal(0, 0.1, n)) / 5.0)
    return {
        "athlete": athlete,
        "week": week,
        "slot": slot,
        "day": who["monday"][athlete, week] + weekday,
        "weekday": weekday,
        "minutes": minutes,
        "load": np.round(minutes * np.array([tss for *_, tss in SLOTS])[slot], 1),
    }


def _adjusted(
    of: Coaching, who: dict[str, Array], sessions: dict[str, Array], draw: np.random.Generator
) -> dict[str, Array]:
    """Return what coaches do to each session: flags by adjustment, factor, shift, reason (index of REASONS or -1)."""
    n = len(sessions["day"])
    athlete, week = sessions["athlete"], sessions["week"]
    coach = who["coach"][athlete]
    looked = who["looked"][athlete, week]
    done = {}
    for name in ("volume", "swap", "move", "rest"):
        rate = of.rates.get(name, 0.0)
        odds = np.log(rate / (1 - rate)) if rate else -np.inf
        done[name] = (draw.random(n) < 1 / (1 + np.exp(-(odds + who["coach_effect"][coach])))) & looked
    factor = np.exp(draw.normal(0.0, 0.15, n))
    noise = np.array([REASONS.index(name) for name in ("athlete_preference", "coach_judgement", "equipment")] + [-1])
    reason = noise[draw.integers(0, len(noise), n)]
    # A week in which life gets in the way: about half of its sessions are changed, and the reason is given.
    codes = np.array([REASONS.index(name) for name in of.reasons] or [-1])
    hit = looked & (who["reason"][athlete, week] >= 0) & (draw.random(n) < 0.5)
    shorten = draw.random(n) < 0.7
    done["volume"] |= hit & shorten
    done["rest"] |= hit & ~shorten
    factor = np.where(hit, np.exp(draw.normal(-0.2, 0.1, n)), factor)
    reason = np.where(hit, codes[who["reason"][athlete, week]], reason)
    _follow_rules(of, who, sessions, draw, done, factor, reason, hit)
    for name in ("volume", "swap", "move"):
        done[name] &= ~done["rest"]
    changed = done["volume"] | done["swap"] | done["move"] | done["rest"]
    shift = np.where(draw.random(n) < 0.5, 1, -1)
    return done | {
        "factor": np.round(factor, 4),
        "shift": shift,
        "reason": np.where(changed, reason, -1),
        "changed": changed,
    }


def _follow_rules(
    of: Coaching,
    who: dict[str, Array],
    sessions: dict[str, Array],
    draw: np.random.Generator,
    done: dict[str, Array],
    factor: Array,
    reason: Array,
    hit: Array,
) -> None:
    """Apply the planted habits where the week before had the reason, was looked at and shows it."""
    athlete, week = sessions["athlete"], sessions["week"]
    kind = np.array([name for name, *_ in SLOTS])[sessions["slot"]]
    shown = np.zeros((of.athletes, of.weeks), dtype=np.bool_)
    np.logical_or.at(shown, (athlete[hit], week[hit]), True)
    for index, rule in enumerate(of.rules):
        before = shown & (who["reason"] == of.reasons.index(rule.reason))
        after = np.zeros_like(before)
        after[:, 1:] = before[:, :-1]
        follows = (
            after[athlete, week]
            & (kind == rule.kind)
            & who["looked"][athlete, week]
            & who["habit"][index][who["coach"][athlete]]
            & (draw.random(len(week)) < rule.chance)
            & ~hit
        )
        done["volume"] |= follows
        done["rest"] &= ~follows
        factor[follows] = rule.factor * np.exp(draw.normal(0.0, 0.03, int(follows.sum())))
        reason[follows] = -1
