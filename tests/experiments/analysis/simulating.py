"""Made-up experiments, day by day: A/A runs that are looked at every day, and arrivals that leak."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from experiments.analysis import (
    Action,
    Arrivals,
    Guardrail,
    NotIdentified,
    Pair,
    Table,
    Tuning,
    Worse,
    estimate,
    fixed,
    sample_ratio,
    sequence,
    watch,
)

DAYS = 30
SPORTS = ("cycling", "running", "triathlon")


@dataclass(frozen=True)
class Setting:
    """Of an A/A run. coach_sd: what a coach's athletes share; coach_arm_sd: what those of one arm share beyond it.

    nested: each coach has one arm (randomised by coach). uneven: a few coaches have most athletes.
    """

    a_day: int = 20
    coaches: int = 0
    coach_sd: float = 0.0
    coach_arm_sd: float = 0.0
    nested: bool = False
    uneven: bool = False
    kind: str = "normal"


SETTINGS = {
    "skewed, CUPED": Setting(kind="skewed"),
    "shares of 10 %": Setting(kind="share"),
    "ratio": Setting(kind="ratio"),
    "24 coaches in both arms": Setting(coaches=24, coach_sd=1.0, coach_arm_sd=0.3),
    "12 coaches in both arms": Setting(coaches=12, coach_sd=1.0, coach_arm_sd=0.3),
    "24 uneven coaches in both arms": Setting(coaches=24, coach_sd=1.0, coach_arm_sd=0.3, uneven=True),
    "24 coaches, an arm each": Setting(coaches=24, coach_sd=0.7, nested=True),
}


def looks(setting: Setting, rng: np.random.Generator) -> Iterator[Pair | NotIdentified]:
    """Yield the estimate of the two equal arms after each day."""
    n = setting.a_day * DAYS
    sizes = rng.dirichlet(np.full(max(setting.coaches, 1), 2.0 if setting.uneven else 1e6))
    arm, coach = rng.integers(0, 2, n), rng.choice(len(sizes), n, p=sizes)
    if setting.nested:
        arm = rng.permutation(np.arange(setting.coaches) % 2)[coach]
    shared = rng.normal(0, setting.coach_sd, (len(sizes), 1))
    shared = shared + rng.normal(0, setting.coach_arm_sd, (len(sizes), 2))
    sport, before = rng.integers(0, len(SPORTS), n), rng.normal(0, 1, n)
    own = 0.5 * sport + 0.7 * before + shared[coach, arm] + rng.normal(0, 1, n)
    values, denominators = _values(setting.kind, own, rng)
    before[rng.random(n) < 0.15] = np.nan
    for day in range(1, DAYS + 1):
        now = slice(0, day * setting.a_day)
        table = Table.of_subjects(
            np.array(["control", "treatment"])[arm[now]],
            values[now],
            denominators=None if denominators is None else denominators[now],
            before=before[now],
            stratum=np.array(SPORTS)[sport[now]],
            cluster=coach[now].astype(str),
        )
        yield estimate(table, "treatment", "control", by_cluster=bool(setting.coaches))


def _values(kind: str, own: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    if kind == "skewed":
        return np.exp(own), None
    if kind == "share":
        return (rng.random(len(own)) < 0.1).astype(float), None
    if kind == "ratio":
        asked = rng.poisson(8, len(own)) + 1.0
        return rng.binomial(asked.astype(int), 1 / (1 + np.exp(-own))).astype(float), asked
    return 10 + own, None


@dataclass(frozen=True)
class False30:
    """Whether a run of 30 looks ever misled: by the sequence, by the fixed test, by the last look, by a guardrail."""

    sequence: bool
    peeking: bool
    at_the_end: bool
    guardrail: bool


def misled(setting: Setting, seed: int) -> False30:
    """Run one A/A experiment."""
    found = list(looks(setting, np.random.default_rng(seed)))
    pairs = [pair for pair in found if isinstance(pair, Pair)]
    planned = setting.a_day * DAYS
    tuning = Tuning(planned)
    daily = [fixed(pair).significant for pair in pairs]
    rail = watch(Guardrail("harm", Worse.BELOW), "treatment", found, planned_n=planned)
    return False30(
        any(sequence(pair, tuning).significant for pair in pairs),
        any(daily),
        daily[-1],
        rail.action is Action.STOP,
    )


def first_alarm(seed: int, *, leak: float, days: int, alpha: float, strata: int = 0, a_day: int = 100) -> int | None:
    """Return the day on which a sample ratio alarms; `leak`: how much of all subjects go from one arm to the other."""
    rng = np.random.default_rng(seed)
    names = [f"s{index}" for index in range(strata)]
    weights = {"control": 0.5, "treatment": 0.5}
    arrivals = []
    for _ in range(days):
        for index, n in enumerate(rng.multinomial(a_day, [1 / max(strata, 1)] * max(strata, 1))):
            control = int(rng.binomial(n, 0.5 + leak))
            counts = {"control": control, "treatment": int(n) - control}
            arrivals.append(Arrivals(counts, weights, names[index] if names else ""))
    found = sample_ratio(arrivals, strata=names, alpha=alpha)
    return None if found.alarmed_at is None else found.alarmed_at // max(strata, 1) + 1
