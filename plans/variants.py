"""What experiments can set in plan generation (C6, C8), and the test groups of its phased rollout."""

from __future__ import annotations

from typing import Any, Final

from experiments.parameters import PARAMETERS, Parameter
from experiments.ready import READY, Ready
from plans.heuristics import OFF, ON
from plans.heuristics import PARAMETER as HEURISTIC
from plans.measures import requests

ALGORITHM: Final = "plan_algorithm_variant"
CHOICE: Final = "choice"
VERSION: Final = "algorithm_version"
CHAMPION: Final = "champion"
CANDIDATE: Final = "candidate"


TEST_GROUPS: Final[dict[str, Any]] = {
    "name": "Which model plans: four test groups",
    "description": (
        "Do athletes rate plans of the advanced model higher than those of the automatic selection, without longer "
        "waits or more failed requests? A quarter each: advanced model only, simplified model only, the caller's "
        "choice, automatic selection."
    ),
    "variant_weights": {"advanced": 25, "simplified": 25, CHOICE: 25, "auto": 25},
    "stratification_keys": ["sport", "level"],
    "protocol": {
        "control": "auto",
        "primary_metric": "satisfaction",
        "goal_metrics": ["feature_use", "retention", "adherence"],
        "guardrails": [
            {"metric": "calculation_speed", "margin": 0.2, "relative": True},
            {"metric": "errors", "margin": 0.02, "relative": False},
        ],
        "planned_subjects": 240,
        "parameter": ALGORITHM,
        "values": {"advanced": "advanced", "simplified": "simplified", CHOICE: CHOICE, "auto": "auto"},
    },
}


def register() -> None:
    """Register the parameter, and the four test groups of the phased rollout."""
    values = {
        "advanced": "Advanced model only",
        "simplified": "Simplified model only",
        CHOICE: "The caller's choice of model",
        "auto": "Automatic selection, as outside experiments",
    }
    PARAMETERS.register(ALGORITHM, Parameter(ALGORITHM, "Which model plans", values, "auto", requests))
    versions = {
        CHAMPION: "The version that plans, as outside experiments",
        CANDIDATE: "The version that this experiment tries",
    }
    PARAMETERS.register(VERSION, Parameter(VERSION, "Which model version plans", versions, CHAMPION, requests))
    switch = {ON: "The heuristic adjusts beforehand", OFF: "No heuristic, as outside experiments"}
    PARAMETERS.register(HEURISTIC, Parameter(HEURISTIC, "Whether a heuristic adjusts plans", switch, OFF, requests))
    READY.register(
        "test-groups",
        Ready("The four test groups", "how plans are made: four models, 25 % each", ALGORITHM, TEST_GROUPS),
    )
