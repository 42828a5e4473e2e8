"""The report of an upgrade under load, as Markdown, and a verdict that follows from its figures. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.chaos.locks import Held
from tests.chaos.report import percentile, table


class Seen(NamedTuple):
    """One request: when it began, how long it took (seconds), and how it failed (empty: it did not)."""

    begun: float
    took: float
    failure: str = ""


@dataclass
class Phase:
    """What went on from `begun` until the next one."""

    name: str
    begun: float


@dataclass
class Upgrade:
    """What happened and what was found; times in seconds.

    migrations: those between both releases. tries: of `migrate`. blocked_seconds: how long the transaction of the
    trial went on once it was waited for. jobs, unknown: jobs that failed and messages that nobody knew, by kind.
    left_open: jobs, events, audit events and heads that were not done in the end.
    """

    command: str
    machine: Mapping[str, str]
    old: str
    new: str
    migrations: Sequence[str]
    people: str
    phases: Sequence[Phase]
    ended: float
    seen: Sequence[Seen]
    locks: Sequence[Held] = ()
    queued: int = 0
    tries: int = 1
    migrate_seconds: float = 0.0
    blocked_table: str = ""
    blocked_seconds: float = 0.0
    lock_timeout: float = 0.0
    violations: Mapping[str, int] = field(default_factory=dict)
    named: Mapping[str, Sequence[str]] = field(default_factory=dict)
    writes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    lost: int = 0
    acknowledged: int = 0
    jobs: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, int] = field(default_factory=dict)
    left_open: Sequence[int] = (0, 0, 0, 0)
    broken: Sequence[str] = ()

    @property
    def failures(self) -> dict[str, int]:
        """How many requests failed, by how."""
        found: dict[str, int] = {}
        for one in self.seen:
            if one.failure:
                found[one.failure] = found.get(one.failure, 0) + 1
        return found

    @property
    def holds(self) -> bool:
        """Return whether no request failed, nothing was lost, and nothing is left."""
        bad = [self.failures, any(self.violations.values()), self.lost, self.jobs, self.unknown, self.broken]
        return bool(self.seen) and not any(bad) and not any(self.left_open)


def as_markdown(upgrade: Upgrade) -> str:
    """Return the whole report."""
    parts = [_head(upgrade), _phases(upgrade), _migrating(upgrade), _writes(upgrade), _invariants(upgrade)]
    return "\n\n".join(parts) + "\n"


def by_phase(phases: Sequence[Phase], ended: float, seen: Iterable[Seen]) -> list[tuple[Phase, float, list[Seen]]]:
    """Return each phase with its length and the requests that began in it."""
    ends = [*(phase.begun for phase in phases[1:]), ended]
    listed = list(seen)
    return [
        (phase, end - phase.begun, [one for one in listed if phase.begun <= one.begun < end])
        for phase, end in zip(phases, ends, strict=True)
    ]


def _head(upgrade: Upgrade) -> str:
    verdict = "**Everything held.**" if upgrade.holds else "**Not everything held**: see below."
    lines = [
        "# Upgrade under load",
        "",
        f"{verdict} From {upgrade.old} to {upgrade.new} with {len(upgrade.migrations)} migrations, back (code alone)"
        f" and forward again, while {upgrade.people} worked. All of them are synthetic.",
        "",
        f"- Command: `{upgrade.command}`",
        f"- {', '.join(f'{name} {value}' for name, value in upgrade.machine.items())}",
        f"- Requests: {len(upgrade.seen)}, failed: {sum(upgrade.failures.values())}",
        f"- Writes that were acknowledged: {upgrade.acknowledged}, of which lost: {upgrade.lost}",
        f"- Jobs that failed: {_listed(upgrade.jobs)}; messages that a worker did not know: {_listed(upgrade.unknown)}",
        "- Left open (jobs, events to publish, audit events to seal, heads to publish): "
        + ", ".join(map(str, upgrade.left_open)),
    ]
    lines += [f"- Failed: {name}: {count}" for name, count in upgrade.failures.items()]
    lines += [f"- An answer that a client could not use: {line}" for line in upgrade.broken[:20]]
    return "\n".join(lines)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "0"


def _phases(upgrade: Upgrade) -> str:
    rows = []
    for phase, seconds, seen in by_phase(upgrade.phases, upgrade.ended, upgrade.seen):
        took = [one.took for one in seen] or [0.0]
        failed = sum(bool(one.failure) for one in seen)
        shown = (f"{percentile(took, share):.2f}" for share in (0.5, 0.95))
        rows.append((phase.name, f"{seconds:.0f}", len(seen), failed, *shown, f"{max(took):.2f}"))
    columns = ("phase", "seconds", "requests", "failed", "p50 s", "p95 s", "slowest s")
    return "## Requests by phase\n\n" + table(columns, rows)


def _migrating(upgrade: Upgrade) -> str:
    rows = [
        (lock.migration, lock.table, lock.mode, f"{lock.held:.2f}", f"{lock.waited:.2f}", lock.goes)
        for lock in upgrade.locks
        if lock.held or lock.waited
    ]
    columns = ("migration", "table", "lock", "held longest s", "waited longest s", "had to wait")
    text = (
        f"## Migrating\n\n`migrate` took {upgrade.migrate_seconds:.1f} s and {upgrade.tries} tries. Meanwhile a"
        f" transaction had read `{upgrade.blocked_table}`; it went on for {upgrade.blocked_seconds:.0f} s after a"
        f" migration first had to wait for it. `migrate` waits for a lock no longer than {upgrade.lock_timeout:g} s."
        f" At most {upgrade.queued} sessions of the service waited for a lock at once. Locks on tables that were there"
        " before, looked at some fifty times a second:\n\n"
    )
    return text + table(columns, rows) + "\n\nMigrations: " + ", ".join(sorted(upgrade.migrations)) + "."


def _writes(upgrade: Upgrade) -> str:
    columns = ("acknowledged", "refused", "unknown", "repeated", "replayed")
    rows = [(kind, *(row.get(name, 0) for name in columns)) for kind, row in upgrade.writes.items()]
    return "## Writes of coaches and athletes\n\n" + table(("write", *columns), rows)


def _invariants(upgrade: Upgrade) -> str:
    rows: list[tuple[Any, ...]] = [(name.replace("_", " "), count) for name, count in upgrade.violations.items()]
    text = "## What must hold\n\n" + table(("invariant", "violations"), rows)
    for name, found in upgrade.named.items():
        text += f"\n\n{name.replace('_', ' ').capitalize()}:\n\n" + "\n".join(f"- {line}" for line in found)
    return text
