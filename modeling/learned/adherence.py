"""The part "adherence": the probability that an athlete completes a session. Pure.

{"features": […], "heuristics": […], "model": {…}, "coach_share": 0.07, "overall": 0.8, "sessions": …, "athletes": …}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modeling.learned.algorithm import DamagedDocument
from modeling.learned.context import SessionContext, encode, with_usual_coach
from modeling.learned.linear import Damaged, Linear, Vector, is_number, read_heuristics_of, read_linear, read_share


@dataclass(frozen=True)
class LearnedAdherence:
    """What athletes complete. overall: everybody's share in training; what a baseline says without more knowledge.

    coach_share: of the usual coach, whom plans ask about.
    """

    model: Linear
    heuristics: tuple[str, ...]
    overall: float
    coach_share: float | None = None

    def probability(self, context: SessionContext) -> float:
        """Return the probability that the session is completed, a partly done one counting a half."""
        return float(self.probabilities(encode([with_usual_coach(context, self.coach_share)], self.heuristics))[0])

    def probabilities(self, features: Vector) -> Vector:
        """Return (n,) probabilities for encoded contexts, (n, features)."""
        return self.model.probabilities(features)


def read_adherence(part: Any) -> LearnedAdherence:
    """Return the model of its document.

    Raises:
        DamagedDocument: something is missing, no number, or of other features.
    """
    try:
        heuristics = read_heuristics_of("adherence", part)
        model = read_linear("adherence/model", part.get("model"), len(part["features"]))
        overall, share = part.get("overall"), read_share("adherence", part)
        if not is_number(overall) or not 0 <= overall <= 1:
            raise Damaged("adherence/overall is no share")
    except Damaged as error:
        raise DamagedDocument(str(error)) from error
    return LearnedAdherence(model, heuristics, float(overall), share)
