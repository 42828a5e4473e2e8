"""What this app refuses, each with its problem type."""

from __future__ import annotations

from common.errors import DomainError


class UnderLegalHold(DomainError):
    """A legal hold keeps everything about this athlete; erasing has to wait until it ends or is lifted."""

    type_slug = "legal-hold"
    title = "A legal hold keeps this"
    status = 409
