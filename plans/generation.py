"""Putting the lower floors together: an athlete's snapshot, a pipeline's answer within its time, the template if
need be."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from accounts.models import Athlete
from modeling.core.cache_key import cache_key
from modeling.core.conventions import pmc
from modeling.core.errors import FitError
from modeling.core.posterior import PosteriorFit, fit_posterior
from modeling.core.priors import DEFAULT_PRIORS, Priors
from modeling.core.series import LoadSeries
from modeling.learned.algorithm import SHIPPED_ALGORITHM, LearnedAlgorithm
from modeling.learned.context import age_group
from modeling.selectors import FitInputs, counted_activities, fit_inputs, newest_fit
from modeling.thresholds import DatedThresholds
from plans.contexts import known_of
from plans.pipelines.contract import AthleteSnapshot, ProposedPlan, RaceGoal, Thresholds
from plans.pipelines.learned import as_shipped
from plans.pipelines.registry import check_plan, generate

TEMPLATE: Final = "template"
YEAR: Final = 365


@dataclass(frozen=True)
class Generated:
    """A pipeline's answer: which one answered, and how the one that was asked failed, if it did."""

    plan: ProposedPlan
    pipeline: str
    failure: str
    latency_ms: float
    invalid: bool = False
    """The pipeline that was asked proposed a plan that breaks a guard."""
    trouble: str = ""
    """How the model version failed, where the one that ships made the pipeline's plan in its place. The arm of the
    version answers for it; the pipeline answered, so nothing fell back to the template."""


class BrokeGuard(Exception):
    """A pipeline's plan breaks a guard that it did not report as relaxed."""


def snapshot_of(
    athlete: Athlete, today: date, algorithm: LearnedAlgorithm = SHIPPED_ALGORITHM, *, weeks_behind: int = 0
) -> AthleteSnapshot:
    """Return what the pipelines may know of an athlete on a day; later rows are not looked at.

    Args:
        algorithm: the model version that plans. One that cannot give its priors does not plan at all; the version
            that ships does, and the snapshot says why.
        weeks_behind: weeks of the plan that are over, where it is generated again.
    """
    inputs = fit_inputs(athlete, until=today - timedelta(days=1))
    algorithm, fit, grade, trouble = _fit_by(algorithm, athlete, inputs, today)
    weeks, best_ctl = _past_year(inputs.series) if inputs else (0.0, 0.0)
    longest_load, longest_minutes = _longest_session(athlete, today)
    now = DatedThresholds.of(athlete).on(athlete.sport, today)
    return AthleteSnapshot(
        athlete_id=str(athlete.pk),
        sport=athlete.sport,  # type: ignore[arg-type]
        level=athlete.level,  # type: ignore[arg-type]
        age=today.year - athlete.birth_year if athlete.birth_year else None,
        sex=athlete.sex,  # type: ignore[arg-type]
        today=today,
        series=inputs.series if inputs else None,
        tests=inputs.tests if inputs else (),
        longest_session_load_30d=longest_load,
        longest_session_minutes_30d=longest_minutes,
        best_ctl_year=best_ctl,
        median_week_load_year=weeks,
        thresholds=Thresholds(now.ftp_w, now.threshold_pace_s_per_km, now.threshold_hr, now.max_hr),
        fit=fit,
        grade=grade,
        data_hash=cache_key(inputs.series, inputs.tests) if inputs else _hash_of_nothing(athlete),
        load_per_hour_easy=None,
        algorithm=algorithm,
        weeks_behind=weeks_behind,
        trouble=trouble,
        **known_of(athlete, today, algorithm),
    )


def generate_within_budget(
    pipeline: str, athlete: AthleteSnapshot, goal: RaceGoal, *, seed: int, budget_seconds: float
) -> Generated:
    """Run a pipeline; its failure, lateness or a broken guard counts as its own failure, and the template answers
    (I5)."""
    started = time.perf_counter()
    failure, invalid = "", False
    try:
        plan = _within(budget_seconds, lambda: _checked(pipeline, athlete, goal, seed))
    except FutureTimeout:
        failure = f"took longer than {budget_seconds:g} s"
    except BrokeGuard as error:
        failure, invalid = str(error), True
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    if failure:
        if pipeline == TEMPLATE:
            raise RuntimeError(f"the template pipeline failed: {failure}")
        plan = _checked(TEMPLATE, athlete, goal, seed)
    trouble = "" if failure else str(plan.provenance.get("algorithm_trouble", ""))
    took = (time.perf_counter() - started) * 1000
    return Generated(plan, plan.pipeline, failure[:300], took, invalid, trouble[:300])


