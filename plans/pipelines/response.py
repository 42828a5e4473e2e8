"""How race-day performance answers to the loads of a plan: population constants, or an athlete's own fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from modeling.core.guards import Floats
from plans.pipelines.contract import AthleteSnapshot, RaceGoal

if TYPE_CHECKING:
    from modeling.core.posterior import PosteriorFit
    from modeling.core.prediction import RaceDayResponse

TAU1, TAU2 = 42.0, 7.0
FITNESS, FATIGUE = 0.25, 0.10
"""Size of fitness and fatigue at the usual load, relative to performance: the centre of the fit's priors."""
MODEL_VERSION: Final = "population-42/7-1"


@dataclass(frozen=True)
class Response:
    """`gains`: (n_days,) performance a TSS on each day of the plan before the race; `prediction` None: none is known.

    gap_days: days between the end of the fitted series and the plan's start, which hold no load.
    """

    gains: Floats
    grade: str
    model_version: str
    parameters: dict[str, Any]
    prediction: RaceDayResponse | None = None
    gap_days: int = 0

    def performance(self, loads: Floats) -> tuple[float, float, float] | None:
        """Return expected performance on race morning with its 80 % interval, on the sport's scale."""
        if self.prediction is None:
            return None
        whole = np.concatenate([np.zeros(self.gap_days), loads])
        low, high = self.prediction.interval(whole, level=0.8)
        return float(self.prediction.expected(whole)), float(low), float(high)


def population_gains(n_days: int) -> Floats:
    """Return the gains of Banister's model with 42 and 7 days, (n_days,), relative performance a unit of usual load."""
    left = n_days - np.arange(n_days, dtype=np.float64)
    return FITNESS / TAU1 * np.exp(-left / TAU1) - FATIGUE / TAU2 * np.exp(-left / TAU2)


def population_response(athlete: AthleteSnapshot, goal: RaceGoal) -> Response:
    """Return the response of everybody (42/7), its level taken from the athlete's own tests where there are any."""
    n_days = (goal.race_date - athlete.today).days
    parameters = {name: {"value": value, "low": None, "high": None} for name, value in (("tau1", TAU1), ("tau2", TAU2))}
    fit = _population_fit(athlete)
    prediction, gap = _race_day(athlete, fit, n_days) if fit is not None else (None, 0)
    return Response(population_gains(n_days), "population", MODEL_VERSION, parameters, prediction, gap)


def individual_response(athlete: AthleteSnapshot, goal: RaceGoal) -> Response | None:
    """Return the response of the athlete's own fit, None without one."""
    if athlete.fit is None or athlete.series is None:
        return None
    n_days = (goal.race_date - athlete.today).days
    prediction, gap = _race_day(athlete, athlete.fit, n_days)
    gains = np.asarray(prediction.coefficients, dtype=np.float64)[gap:]
    parameters = {
        name: {"value": e.value, "low": e.low, "high": e.high} for name, e in athlete.fit.parameters().items()
    }
    return Response(gains, athlete.grade, "posterior-grid-1", parameters, prediction, gap)


def _race_day(athlete: AthleteSnapshot, fit: PosteriorFit, n_days: int) -> tuple[RaceDayResponse, int]:
    """Return the fit's race morning and the days without load between its series and the plan."""
    assert athlete.series is not None
    gap = max((athlete.today - athlete.series.start).days - len(athlete.series.loads), 0)
    return fit.race_day(n_days + gap), gap


def _population_fit(athlete: AthleteSnapshot) -> PosteriorFit | None:
    """Return the fit that anchors the population's plan to the athlete's tests; with few it is nearly the prior."""
    if athlete.series is None or not athlete.tests:
        return None
    if athlete.fit is not None:
        return athlete.fit
    from modeling.core.errors import FitError
    from modeling.core.posterior import fit_posterior

    try:
        return fit_posterior(athlete.series, athlete.tests, priors=athlete.priors)
    except FitError:
        return None
