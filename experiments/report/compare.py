"""Treatments against the control at a look: estimates, adjusted p-values, guardrails, conclusions. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from common.counts import counted
from experiments.analysis import (
    Action,
    Comparison,
    Conclusion,
    Decision,
    Finding,
    Goal,
    NotIdentified,
    SampleRatio,
    Span,
    Worse,
    conclude,
    holm,
    sequence,
)
from experiments.analysis.lift import LiftSet
from experiments.judging import decisions_of, planned_of, treatments_of, tuning_of
from experiments.looks import Look
from experiments.protocol import Guarded
from experiments.report import words
from experiments.report.model import Estimate, Facts, Guard, GuardOutcome, MetricFacts, Role, Row

Compared = Comparison | NotIdentified
Key = tuple[str, str]
"""Treatment and metric."""

BALANCED: Final = SampleRatio(mismatch=False, e_value=1.0, strata=(), alarmed_at=None, why="")


@dataclass(frozen=True, slots=True)
class Rows:
    """A treatment's rows at a look."""

    primary: Row
    goals: tuple[Row, ...]
    guardrails: tuple[Row, ...]


def harm_of(facts: Facts) -> dict[str, Worse]:
    """Return the direction of each metric that harms."""
    return {name: Worse.BELOW if one.higher_is_better else Worse.ABOVE for name, one in facts.metrics.items()}


def families_of(facts: Facts) -> dict[str, str]:
    """Say what p-values are adjusted over (Holm), by role; nothing where there is one question."""
    treatments, goals = len(treatments_of(facts.protocol, facts.weights[1])), len(facts.protocol.goals)
    of_primary = f"Holm over {treatments} treatments" if treatments > 1 else ""
    questions = counted(goals, "goal", "goals")
    of_goals = f"Holm over {questions}" if goals * treatments > 1 else ""
    if of_goals and treatments > 1:
        of_goals = f"Holm over {questions} × {treatments} treatments"
    return {Role.PRIMARY.value: of_primary, Role.GOAL.value: of_goals, Role.GUARDRAIL.value: ""}


def rows_of(facts: Facts, looks: Sequence[Look], span: Span) -> dict[str, Rows]:
    """Return each treatment's rows at the newest look; guardrails are judged by all of them."""
    decisions = decisions_of(facts.protocol, looks, facts.weights[1], harm_of(facts))
    return rows_at(facts, looks[-1], {(one.treatment, one.guardrail): one for one in decisions}, span)


def rows_at(facts: Facts, look: Look, decisions: Mapping[Key, Decision], span: Span) -> dict[str, Rows]:
    """Return each treatment's rows at a look, given what its guardrails say of it and those before."""
    protocol = facts.protocol
    treatments = treatments_of(protocol, facts.weights[1])
    compared = {
        (name, metric): compare(facts, look, name, metric) for name in treatments for metric in protocol.metrics
    }
    adjusted = {
        **_adjusted({(name, protocol.primary): compared[name, protocol.primary] for name in treatments}),
        **_adjusted({(name, goal): compared[name, goal] for name in treatments for goal in protocol.goals}),
    }
    found = {}
    for name in treatments:
        guards = [_retitled(facts, one) for key, one in decisions.items() if key[0] == name]
        rows = {}
        for metric in (protocol.primary, *protocol.goals):
            key = name, metric
            told = _concluded(facts, compared[key], metric, span, guards, adjusted.get(key))
            role = Role.PRIMARY if metric == protocol.primary else Role.GOAL
            row = _row(facts, look, *key, compared[key], role)
            rows[metric] = replace(
                row, p_adjusted=adjusted.get(key), finding=told.finding, words=told.words, too_good=told.too_good
            )
        guarded = [
            _guarded(facts, look, rule, compared[name, rule.metric], decisions[name, rule.metric])
            for rule in protocol.guardrails
        ]
        found[name] = Rows(rows[protocol.primary], tuple(rows[goal] for goal in protocol.goals), tuple(guarded))
    return found


def compare(facts: Facts, look: Look, treatment: str, metric: str) -> Compared:
    """Compare at a look, so that all looks together mislead with a chance of at most alpha."""
    measured = look.measured.get(metric)
    pair = measured.pairs.get(treatment) if measured else None
    if pair is None:
        return NotIdentified(treatment, facts.protocol.control, "nothing was counted at this look")
    if isinstance(pair, NotIdentified):
        return pair
    return sequence(pair, tuning_of(facts.protocol, facts.weights[1], treatment), alpha=facts.protocol.alpha)


def planned_for(facts: Facts, treatment: str) -> int:
    """Return how many subjects of a treatment and the control were planned."""
    return round(planned_of(facts.protocol, facts.weights[1], treatment))