def _checked(pipeline: str, athlete: AthleteSnapshot, goal: RaceGoal, seed: int) -> ProposedPlan:
    """Return the pipeline's plan; where the model version fails at it, or breaks a guard, the shipped version's.

    Never half of a version: a plan is the one's or the other's, as its provenance says.
    """
    if athlete.algorithm is SHIPPED_ALGORITHM:
        return _guarded(pipeline, athlete, goal, seed)
    try:
        return _guarded(pipeline, athlete, goal, seed)
    except Exception as error:
        return _guarded(pipeline, as_shipped(athlete, _said(athlete.algorithm, error)), goal, seed)


def _said(algorithm: LearnedAlgorithm, error: Exception) -> str:
    return f"version {algorithm.name}, {type(error).__name__}: {error}"[:300]


def _guarded(pipeline: str, athlete: AthleteSnapshot, goal: RaceGoal, seed: int) -> ProposedPlan:
    plan = generate(pipeline, athlete, goal, seed=seed)
    broken = check_plan(plan, athlete, goal)
    if broken:
        raise BrokeGuard(f"broke {len(broken)} guards, first {broken[0]}")
    return plan


def _within(seconds: float, work: Callable[[], ProposedPlan]) -> ProposedPlan:
    """Run pure work in a thread of its own; work that is late is left to end by itself and its answer thrown away."""
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pipeline")
    try:
        return pool.submit(work).result(timeout=seconds)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _fit_by(
    algorithm: LearnedAlgorithm, athlete: Athlete, inputs: FitInputs | None, today: date
) -> tuple[LearnedAlgorithm, PosteriorFit | None, str, str]:
    """Return version, posterior, grade and trouble: with the version's priors, or with the published ones."""
    trouble = ""
    try:
        groups = age_group(athlete.birth_year, today)
        priors = algorithm.priors_for(sport=athlete.sport, level=athlete.level, age_group=groups)
        fit, grade = _fit(athlete, inputs, priors)
    except Exception as error:
        if algorithm is SHIPPED_ALGORITHM:
            raise
        trouble, algorithm = _said(algorithm, error), SHIPPED_ALGORITHM
        fit, grade = _fit(athlete, inputs, DEFAULT_PRIORS)
    return algorithm, fit, grade, trouble


def _fit(athlete: Athlete, inputs: FitInputs | None, priors: Priors) -> tuple[PosteriorFit | None, str]:
    """Return the posterior and the grade of the stored report; without enough tests the population stands in."""
    if inputs is None or not inputs.tests:
        return None, "population"
    stored = newest_fit(athlete, priors=priors)
    try:
        return fit_posterior(inputs.series, inputs.tests, priors=priors), stored.grade if stored else "population"
    except FitError:
        return None, "population"


def _past_year(series: LoadSeries) -> tuple[float, float]:
    """Return the median week load and the best CTL of the last year, TSS a week and a day."""
    loads = np.asarray(series.loads)[-YEAR:]
    whole = len(loads) // 7 * 7
    weeks = loads[len(loads) - whole :].reshape(-1, 7).sum(axis=1) if whole else np.zeros(1)
    active = weeks[weeks > 0]
    best = float(pmc(np.asarray(series.loads)).ctl[-YEAR:].max(initial=0.0))
    return float(np.median(active)) if active.size else 0.0, best


def _longest_session(athlete: Athlete, today: date) -> tuple[float, float]:
    """Return the largest load and the longest duration (minutes) of one session in the last 30 days."""
    rows = counted_activities(athlete).filter(day__gte=today - timedelta(days=30), day__lt=today)
    values = list(rows.values_list("load", "duration_s"))
    return max((v for v, _ in values), default=0.0), max((s / 60 for _, s in values), default=0.0)


def _hash_of_nothing(athlete: Athlete) -> str:
    return hashlib.sha256(f"no history of {athlete.sport} {athlete.level}".encode()).hexdigest()
