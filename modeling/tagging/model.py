"""A fitted model: judging a text, and the document that it is stored as.

The document is JSON with coefficients and intercepts, under its SHA-256: reading it runs no code, as a pickle would.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from common.canonical import canonical_json, text_sha256
from modeling.tagging.features import BUCKETS, FEATURES, Row, row_of
from modeling.tagging.reach import Reach
from modeling.tagging.tags import MODELLED, OTHER

FORMAT: Final = 1
DIGITS: Final = 5


class DamagedModel(ValueError):
    """A document is not what was stored, or not one that this release can read."""


@dataclass(frozen=True)
class Tagged:
    """A tag of a text; `probability` is None where the text is out of reach, so that nothing was reckoned."""

    tag: str
    probability: float | None


@dataclass(frozen=True)
class TagModel:
    """One logistic regression a tag, calibrated, with the threshold from which its tag is given.

    `coefficients`: tags × buckets; `intercepts`, `slopes`, `shifts` and `thresholds`: one for each of `MODELLED`. The
    probability of a tag is the logistic function of slope × (coefficients · features + intercept) + shift.
    """

    coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    slopes: NDArray[np.float64]
    shifts: NDArray[np.float64]
    thresholds: NDArray[np.float64]

    def probabilities(self, row: Row) -> NDArray[np.float64]:
        """Return the probability of each of `MODELLED`, in their order."""
        buckets, weights = row
        scores = self.coefficients[:, buckets] @ weights + self.intercepts
        return np.asarray(1.0 / (1.0 + np.exp(-(self.slopes * scores + self.shifts))), dtype=np.float64)

    def tags_of(self, text: str, reach: Reach) -> tuple[Tagged, ...]:
        """Return a text's tags with their probabilities, the likeliest first.

        `other` where no tag reaches its threshold, with one minus the highest probability; without a probability where
        the text is out of reach.
        """
        if not reach.covers(text):
            return (Tagged(OTHER, None),)
        return self.chosen(self.probabilities(row_of(text)))

    def chosen(self, found: NDArray[np.float64]) -> tuple[Tagged, ...]:
        """Return the tags of these probabilities, the likeliest first; `other` where none reaches its threshold."""
        given = [i for i in np.argsort(-found, kind="stable") if found[i] >= self.thresholds[i]]
        if not given:
            return (Tagged(OTHER, round(float(1.0 - found.max()), 4)),)
        return tuple(Tagged(MODELLED[i], round(float(found[i]), 4)) for i in given)


def document_of(model: TagModel, *, seed_sha256: str, corrections: int) -> dict[str, Any]:
    """Return the document of a model; coefficients that are 0 are left out."""
    return {
        "format": FORMAT,
        "features": FEATURES,
        "buckets": BUCKETS,
        "seed_sha256": seed_sha256,
        "corrections": corrections,
        "tags": {tag: _tag_document(model, number) for number, tag in enumerate(MODELLED)},
    }


def sha256_of(document: dict[str, Any]) -> str:
    """Return the SHA-256 of a document's canonical JSON."""
    return text_sha256(canonical_json(document))


def model_from(document: Any, sha256: str) -> TagModel:
    """Return the model of a document.

    Raises:
        DamagedModel: its hash is not `sha256`, or it is of another format, or numbers are missing or no numbers.
    """
    try:
        if sha256_of(document) != sha256:
            raise DamagedModel("The stored model is damaged: its hash is not the one that was stored with it.")
        if (document["format"], document["features"], document["buckets"]) != (FORMAT, FEATURES, BUCKETS):
            raise DamagedModel("The stored model is of another release: train it again.")
        parts = [_tag_numbers(document["tags"][tag]) for tag in MODELLED]
    except DamagedModel:
        raise
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DamagedModel(f"The stored model is damaged: {type(error).__name__} in its document.") from error
    coefficients, intercepts, slopes, shifts, thresholds = zip(*parts, strict=True)
    return TagModel(np.array(coefficients), *map(np.array, (intercepts, slopes, shifts, thresholds)))


def rounded(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers as they are stored, so that a model answers the same before and after."""
    # Adding 0 makes a 0 of -0, which JSON would bring back as another text.
    return np.asarray(np.round(np.asarray(values, dtype=np.float64), DIGITS) + 0.0, dtype=np.float64)


def _tag_document(model: TagModel, number: int) -> dict[str, Any]:
    buckets = np.flatnonzero(model.coefficients[number])
    return {
        "buckets": [int(bucket) for bucket in buckets],
        "coefficients": [float(value) for value in model.coefficients[number, buckets]],
        "intercept": float(model.intercepts[number]),
        "slope": float(model.slopes[number]),
        "shift": float(model.shifts[number]),
        "threshold": float(model.thresholds[number]),
    }


def _tag_numbers(part: dict[str, Any]) -> tuple[NDArray[np.float64], float, float, float, float]:
    numbers = [float(part[name]) for name in ("intercept", "slope", "shift", "threshold")]
    buckets = np.array(part["buckets"], dtype=np.int64)
    values = np.array(part["coefficients"], dtype=np.float64)
    if buckets.shape != values.shape or (len(buckets) and not 0 <= buckets.min() <= buckets.max() < BUCKETS):
        raise DamagedModel("The stored model is damaged: buckets and coefficients do not belong together.")
    if not np.isfinite(values).all() or not all(map(math.isfinite, numbers)):
        raise DamagedModel("The stored model is damaged: a number of it is none.")
    row = np.zeros(BUCKETS)
    row[buckets] = values
    intercept, slope, shift, threshold = numbers
    return row, intercept, slope, shift, threshold
