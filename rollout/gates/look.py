"""From minutes to what is seen of a stage: the live tick and the retracing of a recorded run both look this way. Pure.

Breakers trip by the minute; whatever is statistics is judged in whole windows, so that looking more often does not
change an answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from rollout.gates.evidence import Arm, Outcome, Seen, Tally, Window
from rollout.gates.monitor import Monitor
from rollout.policy.model import GateKind, Policy

MINUTE: Final = timedelta(minutes=1)


class StageWatch:
    """A stage's evidence, fed minute by minute in order of time; what is from before `fresh_from` is left out."""

    def __init__(self, policy: Policy, stage: int, *, fresh_from: datetime) -> None:
        self._since = fresh_from.replace(second=0, microsecond=0)
        self._window = policy.window
        self._checks: dict[str, bool] = {}
        self._monitor = Monitor(policy, stage, fresh_from=self._since, checks=self._checks)
        breakers = tuple(gate for gate in policy.gates if gate.kind is GateKind.BREAKER)
        by_minute = replace(policy, gates=breakers, window=MINUTE)
        self._breakers = Monitor(by_minute, stage, fresh_from=self._since)
        self._open: deque[Window] = deque()

    def observe(self, minute: Window) -> None:
        """Add the next minute."""
        if minute.start < self._since:
            return
        self._open.append(minute)
        self._breakers.observe(minute)

    def record(self, checks: Mapping[str, bool]) -> None:
        """Add evidence for gates that no counter answers."""
        self._checks.update(checks)

    def seen(self, at: datetime) -> Seen:
        """Return what is known at a moment, by windows that are over and breakers that have tripped."""
        while self._open and (end := self._end_of(self._open[0])) <= at:
            over = []
            while self._open and self._open[0].start < end:
                over.append(self._open.popleft())
            arms = {arm: Tally.total([minute.of(arm) for minute in over]) for arm in Arm}
            self._monitor.observe(Window(end - self._window, arms, over[-1].expected_share))
        tripped = {v.gate: v for v in self._breakers.seen(at).verdicts if v.outcome is Outcome.FAIL}
        seen = self._monitor.seen(at)
        return replace(seen, verdicts=[tripped.get(verdict.gate, verdict) for verdict in seen.verdicts])

    def _end_of(self, minute: Window) -> datetime:
        return self._since + ((minute.start - self._since) // self._window + 1) * self._window


def look(
    policy: Policy,
    stage: int,
    minutes: Iterable[Window],
    *,
    fresh_from: datetime,
    at: datetime,
    checks: Mapping[str, bool],
) -> Seen:
    """Return what is known of a stage at a moment.

    Args:
        minutes: of this stage and over by then, in order of time, each one minute long.
        fresh_from: since when evidence counts.
        checks: evidence that no counter answers, by gate.
    """
    watch = StageWatch(policy, stage, fresh_from=fresh_from)
    watch.record(checks)
    for minute in minutes:
        watch.observe(minute)
    return watch.seen(at)
