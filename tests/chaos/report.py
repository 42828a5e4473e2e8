"""The report of an exercise, as Markdown: every figure, and a verdict that follows from them alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass
class Facts:
    """What the report says; times in seconds.

    violations: how many of each invariant; named: the first few of each in words. took: how long each answer did.
    errors: (kind, during which faults) and how many requests. ready, caught_up: by kind of fault, from its end until
    the service was ready, until no event waited for long; None where that never was again. longest: how long one
    waited, by what it is.
    """

    command: str
    begun: str
    machine: Mapping[str, str]
    minutes: float
    people: str
    violations: Mapping[str, int]
    named: Mapping[str, Sequence[str]] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    took: Sequence[float] = ()
    errors: Mapping[tuple[str, str], int] = field(default_factory=dict)
    faults: Sequence[tuple[float, str, str]] = ()
    ready: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    caught_up: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    longest: Mapping[str, float] = field(default_factory=dict)
    restarts: Mapping[str, int] = field(default_factory=dict)
    ready_share: float = 1.0
    settled_seconds: float | None = None
    left_open: Sequence[int] = ()
    left_out: Sequence[str] = ()
    broken: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        """Return whether nothing was found, everything settled and no client met an answer that it could not use."""
        is_sound = not any(self.violations.values()) and not self.failures
        return is_sound and self.settled_seconds is not None and not self.broken

    @property
    def failures(self) -> int:
        """Return how many answers were a 500: whatever is down, the product knows of it and says 503."""
        return sum(count for (error, _), count in self.errors.items() if error == "500")


def as_markdown(facts: Facts) -> str:
    """Return the whole report."""
    parts = [
        _head(facts),
        _invariants(facts),
        _writes(facts),
        _figures(facts),
        _requests(facts),
        _recoveries(facts),
        _faults(facts),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies (nearest rank).

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("no values")
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _head(facts: Facts) -> str:
    settled = "never" if facts.settled_seconds is None else f"after {facts.settled_seconds:.0f} s"
    verdict = "**Everything held.**" if facts.holds else "**Not everything held**: see below."
    lines = [
        "# Faults under load",
        "",
        f"{verdict} {len(facts.faults)} faults in {facts.minutes:g} minutes, while {facts.people} worked. All of them"
        " are synthetic.",
        "",
        f"- Begun: {facts.begun}",
        f"- Command: `{facts.command}`",
        *(f"- {name}: {value}" for name, value in facts.machine.items()),
        f"- Nothing was open any more {settled} (jobs, events to publish, audit events to seal, heads to publish"
        + (f": {', '.join(map(str, facts.left_open))} left)." if facts.settled_seconds is None else ")."),
        *(f"- Left out: {what}" for what in facts.left_out),
    ]
    return "\n".join(lines)


def _invariants(facts: Facts) -> str:
    rows = [(name.replace("_", " "), count) for name, count in facts.violations.items()]
    rows.append(("no answer is a 500", facts.failures))
    text = "## What must hold\n\n" + table(("invariant", "violations"), rows)
    for name, found in facts.named.items():
        text += f"\n\n{name.replace('_', ' ').capitalize()}:\n\n" + "\n".join(f"- {line}" for line in found)
    if facts.broken:
        text += "\n\nAnswers that clients could not use:\n\n" + "\n".join(f"- {line}" for line in facts.broken[:20])
    return text


def _writes(facts: Facts) -> str:
    columns = ("acknowledged", "refused", "wished", "unknown", "repeated", "replayed")
    given = facts.figures.get("writes", {})
    rows = [(kind, *(row.get(name, 0) for name in columns)) for kind, row in given.items()]
    total = ("all", *(sum(row[place] for row in rows) for place in range(1, len(columns) + 1)))
    note = (
        "Wished: somebody else has to agree, and may. Unknown: no answer until the client gave up. Repeated: sent more"
        " than once with the same key. Replayed: answered with the stored answer of an earlier attempt: its effect is"
        " there, though the first answer was lost."
    )
    return "## Writes\n\n" + table(("write", *columns), [*rows, total]) + f"\n\n{note}"


def _figures(facts: Facts) -> str:
    figures = facts.figures
    rows: list[tuple[object, ...]] = [("plans, versions", f"{figures.get('plans')}, {figures.get('versions')}")]
    rows += [(f"jobs {name}", count) for name, count in figures.get("jobs", {}).items()]
    rows += [(f"jobs that took {times} attempts", count) for times, count in figures.get("attempts", {}).items()]
    rows += [(f"audit: {name}", count) for name, count in figures.get("audit", {}).items()]
    rows += [(f"events: {name}", count) for name, count in figures.get("events", {}).items()]
    rows += [("rollout", state) for state in figures.get("rollouts", [])]
    rows += [(f"longest wait: {name}", f"{seconds:.0f} s") for name, seconds in facts.longest.items()]
    rows += [(name, count) for name, count in sorted(facts.restarts.items())]
    return "## Figures\n\n" + table(("figure", "value"), rows)


def _requests(facts: Facts) -> str:
    rows = [(name, count) for name, count in sorted(facts.statuses.items())]
    text = "## Requests\n\n" + table(("answer", "requests"), rows)
    text += f"\n\nSome web process was ready at {facts.ready_share:.1%} of the looks (four a second)."
    if facts.took:
        shown = ", ".join(
            f"p{share:.0%} {percentile(facts.took, share):.2f} s".replace("%", "") for share in (0.5, 0.95)
        )
        text += f" Answers took {shown}; {len(facts.took) / facts.minutes / 60:.1f} a second."
    if facts.errors:
        worst = sorted(facts.errors.items(), key=lambda item: -item[1])
        text += "\n\n" + table(("error", "during", "requests"), [(*key, count) for key, count in worst])
    return text


def _recoveries(facts: Facts) -> str:
    rows: list[tuple[object, ...]] = []
    for name, given in sorted(facts.ready.items()):
        rows.append((name, len(given), *_shown(given), *_shown(facts.caught_up.get(name, ()))))
    if not rows:
        return ""
    columns = ("fault", "times", "ready: p50", "max", "caught up: p50", "max")
    note = (
        "Ready: a web process says that it can work. Caught up: no event has waited to be published or sealed for more"
        " than 15 s. 0: it never was otherwise. Faults of the two lanes overlap, so a figure may be another fault's."
    )
    return "## Seconds from a fault's end until all was well\n\n" + table(columns, rows) + f"\n\n{note}"


def _shown(given: Sequence[float | None]) -> tuple[str, str]:
    known = [value for value in given if value is not None]
    never = " (never: " + str(len(given) - len(known)) + ")" if len(known) < len(given) else ""
    return (f"{median(known):.1f}", f"{max(known):.1f}{never}") if known else ("", never.strip())


def _faults(facts: Facts) -> str:
    rows = [(f"{at:.0f}", name, what) for at, name, what in facts.faults]
    return "## Faults\n\n" + table(("second", "fault", "what"), rows)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(columns)} |", f"| {' | '.join('---' for _ in columns)} |"]
    lines += [f"| {' | '.join(str(cell).replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join(lines)
