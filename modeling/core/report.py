"""A fit's report: parameters with intervals, what is identified, how well it predicted, and the grade that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from modeling.core.errors import FitError
from modeling.core.identifiability import identifiability
from modeling.core.posterior import Estimate, PosteriorFit, fit_posterior
from modeling.core.priors import DEFAULT_PRIORS, PRIOR_GRID, Priors
from modeling.core.series import LoadSeries, PerformanceTest
from modeling.core.validation import Skill, Validation, next_test_error, rolling_origin
from modeling.core.varpro import bootstrap, fit_least_squares

MIN_TESTS: Final = 5
MIN_VALIDATED: Final = 3
# Longer histories are validated on their latest tests: the answer hardly moves, the time would.
VALIDATED: Final = 40
VALIDATED_PRIORS: Final = 12


@dataclass(frozen=True)
class FitReport:
    """The report; `as_dict` is its JSON."""

    method: str
    grade: str
    estimates: dict[str, Estimate]
    sse: float
    tests: tuple[PerformanceTest, ...]
    validation: Validation
    prior_sensitivity: list[dict[str, Any]]
    identifiability: dict[str, Any]
    at_bound: bool | None
    warnings: list[str]
    priors: str = DEFAULT_PRIORS.name

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON; parameters, grade and skill stand at the top."""
        check = self.validation
        return {
            "method": self.method,
            "priors": self.priors,
            "grade": self.grade,
            **{name: _estimate(estimate) for name, estimate in self.estimates.items()},
            "sse": self.sse,
            "n_tests": len(self.tests),
            "skill_vs_last": _skill(check.skill("last test")),
            "skill_vs_trend": _skill(check.skill("trend")),
            "validation": {
                "n": check.n,
                "errors": {name: check.mean_error(name) for name in check.errors},
                "coverage80": float(check.covered80.mean()) if check.n else None,
                "coverage95": float(check.covered95.mean()) if check.n else None,
            },
            "prior_sensitivity": self.prior_sensitivity,
            "identifiability": self.identifiability,
            "at_bound": self.at_bound,
            "warnings": self.warnings,
        }


def fit_report(
    series: LoadSeries,
    tests: Sequence[PerformanceTest],
    *,
    method: str = "posterior",
    ratio: float = 1.5,
    priors: Priors = DEFAULT_PRIORS,
) -> FitReport:
    """Fit by "posterior" or "least-squares" and report; errors and grade are those under these priors.

    Raises:
        FitError: no test or no load; for least squares also fewer than five tests, or all on one day.
    """
    fit = fit_posterior(series, tests, priors=priors)
    check = rolling_origin(series, fit.tests, last=VALIDATED, priors=priors)
    warnings = _warnings(fit)
    if method == "posterior":
        estimates, sse, at_bound = fit.parameters(), _sse(fit), None
    elif method == "least-squares":
        estimates, sse, at_bound = _least_squares(series, fit.tests, ratio)
        if at_bound:
            warnings.append(
                f"The optimum sits on the bound τ1 = {ratio:g}·τ2: the tests do not tell the time constants."
            )
    else:
        raise FitError(f"{method!r} is no method; there are posterior and least-squares", field="method")
    names = [label for key, label in (("tau1", "τ1"), ("tau2", "τ2")) if not estimates[key].identified]
    if names:
        warnings.append(
            f"{' and '.join(names)} not identified: the tests narrow what was believed before them too little."
        )
    return FitReport(
        method=method,
        grade=grade_of(fit, check),
        estimates=estimates,
        sse=sse,
        tests=fit.tests,
        validation=check,
        prior_sensitivity=_prior_sensitivity(series, fit.tests) if check.n else [],
        identifiability=identifiability(fit),
        at_bound=at_bound,
        warnings=warnings,
        priors=priors.name,
    )


def grade_of(fit: PosteriorFit, check: Validation) -> str:
    """Return the grade, which decides what a pipeline may claim.

    population: fewer than five tests, or fewer than three distinct test days: the priors speak.
    calibrated: at least three tests predicted out of sample with a smaller error than both the last test and the trend,
        and the 80 % intervals held at least 60 % of them.
    provisional: anything between.
    """
    if fit.n_tests < MIN_TESTS or len({test.day for test in fit.tests}) < 3:
        return "population"
    ours = check.mean_error("posterior")
    if check.n < MIN_VALIDATED or ours is None:
        return "provisional"
    better = all(ours < (check.mean_error(name) or 0.0) for name in ("last test", "trend"))
    return "calibrated" if better and check.covered80.mean() >= 0.6 else "provisional"


def _warnings(fit: PosteriorFit) -> list[str]:
    warnings = []
    if fit.n_tests < MIN_TESTS:
        warnings.append(f"{fit.n_tests} tests: fewer than five, so the population's values stand in.")
    if len({test.day for test in fit.tests}) == 1 and fit.n_tests > 1:
        warnings.append("All tests are on one day: they tell a level, not how it answers to training.")
    unknown = int((~fit.series.known).sum())
    if unknown:
        warnings.append(f"{unknown} days lie in gaps of more than 21 days without any record: unknown, not rest.")
    return warnings


def _prior_sensitivity(series: LoadSeries, tests: Sequence[PerformanceTest]) -> list[dict[str, Any]]:
    """Return the next-test error under the default and under every other plausible prior, on the same tests."""
    return [
        {"priors": priors.name, "mean error %": next_test_error(series, tests, priors, last=VALIDATED_PRIORS)}
        for priors in (DEFAULT_PRIORS, *PRIOR_GRID)
    ]


def _least_squares(
    series: LoadSeries, tests: Sequence[PerformanceTest], ratio: float
) -> tuple[dict[str, Estimate], float, bool]:
    fit = fit_least_squares(series, tests, ratio=ratio)
    intervals = bootstrap(series, tests, ratio=ratio).intervals
    estimates = {}
    for name in ("tau1", "tau2", "k1", "k2", "p0"):
        low, high = intervals[name]
        value = float(getattr(fit, name))
        narrow = high - low < 0.5 * abs(value)
        estimates[name] = Estimate(value, min(low, value), max(high, value), bool(narrow and not fit.at_bound))
    return estimates, fit.sse, fit.at_bound


def _sse(fit: PosteriorFit) -> float:
    """Return the sum of squared errors of the posterior mean at its own tests, performance squared (in-sample)."""
    days = np.array([fit.series.index(test.day) for test in fit.tests], dtype=np.float64)
    at = fit.predict_at(days, fit.series.loads, level=0.8, kind="lab", same_day=True)
    return float(np.sum((at.mean - np.array([test.value for test in fit.tests])) ** 2))


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": estimate.value,
        "interval": [estimate.low, estimate.high],
        "identified": estimate.identified,
        "level": estimate.level,
    }


def _skill(skill: Skill | None) -> dict[str, float] | None:
    return {"value": skill.value, "low": skill.low, "high": skill.high} if skill else None
