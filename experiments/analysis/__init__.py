"""Experiments' results: sufficient statistics in, frozen results out. Pure.

`Table` (moments) -> `estimate` -> `sequence` (valid at every look, the default) or `fixed` (one planned look); beside
them `compare_shares`, `sample_ratio`, guardrails' `watch`, `holm` and `benjamini_hochberg`, and `conclude`, which says
what follows; `detectable`, `subjects_needed` and `run_time` say beforehand what can be seen.
"""

from experiments.analysis.comparison import Comparison, Interval, Method, fixed
from experiments.analysis.conclusion import Conclusion, Finding, Goal, Span, conclude, too_good
from experiments.analysis.estimation import NotIdentified, Pair, estimate
from experiments.analysis.guardrail import Action, Decision, Guardrail, Worse, watch
from experiments.analysis.lift import LiftSet, Shape
from experiments.analysis.moments import Cell, Moments, Table
from experiments.analysis.multiple import benjamini_hochberg, holm
from experiments.analysis.planning import (
    Design,
    design_effect,
    detectable,
    power,
    run_time,
    standard_error,
    subjects_needed,
)
from experiments.analysis.sequences import Tuning, sequence
from experiments.analysis.shares import Count, compare_shares
from experiments.analysis.split import Arrivals, SampleRatio, sample_ratio

__all__ = [
    "Action",
    "Arrivals",
    "Cell",
    "Comparison",
    "Conclusion",
    "Count",
    "Decision",
    "Design",
    "Finding",
    "Goal",
    "Guardrail",
    "Interval",
    "LiftSet",
    "Method",
    "Moments",
    "NotIdentified",
    "Pair",
    "SampleRatio",
    "Shape",
    "Span",
    "Table",
    "Tuning",
    "Worse",
    "benjamini_hochberg",
    "compare_shares",
    "conclude",
    "design_effect",
    "detectable",
    "estimate",
    "fixed",
    "holm",
    "power",
    "run_time",
    "sample_ratio",
    "sequence",
    "standard_error",
    "subjects_needed",
    "too_good",
    "watch",
]
