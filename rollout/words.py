"""The words of rollouts that pages translate when they show them: policies that ship, states, kinds of report."""

from __future__ import annotations

from collections.abc import Iterator

from common.translating.words import WORDS, Words
from rollout.gates.evidence import Arm, Outcome
from rollout.lifecycle import Command, State
from rollout.models import IncidentStatus, MessageGroup, ReportStatus
from rollout.policy.load import shipped
from rollout.policy.model import Metric
from rollout.support import QUEUES, TOPICS, Severity

WITHIN = (
    "On", "Off", "rolled back", "rolling back", "running", "waiting", "on hold", "complete", "asked for", "scheduled",
    "no data",
)  # fmt: skip
"""States and outcomes as they stand within a sentence, where nouns of German keep their capital."""
OF_ENGINE = (
    "nothing recorded", "as recorded", "nothing counted in either arm", "nothing counted", "the flag is killed",
    "paused by a person", "the kill was taken back: a fresh full window", "the clock went back: a fresh full window",
    "nobody watched since the last tick: a fresh full window", "no report of outcomes arrives",
    "reports of outcomes are missing: a fresh full window", "every criterion is met; a person advances it",
    "the last stage's time is over and every criterion is met", "the stage's time is over and every criterion is met",
    "no process reports; the record says zero", "its time has come",
    "nobody answered in time",
    "too few answers yet", "Every process was seen with the flag at zero",  # of the demonstration
)  # fmt: skip
"""What the engine says without a number in it; with numbers, `rollout.whys` has the shapes."""
STEPS = ("extend", "restart")


def words() -> Iterator[str]:
    """Yield the titles of policies that ship, and the words that stand as values."""
    for policy in shipped().values():
        yield from (policy.title, policy.description)
        yield from (stage.title for stage in policy.stages)
        yield from (gate.title for gate in policy.gates if gate.title)
    yield from (*WITHIN, *OF_ENGINE, *TOPICS.values(), *QUEUES.values())
    for value in (*State, *Outcome, *Metric, *Severity, *Arm, *IncidentStatus, *ReportStatus):
        yield value.value.replace("_", " ")
    for step in (*(command.value for command in Command), *STEPS):
        yield step.replace("_", " ")
    yield from (group.label.lower() for group in MessageGroup)


def register() -> None:
    """Name them to whoever collects texts."""
    WORDS.register("rollout", Words(words))
