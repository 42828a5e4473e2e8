"""What experiments can set in plan generation (C6, C8)."""

from __future__ import annotations

from typing import Final

from experiments.parameters import PARAMETERS, Parameter

ALGORITHM: Final = "plan_algorithm_variant"
CHOICE: Final = "choice"


def register() -> None:
    """Register the parameter: the four test groups of the phased rollout."""
    values = {
        "advanced": "Advanced model only",
        "simplified": "Simplified model only",
        CHOICE: "The caller's choice of model",
        "auto": "Automatic selection, as outside experiments",
    }
    PARAMETERS.register(ALGORITHM, Parameter(ALGORITHM, "Which model plans", values, "auto"))
