"""What a run under load came to, and its report. Pure.

Times are milliseconds. A percentile is the smallest time that so many percent of the requests did not exceed
(nearest rank).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any, Final

BUDGET: Final = 200.0
"""H6: milliseconds that the median request stays under."""


@dataclass(frozen=True)
class Route:
    """How the requests of one route went. errors: how many of them were no answer that was foreseen."""

    name: str
    requests: int
    errors: int
    p50: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True)
class Step:
    """A number of people over some seconds; `ramp` is what was asked while they arrived and is not measured."""

    users: int
    seconds: float
    everything: Route
    routes: Sequence[Route]
    errors: Sequence[str]
    ramp: Sequence[Route]
    ramp_errors: Sequence[str]

    @property
    def a_second(self) -> float:
        return self.everything.requests / self.seconds

    @property
    def held(self) -> bool:
        """Whether the budget was kept: the median under 200 ms and no error, not even in the ramp."""
        return self.everything.p50 < BUDGET and not self.errors and not self.ramp_errors


@dataclass(frozen=True)
class Run:
    """Everything the report tells. facts: what the machine and the set-up were. rows: of the database, by table.

    usage: processor seconds by kind of process over the run. lists: routes asked one after the other, by database.
    """

    facts: Mapping[str, str]
    rows: Mapping[str, int]
    steps: Sequence[Step]
    usage: Mapping[str, float]
    lists_rows: Mapping[str, int]
    lists: Sequence[Route]


def route_of(name: str, times: Sequence[float], errors: int) -> Route:
    """Return a route's figures; `times` are not empty."""
    return Route(name, len(times), errors, *(percentile(times, q) for q in (50, 95, 99)), max(times))


def percentile(times: Sequence[float], q: float) -> float:
    """Return the nearest-rank percentile.

    Raises:
        ValueError: there are no times, or q is not above 0 and up to 100.
    """
    if not times or not 0 < q <= 100:
        raise ValueError("a percentile is of some times, and above 0 and up to 100")
    return sorted(times)[ceil(q / 100 * len(times)) - 1]


def as_json(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Return steps as plain data."""
    return [asdict(step) for step in steps]


def from_json(found: Iterable[Mapping[str, Any]]) -> list[Step]:
    """Return steps that `as_json` made plain."""
    steps = []
    for one in found:
        routes = {name: [Route(**route) for route in one[name]] for name in ("routes", "ramp")}
        steps.append(Step(**{**one, **routes, "everything": Route(**one["everything"])}))
    return steps


def report(run: Run) -> str:
    """Return the report as Markdown."""
    parts = [_HEAD, _facts(run), *(_step(step) for step in run.steps)]
    if run.lists:
        parts.append(_lists(run))
    return "\n".join(parts)


_HEAD: Final = """# Mixed load

Written by `make load` (`tests/load`). All people, plans and histories are synthetic: 50 athletes' plans made by the
product's services, copied with ids, hashes and ciphertexts of their own. Coaches (16 %), athletes (80 %) and operators
(4 %) think for 15 to 45 s between turns of one to nine requests. The client runs on the same machine and takes its
share of the processors. Times are milliseconds as the client saw them. People log in while they arrive; that is told
apart. Budget (H6): the median of all requests under 200 ms, no errors.
"""


def _facts(run: Run) -> str:
    told = {**run.facts, "rows": _numbers(run.rows)}
    told["processor seconds"] = ", ".join(f"{name} {seconds:.0f}" for name, seconds in run.usage.items())
    lines = ["| what | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in told.items()), ""]
    lines += ["| people | requests a second | median | p95 | p99 | errors | median under 200 ms, no errors |"]
    lines += ["| ---: | ---: | ---: | ---: | ---: | ---: | --- |"]
    for step in run.steps:
        some = step.everything
        figures = (step.users, f"{step.a_second:.1f}", *map(_ms, (some.p50, some.p95, some.p99)), some.errors)
        lines.append(f"| {' | '.join(map(str, figures))} | {'held' if step.held else '**missed**'} |")
    return "\n".join([*lines, ""])


def _step(step: Step) -> str:
    over = [route.name for route in step.routes if route.p50 >= BUDGET]
    said = f"Routes whose own median is 200 ms or more: {', '.join(f'`{name}`' for name in over) or 'none'}."
    errors = [f"- {text}" for text in (*step.errors, *(f"in the ramp: {text}" for text in step.ramp_errors))]
    lines = [f"## {step.users} people, {step.seconds:.0f} s", "", said, ""]
    lines += [*(["Errors:", "", *errors, ""] if errors else []), *_table(step.routes), ""]
    if log_ins := [route for route in step.ramp if "/auth/token" in route.name or "/login" in route.name]:
        lines += [f"While the people arrived ({sum(one.requests for one in step.ramp)} requests):", ""]
        lines += [*_table(log_ins), ""]
    return "\n".join(lines)


def _lists(run: Run) -> str:
    head = [f"## List pages with {run.lists_rows['plans']:,} plans", ""]
    head += ["One request after the other, nobody else there.", f"Rows: {_numbers(run.lists_rows)}.", ""]
    return "\n".join([*head, *_table(run.lists), ""])


def _table(routes: Iterable[Route]) -> list[str]:
    lines = ["| route | requests | p50 | p95 | p99 | longest | errors |", "| --- " + "| ---: " * 6 + "|"]
    for one in routes:
        times = map(_ms, (one.p50, one.p95, one.p99, one.longest))
        lines.append(f"| `{one.name}` | {one.requests} | {' | '.join(times)} | {one.errors} |")
    return lines


def _ms(value: float) -> str:
    return f"{value:.0f}"


def _numbers(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {table}" for table, count in rows.items())
