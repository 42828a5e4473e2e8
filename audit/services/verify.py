"""Verifying the log against itself and against what is kept outside the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings

from audit.archive.stores import store
from audit.dropped import ArchivedLeaves, archive_or_why_not, dropped_events, over_before
from audit.heads import TreeHead
from audit.keys import signing_keys
from audit.outside import check_archive, check_heads
from audit.services.publish_heads import heads_in, published_heads
from audit.verification import LogVerifier, Progress, Report
from common.context import register_service, unit_of_work

VERIFIER = register_service("verifier")


@dataclass(frozen=True)
class Scope:
    """Which seals to verify (since < sealed_at ≤ until; all without bounds), and what to hold against the log.

    against: files of heads. archive: whether to read the whole archive as well.
    """

    since: datetime | None = None
    until: datetime | None = None
    against: Sequence[Path] = field(default=())
    archive: bool = False


def leaves_to_verify(scope: Scope) -> int:
    """Return how many leaves `verify_log` will read, for a progress bar."""
    with unit_of_work(VERIFIER, read_only=True):
        return LogVerifier(signing_keys(), since=scope.since, until=scope.until).leaves_to_read()


def verify_log(scope: Scope, progress: Progress | None = None) -> Report:
    """Verify the log, then the heads in `AUDIT_HEADS_DIR` and in `scope.against` against it. Changes nothing.

    Events that retention dropped are read from the archive, also without `scope.archive`; `Report.head_only` names
    those that it does not have, or that could not be read.

    Raises:
        BadHead: a file holds something that is no head.
        OSError: a file cannot be read.
    """
    keys = signing_keys()
    heads: list[Iterable[TreeHead]] = [published_heads(Path(settings.AUDIT_HEADS_DIR))]
    heads += [heads_in(path) for path in scope.against]
    with unit_of_work(VERIFIER, read_only=True):
        dropped = dropped_events()
        archived = ArchivedLeaves(archive_or_why_not()[0] if dropped.ranges else None, keys)
        verifier = LogVerifier(
            keys, since=scope.since, until=scope.until, dropped=dropped, archived=archived, over_before=over_before()
        )
        report = verifier.run(progress)
        for problem in archived.problems:
            report.add("archive altered", problem)
        for some in heads:
            check_heads(some, keys, report)
        if scope.archive:
            for begin, end in report.head_only:
                detail = f"the archive lacks leaves {begin} to {end - 1}, whose events were dropped from the database"
                report.add("archive altered", detail, leaf_index=begin)
            report.archived = check_archive(store(), keys, report, dropped)
    return report
