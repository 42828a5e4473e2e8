"""Fitting an athlete's model and keeping its report."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import Athlete
from audit.services import record
from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput
from modeling.core.cache_key import MODEL_VERSION, cache_key
from modeling.core.errors import FitError
from modeling.core.priors import Priors
from modeling.core.report import fit_report
from modeling.learned.algorithm import LearnedAlgorithm
from modeling.learned.context import age_group
from modeling.models import Fit
from modeling.policies import Actor, athlete_to_fit
from modeling.selectors import FitInputs, fit_inputs
from modeling.versions import champion
from telemetry.services import emit

METHODS = ("posterior", "least-squares")


def fit_athlete(
    *,
    athlete_id: UUID,
    acting_user: Actor,
    method: str = "posterior",
    ratio: float = 1.5,
    since: date | None = None,
    until: date | None = None,
    algorithm: LearnedAlgorithm | None = None,
) -> Fit:
    """Fit an athlete's history and store the report; the same inputs give the stored one again.

    Args:
        ratio: lower bound of τ1/τ2, for least squares.
        since, until: the window (inclusive); by default everything.
        algorithm: the model version whose priors hold; by default the one that plans.

    Raises:
        NotVisible, NotPermitted: outside the user's scope; not the role's.
        InvalidInput: no loads in the window, tests that cannot be fitted, an unknown method.
    """
    if method not in METHODS:
        raise InvalidInput(f"method must be one of {', '.join(METHODS)}.", pointer="/method")
    with unit_of_work(acting_user):
        athlete = athlete_to_fit(acting_user, athlete_id)
        inputs = fit_inputs(athlete, since=since, until=until)
        if inputs is None:
            raise InvalidInput(f"{athlete} has no training loads to fit; import a history first.")
        priors = priors_of(athlete, algorithm or champion())
        key = cache_key(inputs.series, inputs.tests, method=method, ratio=ratio, priors=priors)
        known = Fit.objects.filter(athlete=athlete, cache_key=key, invalidated_at=None).first()
        return known or _fit_and_store(athlete, inputs, key, method, ratio, priors)


def priors_of(athlete: Athlete, algorithm: LearnedAlgorithm, *, on: date | None = None) -> Priors:
    """Return the priors of an athlete's group in a model version, on a day; today by default."""
    group = age_group(athlete.birth_year, on or clock.today())
    return algorithm.priors_for(sport=athlete.sport, level=athlete.level, age_group=group)


def _fit_and_store(athlete: Athlete, inputs: FitInputs, key: str, method: str, ratio: float, priors: Priors) -> Fit:
    try:
        report: dict[str, Any] = fit_report(
            inputs.series, inputs.tests, method=method, ratio=ratio, priors=priors
        ).as_dict()
    except FitError as error:
        raise InvalidInput(str(error), pointer=f"/{error.field}" if error.field else None) from error
    if inputs.left_out:
        report["warnings"].append(
            f"{inputs.left_out} activities with a load in another unit than {inputs.unit} stay out."
        )
    fit = Fit(
        athlete=athlete,
        cache_key=key,
        method=method,
        grade=report["grade"],
        report=report,
        model_version=MODEL_VERSION,
        window_from=inputs.series.start,
        window_until=inputs.series.end,
        n_tests=report["n_tests"],
    )
    try:
        with transaction.atomic():
            fit.save(force_insert=True)
    except IntegrityError:  # somebody fitted the same inputs at the same time
        return Fit.objects.get(athlete=athlete, cache_key=key, invalidated_at=None)
    metadata = {"method": method, "grade": fit.grade, "n_tests": fit.n_tests, "cache_key": key}
    record("model.fit", target_id=fit.pk, subject_id=athlete.pk, metadata=metadata)
    told = {"athlete": athlete.pk, "fit_id": fit.pk, "method": method, "grade": fit.grade}
    told |= {"n_tests": fit.n_tests, "model_version": fit.model_version}
    emit("model.fitted", aggregate_id=athlete.pk, data=told)
    return fit
