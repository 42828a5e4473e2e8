"""Minutes of outcomes as charts: added up over steps of time, with the gates' thresholds drawn in."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.translation import gettext

from common.charts import Chart, Limit, Line, draw
from common.stats.histogram import Histogram
from common.translating.showing import number, shown
from rollout.dashboard.gates import act_of, limit_text
from rollout.dashboard.words import NOTHING, milliseconds, share
from rollout.gates.evidence import Arm, Tally
from rollout.policy.model import Gate, GateKind, Metric, Worse

STEPS: Final = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 360, 720))
MOST_POINTS: Final = 64
ROLLING: Final = timedelta(minutes=5)
SLOW: Final = timedelta(hours=24)
"""Decisions and ratings are few: they are averaged over a day."""


@dataclass(frozen=True, slots=True)
class Minute:
    """What the roll-up stores of one minute, as JSON."""

    at: datetime
    new: Mapping[str, Any]
    control: Mapping[str, Any]

    def of(self, arm: Arm) -> Mapping[str, Any]:
        return self.new if arm is Arm.NEW else self.control


@dataclass(frozen=True, slots=True)
class Axis:
    """Points in time from `start` on; each value is over the `width` before its point, in whole steps."""

    start: datetime
    end: datetime
    step: timedelta
    width: timedelta

    @property
    def points(self) -> list[datetime]:
        number = max(int((self.end - self.start) / self.step), 1)
        return [self.start + (i + 1) * self.step for i in range(number)]


def axis_over(start: datetime, end: datetime) -> Axis:
    """Return the finest axis of at most `MOST_POINTS`; steps under five minutes are a rolling average of five."""
    length = max(end - start, timedelta(minutes=1))
    step = next((s for s in STEPS if length / s <= MOST_POINTS * (2 if s < ROLLING else 1)), timedelta(days=1))
    return Axis(start, start + step * -(-length // step), step, max(step, ROLLING))


def total(found: Iterable[Mapping[str, Any]]) -> Tally:
    """Add up what roll-ups stored, without the order of failures, which no chart shows."""
    plain: Counter[str] = Counter()
    latency: Counter[int] = Counter()
    for one in found:
        for name, value in one.items():
            if name == "latency":
                for bucket, number in value.items():
                    latency[int(bucket)] += number
            elif name != "streak":
                plain[name] += value
    return Tally(**plain, latency=Histogram(latency))  # type: ignore[arg-type]  # names and types are the tally's own


def tallies(minutes: Sequence[Minute], arm: Arm, axis: Axis, width: timedelta | None = None) -> list[Tally]:
    """Return an arm's tally at each point of an axis; the minutes come in the order of time."""
    times = [minute.at for minute in minutes]
    found = []
    for point in axis.points:
        first, last = bisect_left(times, point - (width or axis.width)), bisect_left(times, point)
        found.append(total(minute.of(arm) for minute in minutes[first:last]))
    return found


Value = Callable[[Tally], float | None]


def ratio(part: str, whole: str, *, inverse: bool = False) -> Value:
    """Return a function of a tally: a share of what was counted, None of nothing."""

    def value(tally: Tally) -> float | None:
        n = getattr(tally, whole)
        if not n:
            return None
        return float(1 - getattr(tally, part) / n if inverse else getattr(tally, part) / n)

    return value


def quantile(at: float) -> Value:
    return lambda tally: tally.latency.quantile(at)


