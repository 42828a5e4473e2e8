"""What this app refuses, each with its problem type."""

from __future__ import annotations

from common.errors import DomainError


class NotSealedYet(DomainError):
    """The event is written but not sealed yet, which takes seconds: ask again soon; Retry-After says when."""

    type_slug = "not-sealed-yet"
    title = "Not sealed yet"
    status = 409

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.retry_after = 2


class LogFromAnotherServer(DomainError):
    """The audit log was restored from another database server and must be rebased before sealing goes on."""

    type_slug = "log-from-another-server"
    title = "The log comes from another server"
    status = 409


class RetentionShortened(DomainError):
    """An archived segment is locked until a day; that day can be moved later, never earlier."""

    type_slug = "retention-shortened"
    title = "A retention is never shortened"
    status = 409


class ArchiveConflict(DomainError):
    """The archive and the log contradict each other; `manage.py audit verify --archive` names where."""

    type_slug = "archive-conflict"
    title = "Archive and log contradict each other"
    status = 409


class EventDropped(DomainError):
    """The event was dropped when its time was over; only the archive has it, which cannot be read here."""

    type_slug = "event-dropped"
    title = "The event is in the archive alone"
    status = 409
