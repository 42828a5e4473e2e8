"""What a version's experiment says about promoting it: complete, with a conclusion, and nothing that harms."""

from __future__ import annotations

from typing import Final

from experiments.analysis import Finding
from experiments.errors import NoLook
from experiments.lifecycle import State
from experiments.models import Experiment
from experiments.policies import Actor
from experiments.report import GuardOutcome, Report
from experiments.selectors import Results, results_of
from modeling.evidence import EVIDENCE, Evidence

ENOUGH: Final = frozenset({Finding.BETTER, Finding.SIMILAR, Finding.INCONCLUSIVE})
"""Conclusions that let a version be promoted: the gate showed before that it is better at something, offline."""


def evidence_of(key: str, acting_user: Actor) -> Evidence:
    """Return an experiment's conclusion and what speaks against promoting its candidate.

    Raises:
        NotPermitted: experiments are not the role's.
    """
    experiment = Experiment.objects.filter(key=key).first()
    if experiment is None:
        return Evidence("", "there is no such experiment.")
    if experiment.status != State.COMPLETE:
        return Evidence("", f"it is {experiment.status}; complete it first.")
    if experiment.ended_by:
        return Evidence(f"Stopped by {experiment.ended_by}.", f"it was stopped by {experiment.ended_by}.")
    try:
        results = results_of(key=key, acting_user=acting_user)
    except NoLook:
        return Evidence("", "nobody looked at it, so that there is no conclusion.")
    return Evidence(results.report.headline.title, _against(results))


def _against(results: Results) -> str:
    report = results.report
    if report.hidden or results.alarmed_later:
        return "its arms do not have the subjects that they should, so that its results cannot be relied on."
    hit = [
        row.metric.title.lower()
        for one in report.treatments
        for row in one.guardrails
        if row.finding is GuardOutcome.STOPPED
    ]
    if hit:
        return f"a guardrail was hit: {', '.join(hit)}."
    outcome = _outcome(report)
    return "" if outcome in ENOUGH else f"its conclusion is “{outcome.value.replace('_', ' ')}”."


def _outcome(report: Report) -> Finding:
    """Return the conclusion; of an experiment that ended within a week that of its last whole week.

    People complete experiments on any day. What was judged at the end of a week stands then: no later look is whole.
    """
    judged = [one.judged for one in report.treatments]
    if report.headline.outcome is Finding.TOO_EARLY and len(judged) == 1 and judged[0] is not None:
        return Finding(judged[0].finding)
    return report.headline.outcome


def register() -> None:
    """Let promotions ask."""
    EVIDENCE.register("experiments", evidence_of)
