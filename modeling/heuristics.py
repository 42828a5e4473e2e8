"""Which heuristics training and plans use now."""

from __future__ import annotations

from modeling.learned.heuristics import Heuristic, read_heuristic
from modeling.models import HeuristicRow, HeuristicStatus


def active_heuristics() -> tuple[Heuristic, ...]:
    """Return the heuristics that training makes features of, by name."""
    rows = HeuristicRow.objects.filter(status=HeuristicStatus.ACTIVE).order_by("name")
    return tuple(read_heuristic(row.document_json) for row in rows)


def heuristics_tried_by(experiment_key: str) -> tuple[Heuristic, ...]:
    """Return the heuristics that an experiment's arm "on" applies: not those that were retired since."""
    rows = HeuristicRow.objects.filter(experiment_key=experiment_key).exclude(status=HeuristicStatus.RETIRED)
    return tuple(read_heuristic(row.document_json) for row in rows.order_by("name")) if experiment_key else ()