def charts_of(minutes: Sequence[Minute], axis: Axis, gates: Sequence[Gate]) -> tuple[Chart, ...]:
    """Return the charts of both arms over an axis, each with the limits of its gates."""
    fast = {arm: tallies(minutes, arm, axis) for arm in Arm}
    slow = {arm: tallies(minutes, arm, axis, max(axis.width, SLOW)) for arm in Arm}
    slow_note = gettext("24 h average") if axis.width < SLOW else ""
    times = _labels(axis)

    def of_answers(title: str, part: str, metric: Metric, *, inverse: bool = False) -> Chart:
        limits = _limits(gates, metric, inverse=inverse)
        return _shares(shown(title), _lines(fast, ratio(part, "answered", inverse=inverse)), times, limits)

    accepted, rated = _lines(slow, ratio("accepted", "decided")), _lines(slow, ratio("rating_sum", "rated"))
    return (
        of_answers("Success", "failed", Metric.ERROR, inverse=True),
        of_answers("Errors", "failed", Metric.ERROR),
        _latency(gettext("Latency, p50"), (0.5,), fast, times, gates),
        _latency(gettext("Latency, p95 and p99"), (0.95, 0.99), fast, times, gates),
        of_answers("Valid at once (parse success)", "invalid", Metric.INVALID, inverse=True),
        of_answers("Fallback to the other pipeline", "fallback", Metric.FALLBACK),
        _shares(gettext("Acceptance without changes"), accepted, times, _limits(gates, Metric.ACCEPTED), slow_note),
        draw(
            gettext("Satisfaction, 1 to 5"),
            rated,
            times,
            _limits(gates, Metric.RATING),
            text=lambda value: NOTHING if value is None else number(value, 2),
            tick=number,
            note=slow_note,
            floor=1.0,
            ceiling=5.0,
            of_limits=gettext("limits"),
        ),
    )


_NAMES: Final = {Arm.CONTROL: "Control", Arm.NEW: "New"}
"""The new arm is drawn last, over the control."""


def _lines(by_arm: Mapping[Arm, Sequence[Tally]], value: Value, name: str = "", style: str = "solid") -> list[Line]:
    return [
        Line(f"{shown(words)} {name}".strip(), arm.value, [value(tally) for tally in by_arm[arm]], style)
        for arm, words in _NAMES.items()
    ]


def _shares(title: str, lines: Sequence[Line], times: Sequence[str], limits: Sequence[Limit], note: str = "") -> Chart:
    return draw(
        title,
        lines,
        times,
        limits,
        text=share,
        tick=_tick,
        note=note,
        floor=0.0,
        ceiling=1.0,
        of_limits=gettext("limits"),
    )


def _latency(
    title: str,
    quantiles: Sequence[float],
    by_arm: Mapping[Arm, Sequence[Tally]],
    times: Sequence[str],
    gates: Sequence[Gate],
) -> Chart:
    lines: list[Line] = []
    for index, at in enumerate(quantiles):
        name = f"p{100 * at:g}" if len(quantiles) > 1 else ""
        lines += _lines(by_arm, quantile(at), name, "dashed" if index else "solid")
    limits = [limit for at in quantiles for limit in _slower(gates, at)]
    return draw(title, lines, times, limits, text=milliseconds, tick=_seconds, floor=0.0, of_limits=gettext("limits"))


def _limits(gates: Sequence[Gate], metric: Metric, *, inverse: bool = False) -> list[Limit]:
    """Return the SLO limits of a metric, the same one once; `inverse` turns shares of bad into shares of good."""
    found: dict[float, Limit] = {}
    for gate in gates:
        if gate.kind is not GateKind.SLO or gate.metric is not metric or gate.limit is None:
            continue
        value, above = (1 - gate.limit if inverse else gate.limit), (gate.worse is Worse.ABOVE) != inverse
        text = f"{number(100 * value)} %" if inverse else limit_text(gate)
        found.setdefault(value, Limit(value, above, _bound(">" if above else "<", text, gate)))
    return list(found.values())


def _slower(gates: Sequence[Gate], at: float) -> list[Limit]:
    """Return limits on a quantile: "p95 above 3 s" is stated as "more than 5 % slower than 3 s"."""
    return [
        Limit(gate.above_ms, True, _bound(">", milliseconds(gate.above_ms), gate))
        for gate in gates
        if gate.kind is GateKind.SLO and gate.metric is Metric.SLOWER and gate.above_ms and gate.limit is not None
        if abs(1 - gate.limit - at) < 1e-9
    ]


def _bound(sign: str, limit: str, gate: Gate) -> str:
    return f"{sign} {limit} {act_of(gate)}"


def _labels(axis: Axis) -> list[str]:
    """Write the points in time; a day's name where the axis is longer than a day."""
    form = "H:i" if axis.end - axis.start <= timedelta(days=1) else gettext("j M H:i")
    return [str(date_format(point.astimezone(UTC), form)) for point in axis.points]


def _tick(value: float) -> str:
    return f"{number(100 * value)} %"


def _seconds(value: float) -> str:
    return f"{number(value / 1000)} s"
