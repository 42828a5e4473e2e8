"""A logistic model as a document has it: weights, intercept, and the line that calibrates. Pure.

{"weights": [one a feature], "intercept": …, "slope": …, "offset": …}
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.learned.context import feature_names

Vector = NDArray[np.float64]

_MEMBERS: Final = ("intercept", "slope", "offset")


class Damaged(ValueError):
    """A part that cannot be read; says where."""


@dataclass(frozen=True)
class Linear:
    """Calibrated log odds: slope · (features·weights + intercept) + offset."""

    weights: Vector
    intercept: float
    slope: float
    offset: float

    def probabilities(self, features: Vector) -> Vector:
        """Return (n,) probabilities for features of `modeling.learned.context.encode`, (n, features)."""
        odds = self.slope * (features @ self.weights + self.intercept) + self.offset
        found: Vector = 1.0 / (1.0 + np.exp(-np.clip(odds, -40.0, 40.0)))
        return found


def read_linear(where: str, model: Any, features: int) -> Linear:
    """Return a model of its document.

    Raises:
        Damaged: a number is missing, is none, or there is not one weight a feature.
    """
    if not isinstance(model, Mapping):
        raise Damaged(f"{where} is no object")
    weights = model.get("weights")
    if not isinstance(weights, Sequence) or isinstance(weights, str) or len(weights) != features:
        raise Damaged(f"{where}/weights is not a list of {features}")
    if not all(is_number(value) for value in [*weights, *(model.get(name) for name in _MEMBERS)]):
        raise Damaged(f"{where} has something that is no number")
    return Linear(np.array(weights, dtype=np.float64), *(float(model[name]) for name in _MEMBERS))


def read_heuristics_of(where: str, part: Any) -> tuple[str, ...]:
    """Return the heuristics that a part's features have, after its features were found to be ours.

    Raises:
        Damaged: the part is no object, or was learned from other features.
    """
    if not isinstance(part, Mapping):
        raise Damaged(f"{where} is no object")
    names = part.get("heuristics")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Damaged(f"{where}/heuristics is not a list of names")
    if part.get("features") != list(feature_names(names)):
        raise Damaged(f"{where}/features are not those of this code")
    return tuple(names)


def read_share(where: str, part: Mapping[str, Any]) -> float | None:
    """Return a part's `coach_share`, None where it has none.

    Raises:
        Damaged: it is no share.
    """
    share = part.get("coach_share")
    if share is not None and (not is_number(share) or not 0 <= share <= 1):
        raise Damaged(f"{where}/coach_share is no share")
    return None if share is None else float(share)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
