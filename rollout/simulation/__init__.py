"""A policy on a virtual clock, over made-up traffic or recorded windows, by the live engine and the live gates."""

from rollout.simulation.run import replay, simulate
from rollout.simulation.scenario import Act, Check, Scenario, ScenarioError, load_scenario, scenario_names
from rollout.simulation.trace import Decision, Trace

__all__ = [
    "Act",
    "Check",
    "Decision",
    "Scenario",
    "ScenarioError",
    "Trace",
    "load_scenario",
    "replay",
    "scenario_names",
    "simulate",
]
