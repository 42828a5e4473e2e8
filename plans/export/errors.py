"""What can keep a session out of a format."""

from __future__ import annotations


class NotExportable(ValueError):
    """A session that a format has no words for; the text is one sentence for the athlete."""
