"""The SLO: an absolute limit of the new arm, over a window, held for a time, with a minimum n and hysteresis."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Final

from common.stats import binomial
from rollout.gates.counting import PER_SUBJECT, counted, metric_of
from rollout.gates.evidence import Arm, Outcome, Verdict, Window
from rollout.policy.model import Gate, Metric, Purpose, Worse

CHANCE: Final = 0.001
"""A rollback asks for more than a number beyond the limit: were the truth at the limit, on the good side, what was seen
may have at most this chance. One look is protected at the limit itself; at half the limit (1 % errors where 2 % are
allowed) so are seven days of looking every five minutes (`bench/gates_bench.py`)."""

ACTING: Final = frozenset({Purpose.ROLLBACK, Purpose.KILL})


class Slo:
    """What the new arm does against `limit`, as the policy's source states it.

    The breach begins at the end of the window that first shows the metric beyond `limit` with `min_n`, and ends when it
    is no longer beyond `recover`, or when n falls below `min_n`: what nobody can tell does not last. It counts after
    `holds_for` (0: at once). Alerts, pages and criteria are literal; a rollback or kill also asks for `CHANCE`: of a
    binomial for shares, of a Poisson for reports per subject, of Hoeffding's bound for ratings (1 to 5). A count of
    critical reports has no denominator and stays literal, so a policy limits it to the stages where it is rare.

    Cost is mean seconds; with a margin above 1 the limit is that multiple of the control's mean, without `limit`.

    Raises:
        ValueError: there is no limit; or cost is to roll back, though no spread of it is recorded to judge chance by.
    """

    def __init__(self, gate: Gate, width: timedelta) -> None:
        self._metric = metric_of(gate)
        self.compares = self._metric is Metric.COST and gate.margin > 1
        limit = gate.margin if self.compares else gate.limit
        if limit is None:
            raise ValueError(f"gate {gate.name}: an SLO has a limit")
        if self._metric is Metric.COST and gate.purpose in ACTING:
            raise ValueError(f"gate {gate.name}: cost cannot roll back, its spread is not recorded")
        self._gate, self._limit = gate, limit
        self._recover = limit if gate.recover is None else gate.recover
        self._width = width
        self._span = None if gate.window is None else max(gate.window, width)
        self._recent: deque[tuple[datetime, float, int, float, int]] = deque()
        self._total, self._n, self._control_total, self._control_n = 0.0, 0, 0.0, 0
        self._end: datetime | None = None
        self._since: datetime | None = None

    def observe(self, window: Window) -> None:
        self._end = window.start + self._width
        new, control = counted(window.of(Arm.NEW), self._gate), counted(window.of(Arm.CONTROL), self._gate)
        self._add(*new, *control)
        if self._span is not None:
            self._recent.append((window.start, *new, *control))
            while self._recent[0][0] < self._end - self._span:
                _, total, n, control_total, control_n = self._recent.popleft()
                subjects = self._metric in PER_SUBJECT
                self._add(-total, 0 if subjects else -n, -control_total, 0 if subjects else -control_n)
        self._breach()

    def _add(self, total: float, n: int, control_total: float, control_n: int) -> None:
        self._total += total
        self._n += n
        self._control_total += control_total
        self._control_n += control_n

    def _breach(self) -> None:
        """Begin or end a breach after a window."""
        value = self._value()
        if value is None or self._short():
            self._since = None
        elif self._since is None:
            self._since = self._end if self._beyond(value, self._limit) else None
        elif not self._beyond(value, self._recover):
            self._since = None

    def verdict(self) -> Verdict:
        outcome, why = self._answer()
        control = self._control_total / self._control_n if self._control_n else None
        return Verdict(
            self._gate.name,
            outcome,
            n=self._n,
            n_control=self._control_n,
            observed=self._value(),
            control=1.0 if self.compares and control else control,
            statistic=self._lasted().total_seconds(),
            why=why,
        )

    def _answer(self) -> tuple[Outcome, str]:
        gate, value = self._gate, self._value()
        if value is None:
            return Outcome.NO_DATA, "nothing counted"
        seen = f"{value:.4g}, limit {self._limit:.4g}"
        if self._short():
            return Outcome.INCONCLUSIVE, f"{self._least()} of {gate.min_n}"
        if self._since is None:
            return Outcome.PASS, seen
        if self._lasted() < gate.holds_for:
            return Outcome.INCONCLUSIVE, f"{seen}: beyond it for {self._lasted()} of {gate.holds_for}"
        if gate.purpose in ACTING and (chance := self._chance(value)) > CHANCE:
            return Outcome.INCONCLUSIVE, f"{seen}: chance explains it ({chance:.2g})"
        return Outcome.FAIL, f"{seen}, n = {self._n}"

    def _value(self) -> float | None:
        """Return the metric now, None where nothing was counted."""
        if self._metric is Metric.CRITICAL_COUNT:
            return self._total if self._n or self._total else None
        if not self._n:
            return None
        mean = self._total / self._n
        if not self.compares:
            return mean
        return mean * self._control_n / self._control_total if self._control_total else None

    def _least(self) -> int:
        return min(self._n, self._control_n) if self.compares else self._n

    def _short(self) -> bool:
        return self._least() < self._gate.min_n

    def _lasted(self) -> timedelta:
        return timedelta() if self._since is None or self._end is None else self._end - self._since

    def _beyond(self, value: float, limit: float) -> bool:
        return value > limit if self._gate.worse is Worse.ABOVE else value < limit

    def _chance(self, value: float) -> float:
        """Return the chance of what was seen, or worse, where the truth is the limit."""
        above, n, limit = self._gate.worse is Worse.ABOVE, self._n, self._limit
        if self._metric is Metric.CRITICAL_COUNT:
            return 0.0
        if self._metric is Metric.RATING:
            bound = binomial.mean_at_least if above else binomial.mean_at_most
            return bound((value - 1) / 4, n, (limit - 1) / 4)
        if self._metric in PER_SUBJECT:
            events = binomial.events_at_least if above else binomial.events_at_most
            return events(int(self._total), n * limit)
        tail = binomial.at_least if above else binomial.at_most
        return tail(int(self._total), n, limit)
