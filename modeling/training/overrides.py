"""What coaches would do to a proposed session: one probability an adjustment, and rules in words. Pure.

Only proposals of versions that adjust nothing by themselves are learned from. Where a version has already shortened a
long run, nobody knows what the coach would have done to the whole one: that coaches keep it is no evidence that the
shortening was not needed. There the question is not identifiable; the control arm of an experiment answers it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import numpy as np

from modeling.learned.algorithm import SHIPPED
from modeling.training.columns import TrainingSet
from modeling.training.habits import LEAST_SESSIONS
from modeling.training.labels import ADJUSTMENTS
from modeling.training.logistic import DIGITS, fit_by_athlete
from modeling.training.rules import find_rules

LEAST_CASES: Final = 30
LEAST_COACHES: Final = 4
LEAST_ATHLETES: Final = 20
THRESHOLD: Final = 0.5
"""A session is adjusted beforehand where the coach would more probably than not do so anyway."""


def fit_overrides(
    training: TrainingSet, *, untouched: Collection[str] = (SHIPPED,), threshold: float = THRESHOLD
) -> dict[str, Any] | None:
    """Return the document's part "overrides", None with too little evidence.

    Args:
        untouched: versions that adjust nothing beforehand; plans without a version are among them.
    """
    learned = training.take(is_untouched(training, untouched))
    if not _is_enough(learned):
        return None
    support, targets = {}, {}
    for adjustment in ADJUSTMENTS:
        done = getattr(learned.labels, adjustment)
        coaches, athletes = _distinct(learned.coach[done]), _distinct(learned.athlete[done])
        support[adjustment] = {"cases": int(done.sum()), "coaches": coaches, "athletes": athletes}
        if done.sum() >= LEAST_CASES and coaches >= LEAST_COACHES and athletes >= LEAST_ATHLETES and not done.all():
            targets[adjustment] = done
    models = {name: fitted.as_json() for name, fitted in fit_by_athlete(learned, targets).items()}
    if not models:
        return None
    return {
        "features": list(learned.features),
        "heuristics": list(learned.heuristics),
        "threshold": threshold,
        "coach_share": usual_share(learned),
        "looked_at": len(learned),
        "not_identifiable": len(training) - len(learned),
        "models": models,
        "support": support,
        "rules": [rule for rule in find_rules(learned) if rule["adjustment"] in models],
    }


def is_untouched(training: TrainingSet, untouched: Collection[str] = (SHIPPED,)) -> Any:
    """Return whether each session was proposed by a version that adjusts nothing."""
    allowed = np.array([*(name in untouched for name in training.algorithms), True])
    return allowed[training.algorithm]


def usual_share(training: TrainingSet) -> float | None:
    """Return the mean share of sessions that coaches had changed until then; None where it was never known."""
    known = training.context["coach_share"]
    known = known[~np.isnan(known)]
    return round(float(known.mean()), DIGITS) if len(known) else None


def _is_enough(training: TrainingSet) -> bool:
    enough = len(training) >= LEAST_SESSIONS and _distinct(training.athlete) >= LEAST_ATHLETES
    return enough and _distinct(training.coach) >= LEAST_COACHES


def _distinct(codes: Any) -> int:
    return int(len(np.unique(codes[codes >= 0])))
