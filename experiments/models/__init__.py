from experiments.models.assignment import ExperimentAssignment, ExperimentExposure, StratumCounter
from experiments.models.experiment import Experiment, ExperimentPhase
from experiments.models.look import ExperimentLook

__all__ = [
    "Experiment",
    "ExperimentAssignment",
    "ExperimentExposure",
    "ExperimentLook",
    "ExperimentPhase",
    "StratumCounter",
]
