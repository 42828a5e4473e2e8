"""An athlete's model as people look at it: the report, and the curves behind the charts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from accounts.models import Athlete
from common.context import current_actor
from common.errors import InvalidInput
from modeling.core.conventions import pmc
from modeling.core.errors import FitError
from modeling.core.posterior import fit_posterior
from modeling.core.priors import DEFAULT_PRIORS, Priors
from modeling.learned.algorithm import LearnedAlgorithm
from modeling.models import Fit
from modeling.policies import Actor
from modeling.selectors import FitInputs, fit_inputs
from modeling.services.fit_athlete import fit_athlete, priors_of
from modeling.versions import champion

LEVEL: Final = 0.8
PERFORMANCE_UNIT: Final = {"running": "VDOT", "cycling": "W"}


@dataclass(frozen=True)
class Curves:
    """Daily series over the window: each entry is the morning of its day."""

    days: list[date]
    load: list[float]
    fitness: list[float]
    fatigue: list[float]
    form: list[float]
    performance: list[float]
    performance_low: list[float]
    performance_high: list[float]
    tests: list[dict[str, Any]]
    unit: str
    level: float = LEVEL


@dataclass(frozen=True)
class ModelView:
    """The stored fit and its curves."""

    fit: Fit
    curves: Curves

    def as_dict(self) -> dict[str, Any]:
        return {
            "fit_id": self.fit.pk,
            "grade": self.fit.grade,
            "fitted_at": self.fit.created_at,
            "report": self.fit.report,
            "series": self.curves,
        }


def model_view(athlete: Athlete, algorithm: LearnedAlgorithm | None = None) -> ModelView:
    """Return an athlete's model by a version's priors (by default of the one that plans), fitted now if no fit holds.

    The caller authorised.

    Raises:
        InvalidInput: there is no history to fit.
    """
    version = algorithm or champion()
    actor: Actor = current_actor()  # type: ignore[assignment]
    fit = fit_athlete(athlete_id=athlete.pk, acting_user=actor, algorithm=version)
    inputs = fit_inputs(athlete)
    if inputs is None:
        raise InvalidInput(f"{athlete} has no training loads yet; import a history first.")
    return ModelView(fit, curves_of(inputs, athlete.sport, priors=priors_of(athlete, version)))


def curves_of(inputs: FitInputs, sport: str, *, last: int | None = None, priors: Priors = DEFAULT_PRIORS) -> Curves:
    """Return the curves of a window, or of its `last` days; without a single test there is no performance curve."""
    series = inputs.series
    states = pmc(np.asarray(series.loads))
    n = len(series.loads)
    shown = np.arange(max(n - (last or n), 0), n)
    bands = _performance(inputs, shown, priors)
    return Curves(
        days=[series.start + timedelta(days=int(i)) for i in shown],
        load=_rounded(series.loads[shown]),
        fitness=_rounded(states.ctl[shown]),
        fatigue=_rounded(states.atl[shown]),
        form=_rounded(states.tsb[shown]),
        performance=_rounded(bands[0]),
        performance_low=_rounded(bands[1]),
        performance_high=_rounded(bands[2]),
        tests=[{"day": t.day, "value": t.value, "kind": t.kind} for t in inputs.tests],
        unit=PERFORMANCE_UNIT[sport],
    )


def planned_curves(
    inputs: FitInputs, future_loads: NDArray[np.float64], *, priors: Priors = DEFAULT_PRIORS
) -> dict[str, list[float]]:
    """Return what planned loads do: states and performance on each morning from the day after the series' end."""
    n, m = len(inputs.series.loads), len(future_loads)
    loads = np.concatenate([inputs.series.loads, future_loads])
    states = pmc(loads)
    ahead = np.arange(n, n + m)
    mean, low, high = _performance(inputs, ahead, priors, future_loads)
    return {
        "fitness": _rounded(states.ctl[ahead]),
        "fatigue": _rounded(states.atl[ahead]),
        "form": _rounded(states.tsb[ahead]),
        "performance": _rounded(mean),
        "low": _rounded(low),
        "high": _rounded(high),
    }


def _performance(
    inputs: FitInputs, days: NDArray[np.int64], priors: Priors, future_loads: NDArray[np.float64] | None = None
) -> list[NDArray[np.float64]]:
    """Return mean, low and high on the mornings of the given days, empty where there is no test to fit."""
    loads = inputs.series.loads if future_loads is None else np.concatenate([inputs.series.loads, future_loads])
    try:
        fit = fit_posterior(inputs.series, inputs.tests, priors=priors)
    except FitError:
        return [np.zeros(0)] * 3
    at = fit.predict_at(days.astype(np.float64), loads, level=LEVEL, kind="race")
    return [at.mean, at.low, at.high]


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [float(v) for v in np.round(values, 2)]
