"""What follows from an experiment's looks: guardrails, sample ratio, comparisons at every look. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.analysis import Decision, Guardrail, SampleRatio, Tuning, Worse, sample_ratio, watch
from experiments.analysis.split import ALPHA
from experiments.looks import Look
from experiments.protocol import Protocol


def treatments_of(protocol: Protocol, weights: Mapping[str, float]) -> list[str]:
    """Return the variants that are compared with the control."""
    return [name for name in sorted(weights) if name != protocol.control]


def planned_of(protocol: Protocol, weights: Mapping[str, float], treatment: str) -> float:
    """Return how many subjects of a treatment and the control together were planned; at least one."""
    share = (weights[treatment] + weights[protocol.control]) / 100
    return max(protocol.planned_subjects * share, 1.0)


def tuning_of(protocol: Protocol, weights: Mapping[str, float], treatment: str) -> Tuning:
    """Return where the sequence of a treatment is narrowest; `weights` are those of the first phase."""
    return Tuning(planned_of(protocol, weights, treatment), protocol.alpha)


def decisions_of(
    protocol: Protocol, looks: Sequence[Look], weights: Mapping[str, float], worse: Mapping[str, Worse]
) -> list[Decision]:
    """Judge each guardrail of each treatment by all looks.

    Alpha is shared among all of them, so that an experiment that does no harm is stopped with that chance at most.

    Args:
        weights: of the first phase. worse: the direction of each guardrail's metric that harms.
    """
    treatments = treatments_of(protocol, weights)
    alpha = protocol.alpha / max(len(protocol.guardrails) * len(treatments), 1)
    found = []
    for rule in protocol.guardrails:
        guardrail = Guardrail(rule.metric, worse[rule.metric], rule.margin, rule.relative, alpha)
        for treatment in treatments:
            pairs = [
                look.measured[rule.metric].pairs[treatment]
                for look in looks
                if treatment in look.measured[rule.metric].pairs
            ]
            found.append(watch(guardrail, treatment, pairs, planned_n=planned_of(protocol, weights, treatment)))
    return found


def split_of(looks: Sequence[Look], *, strata: Sequence[str], alpha: float = ALPHA) -> SampleRatio:
    """Judge whether the arms got the subjects that they should, over all looks.

    Args:
        strata: all that the experiment can have, named before the start.
    """
    arrivals = [each for look in looks for each in look.arrivals]
    return sample_ratio(arrivals, strata=strata, alpha=alpha)
