from experiments.models.assignment import ExperimentAssignment, StratumCounter
from experiments.models.experiment import Experiment, ExperimentPhase

__all__ = ["Experiment", "ExperimentAssignment", "ExperimentPhase", "StratumCounter"]
