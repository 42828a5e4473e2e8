"""Logistic regression with calibration on athletes that it has not seen. Pure; needs scikit-learn.

The penalty keeps rare cells near the average; Platt's line (Platt 1999) takes back what the penalty and chance did to
the spread of the predictions, learned from out-of-fold scores. Isotonic regression was worse on small cohorts
(docs/decisions/0011).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.training.columns import TrainingSet
from modeling.training.split import folds, shares

Array = NDArray[Any]

FOLDS: Final = 3
MOST_ROWS: Final = 120_000
"""More rows move a hundred coefficients by less than their rounding matters; those kept are whole athletes."""
PENALTY: Final = 0.1
DIGITS: Final = 6
STEEPEST: Final = 2.0


@dataclass(frozen=True)
class Fitted:
    """log odds = slope · (x·weights + intercept) + offset; weights in the order of the features.

    held_out: out-of-fold probabilities, calibrated, one a row that was learned from.
    """

    weights: Array
    intercept: float
    slope: float
    offset: float
    held_out: Array

    def as_json(self) -> dict[str, Any]:
        return {
            "weights": [round(float(one), DIGITS) for one in self.weights],
            "intercept": round(self.intercept, DIGITS),
            "slope": round(self.slope, DIGITS),
            "offset": round(self.offset, DIGITS),
        }


def sampled(training: TrainingSet, most: int = MOST_ROWS) -> Array:
    """Return the rows to learn from: about `most` at most, of whole athletes, the same ones each time."""
    if len(training) <= most:
        return np.arange(len(training))
    chosen = shares(training.athletes, salt="sample") < most / len(training)
    return np.flatnonzero(chosen[training.athlete])


def fit_logistic(matrix: Array, target: Array, fold: Array, *, penalty: float = PENALTY) -> Fitted:
    """Fit, cross-fit by fold, and calibrate.

    Args:
        target: (n,) in [0, 1]; a half counts as half a case of each.
        fold: (n,) of which fold each row is; no row is scored by a fit that saw its fold.

    Raises:
        ValueError: the target has one value only.
    """
    if target.min() == target.max():
        raise ValueError("there is only one outcome")
    scores = np.empty(len(target))
    for number in np.unique(fold):
        inside = fold == number
        seen = ~inside
        if not seen.any() or target[seen].min() == target[seen].max():
            scores[inside] = _log_odds(float(target.mean()))
        else:
            weights, intercept = _fit(matrix[seen], target[seen], penalty)
            scores[inside] = matrix[inside] @ weights + intercept
    slope, offset = platt(scores, target)
    weights, intercept = _fit(matrix, target, penalty)
    return Fitted(weights, intercept, slope, offset, sigmoid(slope * scores + offset))


def platt(scores: Array, target: Array) -> tuple[float, float]:
    """Return slope and offset of the line of log odds on scores; never falling, and never steeper than 2."""
    if np.ptp(scores) < 1e-9:
        return 1.0, _log_odds(float(target.mean())) - float(scores.mean())
    weights, offset = _fit(scores[:, None], target, 1e6)
    slope = float(np.clip(weights[0], 0.0, STEEPEST))
    if slope != weights[0]:
        offset = _matching_offset(slope * scores, float(target.mean()))
    return slope, offset


def sigmoid(odds: Array) -> Array:
    """Return probabilities of log odds."""
    found: Array = 1.0 / (1.0 + np.exp(-np.clip(odds, -40.0, 40.0)))
    return found


def fractional(target: Array) -> tuple[Array, Array, Array]:
    """Return rows, outcomes and weights in which a half is half a case of each outcome."""
    yes, no = np.flatnonzero(target > 0), np.flatnonzero(target < 1)
    outcome = np.concatenate([np.ones(len(yes)), np.zeros(len(no))])
    return np.concatenate([yes, no]), outcome, np.concatenate([target[yes], 1 - target[no]])


def fit_by_athlete(training: TrainingSet, targets: Mapping[str, Array]) -> dict[str, Fitted]:
    """Fit targets of one training set (by name, one value a row), its athletes in folds.

    A target that has one value only among the rows that are learned from is left out.
    """
    rows = sampled(training)
    used = training.take(rows)
    matrix, fold = used.encode(), folds(used, FOLDS)
    learned = {name: target[rows].astype(np.float64) for name, target in targets.items()}
    return {name: fit_logistic(matrix, one, fold) for name, one in learned.items() if one.min() < one.max()}


def _fit(matrix: Array, target: Array, penalty: float) -> tuple[Array, float]:
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    rows, outcome, weight = fractional(target)
    if len(rows) == len(target):
        # Nothing is a half: the rows as they are, without a copy.
        rows, outcome, weight = np.arange(len(target)), target, np.ones(len(target))
    learner = LogisticRegression(C=penalty, solver="newton-cholesky", max_iter=100, tol=1e-6)
    # One thread: sums do not depend on who is first, and two threads wait for each other on a busy machine.
    with threadpool_limits(1):
        learner.fit(matrix if len(rows) == len(target) else matrix[rows], outcome, sample_weight=weight)
    return learner.coef_[0], float(learner.intercept_[0])


def _log_odds(share: float) -> float:
    bounded = min(max(share, 1e-6), 1 - 1e-6)
    return float(np.log(bounded / (1 - bounded)))


def _matching_offset(odds: Array, share: float) -> float:
    """Return the offset at which the mean probability is `share`, by bisection."""
    low, high = -40.0, 40.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if sigmoid(odds + middle).mean() < share else (low, middle)
    return (low + high) / 2
