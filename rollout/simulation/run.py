"""`simulate` makes a run's history up, `replay` takes a recorded one; both end in a trace of decisions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from rollout.engine import RunView
from rollout.gates.evidence import Window
from rollout.policy.model import Policy
from rollout.simulation.conductor import Conductor
from rollout.simulation.scenario import Act, Change, Check, Jump, Outage, PersonActs, Scenario, ScenarioError, Truth
from rollout.simulation.trace import Trace
from rollout.simulation.traffic import Traffic

T = TypeVar("T", Jump, PersonActs)
START: Final = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
PATIENCE: Final = timedelta(days=1)
"""So long a simulation waits in one stage beyond its time: nobody comes, it is holding."""


def simulate(policy: Policy, scenario: Scenario, *, seed: int, start: datetime = START, from_stage: str = "") -> Trace:
    """Run a policy through a scenario on a virtual clock, one tick a window; the same seed gives the same trace.

    start: UTC, at the beginning of a window. from_stage: begin there; the first stage where empty.

    Raises:
        ScenarioError: the scenario names a stage that the policy does not have, or jumps by no whole windows.
    """
    _check(policy, scenario, from_stage)
    trace = Trace(policy.name, policy.sha256, scenario.name, seed, start, start)
    stage = policy.index_of(from_stage) if from_stage else 0
    return _Simulation(policy, scenario, Conductor(policy, trace, stage=stage), seed).to_end()


def replay(
    policy: Policy,
    windows: Iterable[Window],
    checks: Sequence[Check] = (),
    acts: Sequence[Act] = (),
    *,
    started: datetime | None = None,
    ticks: Iterable[datetime] | None = None,
    width: timedelta | None = None,
    killed: Collection[datetime] = (),
) -> Trace:
    """Take the decisions again from recorded windows (in order of time), checks and acts.

    ticks: when the live run ticked; where not given, at every window's end from the first to the last. started: when
    the first stage began; the first window's start where not given. width: how long the recorded windows are, where
    they are parts of the policy's. killed: the ticks at which the flag was.

    Raises:
        ValueError: no windows and no `started`.
        NotPossible: a person's act that the life cycle does not have at that moment.
    """
    recorded = list(windows)
    if not recorded and started is None:
        raise ValueError("a replay needs windows or the time at which the run started")
    start = started or recorded[0].start
    conductor = Conductor(policy, Trace(policy.name, policy.sha256, "recorded", None, start, start))
    moments = _every_window(policy, start, recorded) if ticks is None else ticks
    happened: list[Check | Act] = [*checks, *acts]
    events = sorted(happened, key=lambda event: event.at)
    for at in moments:
        while recorded and recorded[0].start + (width or policy.window) <= at:
            conductor.deliver(recorded.pop(0))
        while events and events[0].at <= at:
            _happens(conductor, events.pop(0))
        if conductor.ended:
            break
        conductor.tick(at, killed=at in killed)
        conductor.trace.ended = at
    return conductor.trace


def _every_window(policy: Policy, start: datetime, windows: Sequence[Window]) -> list[datetime]:
    last = windows[-1].start + policy.window if windows else start
    first = windows[0].start + policy.window if windows else start
    return [first + number * policy.window for number in range((last - first) // policy.window + 1)]


def _happens(conductor: Conductor, event: Check | Act) -> None:
    if isinstance(event, Check):
        conductor.record({event.gate: event.passed})
    else:
        conductor.act(event.command, event.at, to_stage=event.to_stage)


class _Simulation:
    """A scenario's clock: true time passes window by window, the clock that everybody reads may leap."""

    def __init__(self, policy: Policy, scenario: Scenario, conductor: Conductor, seed: int) -> None:
        self._policy, self._scenario, self._conductor = policy, scenario, conductor
        self._traffic = Traffic(scenario, policy.window, seed=seed)
        self._offset = timedelta()
        self._true = conductor.trace.started
        self._entered = dict.fromkeys([conductor.stage.name], self._true)  # true time of the first entry
        self._done: set[Jump | PersonActs] = set()
        self._new = scenario.new

    def to_end(self) -> Trace:
        while not self._conductor.ended and self._true - self._since() < self._longest():
            self._one_window()
        self._conductor.trace.ended = self._true + self._offset
        return self._conductor.trace

    def _one_window(self) -> None:
        conductor, policy, before = self._conductor, self._policy, self._conductor.run
        for jump in self._due(self._scenario.jumps):
            self._offset += jump.by
        window = self._traffic.window(self._true + self._offset, conductor.stage, self._truth())
        self._true += policy.window
        at = self._true + self._offset
        if not self._out("metrics"):
            conductor.deliver(window)
        if self._true - self._since() >= self._scenario.checks_after:
            conductor.record(self._scenario.checks_of(policy, conductor.run.stage))
        for act in self._due(self._scenario.acts):
            conductor.act(act.command, at)
        if not self._out("scheduler"):
            conductor.tick(at)
        self._enter(before)

    def _enter(self, before: RunView) -> None:
        if self._conductor.run.stage != before.stage:
            self._entered[self._conductor.stage.name] = self._true
            self._traffic.begin_stage()

    def _since(self) -> datetime:
        return self._entered[self._conductor.stage.name]

    def _longest(self) -> timedelta:
        """How long a stage may take: its time and extensions, what breaks in it and its time afresh after that."""
        stage, scenario = self._conductor.stage, self._scenario
        time = stage.duration + stage.extensions * stage.extend
        broken = [*(outage.lasts for outage in scenario.outages), *(abs(jump.by) for jump in scenario.jumps)]
        return time * (1 + len(broken)) + sum(broken, timedelta()) + PATIENCE

    def _truth(self) -> Truth:
        """What the new arm does now: every change that has begun, the later over the earlier."""
        for change in self._scenario.changes:
            if self._begun(change):
                self._new = replace(self._new, **change.values)
        return self._new

    def _begun(self, what: Change | Outage | Jump | PersonActs) -> bool:
        entered = self._entered.get(self._scenario.stage_of(self._policy, what.stage))
        return entered is not None and self._true >= entered + what.after

    def _out(self, what: str) -> bool:
        """Whether nothing arrives at the end of this window."""
        for outage in self._scenario.outages:
            entered = self._entered.get(self._scenario.stage_of(self._policy, outage.stage))
            if outage.what == what and entered is not None:
                begun = entered + outage.after
                if begun < self._true <= begun + outage.lasts:
                    return True
        return False

    def _due(self, planned: Sequence[T]) -> list[T]:
        found = [one for one in planned if one not in self._done and self._begun(one)]
        self._done.update(found)
        return found


def _check(policy: Policy, scenario: Scenario, from_stage: str) -> None:
    known = [stage.name for stage in policy.stages]
    parts: list[Change | Outage | Jump | PersonActs] = [
        *scenario.changes,
        *scenario.outages,
        *scenario.jumps,
        *scenario.acts,
    ]
    named = [from_stage, scenario.stage, *(part.stage for part in parts)]
    errors = [
        f"{scenario.name}: stage: found '{name}', allowed {', '.join(known)}"
        for name in dict.fromkeys(named)
        if name and name not in known
    ]
    errors += [
        f"{scenario.name}: jump: found {jump.by}, allowed whole windows of {policy.window}"
        for jump in scenario.jumps
        if jump.by % policy.window
    ]
    if errors:
        raise ScenarioError(errors)
