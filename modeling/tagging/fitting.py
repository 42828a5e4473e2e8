"""Fitting the model: one logistic regression a tag over hashed features, calibrated on texts that it did not see.

One-vs-rest, since a comment may have several tags. The scores of a regression on a few hundred texts are too timid, so
a second regression of each tag (Platt 1999) turns scores from held-out groups into probabilities: a coach is to read
0.8 as "four times out of five". The threshold of a tag is the one with the best F1 there. The same examples give the
same model: nothing is random.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.tagging.features import Row, matrix_of, row_of
from modeling.tagging.model import TagModel, rounded
from modeling.tagging.seed import Example, seed
from modeling.tagging.tags import MODELLED

FOLDS: Final = 5
STRENGTH: Final = 3.0
"""The inverse of the penalty, as scikit-learn has it; 3, 10 and 30 differ by less than 0.01 of mean F1."""
CALIBRATION_STRENGTH: Final = 10.0
THRESHOLDS: Final = np.round(np.arange(0.25, 0.71, 0.05), 2)

Numbers = NDArray[np.float64]


def is_available() -> bool:
    """Return whether scikit-learn is installed (the extra `[ml]`); without it nothing is tagged."""
    return importlib.util.find_spec("sklearn") is not None


def folds(groups: Sequence[str], count: int = FOLDS) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield (learnt from, held out) as positions; a group is never in both.

    Groups go round the folds in the order in which they first occur, which spreads tags that stand together.
    """
    number = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    fold = np.array([number[group] % count for group in groups])
    for i in range(count):
        yield np.flatnonzero(fold != i), np.flatnonzero(fold == i)


def fit(examples: Sequence[Example]) -> TagModel:
    """Return the model of these examples.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: a tag has no example, or no example is without it.
    """
    matrix = matrix_of([kept_row(example.text) for example in examples])
    wanted = wanted_of(examples)
    weights = np.array([example.weight for example in examples])
    if not (wanted.any(axis=0) & ~wanted.all(axis=0)).all():
        raise ValueError("each tag needs examples with it and examples without it")
    held_out = np.zeros(wanted.shape)
    for learn, hold in folds([example.group for example in examples]):
        coefficients, intercepts = _regressions(matrix[learn], wanted[learn], weights[learn])
        held_out[hold] = matrix[hold] @ coefficients.T + intercepts
    slopes, shifts = _calibrated(held_out, wanted, weights)
    probabilities = 1.0 / (1.0 + np.exp(-(held_out * slopes + shifts)))
    thresholds = [_threshold(probabilities[:, i], wanted[:, i], weights) for i in range(len(MODELLED))]
    coefficients, intercepts = _regressions(matrix, wanted, weights)
    return TagModel(*map(rounded, (coefficients, intercepts, slopes, shifts, np.array(thresholds))))


@functools.cache
def seed_model() -> TagModel:
    """Return the model of the seed set alone, made once a process.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    return fit(seed())


def wanted_of(examples: Sequence[Example]) -> NDArray[np.bool_]:
    """Return examples × modelled tags: which example has which."""
    return np.array([[tag in example.tags for tag in MODELLED] for example in examples], dtype=bool)


# Cross-validation asks for the rows of the seed set again and again; a correction's text is never kept.
_rows_of_seed: dict[str, Row] = {}


def kept_row(text: str) -> Row:
    """Return a text's row; those of the seed set are made once a process."""
    if not _rows_of_seed:
        _rows_of_seed.update({example.text: row_of(example.text) for example in seed()})
    return _rows_of_seed.get(text) or row_of(text)


def _regressions(matrix: Any, wanted: NDArray[np.bool_], weights: Numbers) -> tuple[Numbers, Numbers]:
    """Return coefficients (tags × buckets) and intercepts."""
    from sklearn.linear_model import LogisticRegression

    rows, intercepts = [], []
    for column in wanted.T:
        if column.all() or not column.any():  # no example of it in this fold
            rows.append(np.zeros(matrix.shape[1]))
            intercepts.append(20.0 if column.all() else -20.0)
            continue
        found = LogisticRegression(C=STRENGTH, solver="liblinear", random_state=0, max_iter=1000)
        found.fit(matrix, column, sample_weight=weights)
        rows.append(found.coef_[0])
        intercepts.append(float(found.intercept_[0]))
    return np.array(rows), np.array(intercepts)


def _calibrated(scores: Numbers, wanted: NDArray[np.bool_], weights: Numbers) -> tuple[Numbers, Numbers]:
    """Return slope and shift of each tag; a slope is never negative, so that a higher score is never less likely."""
    from sklearn.linear_model import LogisticRegression

    slopes, shifts = [], []
    for column, truth in zip(scores.T, wanted.T, strict=True):
        found = LogisticRegression(C=CALIBRATION_STRENGTH, solver="newton-cholesky", max_iter=100)
        found.fit(column[:, None], truth, sample_weight=weights)
        slopes.append(max(float(found.coef_[0, 0]), 0.0))
        shifts.append(float(found.intercept_[0]))
    return np.array(slopes), np.array(shifts)


def _threshold(probabilities: Numbers, truth: NDArray[np.bool_], weights: Numbers) -> float:
    """Return the threshold with the best F1; of equals, the one nearest to one half."""

    def f1(threshold: float) -> float:
        given = probabilities >= threshold
        hits = weights[given & truth].sum()
        return float(2.0 * hits / max(weights[given].sum() + weights[truth].sum(), 1e-9))

    return float(max(THRESHOLDS, key=lambda threshold: (round(f1(threshold), 6), -abs(threshold - 0.5))))
