"""What experiments refuse, each with its problem type."""

from __future__ import annotations

from common.errors import DomainError, NotVisible


class ResultsHidden(DomainError):
    """The arms do not have the subjects that they should (sample-ratio mismatch), so that no comparison is told.

    `alarmed_at` is the look from which on results are hidden, `e_value` the evidence; the results page tells where the
    imbalance comes from.
    """

    type_slug = "srm-alarm"
    title = "Results are hidden: the sample ratio alarms"
    status = 409


class NoLook(NotVisible):
    """There is no look yet, or none at or before the moment that was asked about."""