def _adjusted(compared: Mapping[Key, Compared]) -> dict[Key, float]:
    """Return Holm's p-values of those that are identified; none where one question was asked.

    Who is not identified yet asks as well: a p-value of 1 in its place keeps the family what it was planned to be.
    """
    if len(compared) < 2:
        return {}
    p = holm([1.0 if isinstance(one, NotIdentified) else one.p_value for one in compared.values()])
    return {key: each for (key, one), each in zip(compared.items(), p, strict=True) if isinstance(one, Comparison)}


def _concluded(
    facts: Facts, compared: Compared, metric: str, span: Span, guards: Sequence[Decision], p_adjusted: float | None
) -> Conclusion:
    about = facts.metrics[metric]
    similar = facts.protocol.similar if metric == facts.protocol.primary else None
    goal = Goal(about.title, about.higher_is_better, similar)
    return conclude(goal, compared, span, sample_ratio=BALANCED, guardrails=guards, p_adjusted=p_adjusted)


def _retitled(facts: Facts, decision: Decision) -> Decision:
    return replace(decision, guardrail=facts.metrics[decision.guardrail].title)


def _row(facts: Facts, look: Look, treatment: str, metric: str, compared: Compared, role: Role) -> Row:
    """Return a row without its conclusion."""
    measured, control = look.measured.get(metric), facts.protocol.control
    arms = {name: arm for name, arm in measured.arms.items() if name in (treatment, control)} if measured else {}
    unknown = compared.why if isinstance(compared, NotIdentified) else ""
    return Row(
        metric=facts.metrics[metric],
        role=role,
        treatment=treatment,
        control=control,
        arms=arms,
        immature=measured.immature if measured else 0,
        estimate=None if isinstance(compared, NotIdentified) else estimate_of(compared),
        not_identified=unknown,
        finding=Finding.NOT_IDENTIFIED,
        words=unknown,
    )


def estimate_of(compared: Comparison) -> Estimate:
    """Return what is told of a comparison."""
    pair = compared.pair
    return Estimate(
        difference=pair.difference,
        low=compared.interval.low,
        high=compared.interval.high,
        p_value=compared.p_value,
        treatment=pair.mean_treatment,
        control=pair.mean_control,
        lift=compared.lift,
        lifts=compared.lifts,
        df=pair.df,
        coaches=pair.clusters,
        variance_reduction=pair.variance_reduction,
        before_missing=pair.before_missing,
        collapsed=pair.collapsed,
    )


def _guarded(facts: Facts, look: Look, rule: Guarded, compared: Compared, decision: Decision) -> Row:
    about = facts.metrics[rule.metric]
    outcome = _outcome(rule, harm_of(facts)[rule.metric], compared, decision)
    guard = Guard(rule.margin, rule.relative, _limit(rule, about, compared), outcome, decision.action, decision.p_value)
    bound = words.margin(about.unit, rule.margin, relative=rule.relative)
    said = {
        GuardOutcome.STOPPED: f"harm beyond the margin of {bound} is shown; it stops the experiment",
        GuardOutcome.CLEAR: f"harm beyond the margin of {bound} is ruled out",
        GuardOutcome.OPEN: f"harm beyond the margin of {bound} is neither shown nor ruled out",
        GuardOutcome.NO_DATA: compared.why if isinstance(compared, NotIdentified) else decision.why,
    }[outcome]
    metric = about.title
    row = _row(facts, look, decision.treatment, rule.metric, compared, Role.GUARDRAIL)
    return replace(row, finding=outcome, words=f"{metric}: {said}.", guard=guard)


def _outcome(rule: Guarded, worse: Worse, compared: Compared, decision: Decision) -> GuardOutcome:
    if decision.action is Action.STOP:
        return GuardOutcome.STOPPED
    if decision.action is Action.NO_DATA or isinstance(compared, NotIdentified):
        return GuardOutcome.NO_DATA
    return GuardOutcome.CLEAR if _is_clear(rule, worse, compared) else GuardOutcome.OPEN


def _is_clear(rule: Guarded, worse: Worse, compared: Comparison) -> bool:
    """Tell whether all that the interval (or the set of lifts) leaves is less harm than the margin."""
    if not rule.relative:
        low, high = compared.interval.low, compared.interval.high
        return high < rule.margin if worse is Worse.ABOVE else low > -rule.margin
    lifts: LiftSet = compared.lifts
    if not lifts.bounded or lifts.low is None or lifts.high is None:
        return False
    # Of a negative control more harm upwards is a smaller lift.
    upwards = (worse is Worse.ABOVE) == (compared.pair.mean_control > 0)
    return lifts.high < rule.margin if upwards else lifts.low > -rule.margin


def _limit(rule: Guarded, about: MetricFacts, compared: Compared) -> float | None:
    sign = -1.0 if about.higher_is_better else 1.0
    if not rule.relative:
        return sign * rule.margin
    return None if isinstance(compared, NotIdentified) else sign * rule.margin * abs(compared.pair.mean_control)
