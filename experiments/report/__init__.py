"""What came of an experiment, told from its stored looks alone, so that it never changes. Pure.

`report` puts it together (make), by arms and metrics (compare), with the sample ratio and where a mismatch comes from
(balance), and one conclusion in words (headline); `document` and `rows` write it down for machines (export).
"""

from experiments.report.export import COLUMNS, FORMAT, csv_of, document, plain_json, rows
from experiments.report.make import looks_until, report
from experiments.report.model import (
    Balance,
    Estimate,
    Facts,
    Funnel,
    Guard,
    GuardOutcome,
    Headline,
    Judged,
    MetricFacts,
    Outlook,
    Phase,
    Point,
    Pooled,
    Report,
    Role,
    Row,
    Slice,
    Stand,
    Treatment,
)

__all__ = [
    "COLUMNS",
    "FORMAT",
    "Balance",
    "Estimate",
    "Facts",
    "Funnel",
    "Guard",
    "GuardOutcome",
    "Headline",
    "Judged",
    "MetricFacts",
    "Outlook",
    "Phase",
    "Point",
    "Pooled",
    "Report",
    "Role",
    "Row",
    "Slice",
    "Stand",
    "Treatment",
    "csv_of",
    "document",
    "looks_until",
    "plain_json",
    "report",
    "rows",
]
