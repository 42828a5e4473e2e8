"""What each app adds to a backup beyond the rows of its tables, and what it looks at after a restore."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.registries import Registry

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Later:
    """What is known of the time after the backup was made.

    ledgers: files that list who was erased. unknown: it was said that there is none.
    """

    ledgers: Sequence[Path] = ()
    unknown: bool = False


@dataclass(frozen=True)
class CaughtUp:
    """What was done again since it happened after the backup, in words, and what could not be."""

    done: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Contribution:
    """What an app adds.

    Args:
        prepare: called before the snapshot is taken.
        keys: "SETTING VERSION" → fingerprint of each secret that the backup cannot be read or continued without.
        facts: what must hold again after a restore, as JSON; asked within the backup's snapshot.
        left_out: tables whose rows are not taken: who steals a backup must not be able to use them.
        ready: refuses a restore before anything is changed (`DomainError`).
        verify: mends what differs on another server, and returns what does not hold after a restore.
        catch_up: does again what happened after the backup.
    """

    prepare: Callable[[], object] | None = None
    keys: Callable[[], Mapping[str, str]] | None = None
    facts: Callable[[Any], Facts] | None = None
    left_out: tuple[str, ...] = ()
    ready: Callable[[Later], None] | None = None
    verify: Callable[[Facts], list[str]] | None = None
    catch_up: Callable[[Later], CaughtUp] | None = None


@dataclass(frozen=True)
class Files:
    """A folder that a backup takes as `NAME.tar`.

    Args:
        place: where it is, None where it is kept elsewhere (a bucket).
        stage: puts into an empty folder what belongs to the snapshot whose facts (by contribution) are given.
    """

    place: Callable[[], Path | None]
    stage: Callable[[Path, Mapping[str, Facts]], None]


CONTRIBUTIONS: Registry[Contribution] = Registry("backup", required=("accounts", "audit", "fields", "telemetry"))
FILES: Registry[Files] = Registry("files of a backup", required=("audit-archive", "audit-heads", "telemetry"))
