"""Whether an athlete completes a session that the coach kept as proposed. Pure.

Sessions that the coach changed are left out: they were done, or not, as something else.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from modeling.training.columns import TrainingSet
from modeling.training.habits import LEAST_SESSIONS
from modeling.training.logistic import DIGITS, fit_by_athlete
from modeling.training.overrides import usual_share

LEAST_ATHLETES: Final = 20


def fit_adherence(training: TrainingSet) -> dict[str, Any] | None:
    """Return the document's part "adherence", None with too little evidence."""
    rows = ~np.isnan(training.labels.completed)
    known = training.take(rows)
    athletes = len(np.unique(known.athlete))
    completed = known.labels.completed
    if len(known) < LEAST_SESSIONS or athletes < LEAST_ATHLETES or completed.min() == completed.max():
        return None
    fitted = fit_by_athlete(known, {"completed": completed}).get("completed")
    if fitted is None:
        return None
    return {
        "features": list(known.features),
        "heuristics": list(known.heuristics),
        "model": fitted.as_json(),
        "coach_share": usual_share(known),
        "overall": round(float(completed.mean()), DIGITS),
        "sessions": len(known),
        "athletes": athletes,
    }


def own_mean(training: TrainingSet, overall: float) -> Any:
    """Return the baseline: the athlete's share of the last 28 days, or everybody's where none was due."""
    before = training.context["adherence_28d"]
    return np.where(np.isnan(before), overall, before)
