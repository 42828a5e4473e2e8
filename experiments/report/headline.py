"""One conclusion in words, which begins with the outcome: also that nothing is known. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from common.counts import counted
from experiments.analysis import Finding
from experiments.report import words
from experiments.report.model import Balance, Facts, GuardOutcome, Headline, Phase, Stand, Treatment

WORD: Final = {
    Finding.BETTER: "Better",
    Finding.WORSE: "Worse",
    Finding.SIMILAR: "Similar",
    Finding.INCONCLUSIVE: "Inconclusive",
    Finding.TOO_EARLY: "Too early",
    Finding.NOT_IDENTIFIED: "Not identified",
    Finding.STOPPED: "Stopped",
    Finding.HIDDEN: "Hidden",
}
_ORDER: Final = (
    Finding.STOPPED,
    Finding.WORSE,
    Finding.BETTER,
    Finding.SIMILAR,
    Finding.INCONCLUSIVE,
    Finding.TOO_EARLY,
    Finding.NOT_IDENTIFIED,
)
"""Of several treatments, which finding the conclusion begins with."""


def headline(facts: Facts, phase: Phase, balance: Balance, treatments: Sequence[Treatment]) -> Headline:
    """Return the conclusion; without treatments the results are hidden."""
    if not treatments:
        return _hidden(balance)
    if len(treatments) == 1:
        [one] = treatments
        return Headline(_finding(one), _title(facts, one), _more(facts, phase, one))
    by_finding = [(found, [one for one in treatments if _finding(one) is found]) for found in _ORDER]
    present = [(found, those) for found, those in by_finding if those]
    parts = [f"{WORD[found]}: {', '.join(one.name for one in those)}." for found, those in present]
    primary, control = _primary(facts), facts.protocol.control
    title = " ".join([*parts, f"{primary}, each against {control}."])
    # Each treatment's own sentences stand with its rows; here only what differs from "inconclusive".
    told = [_title(facts, one) for found, those in present for one in those if found in _ORDER[:4]]
    return Headline(present[0][0], title, " ".join(told) or _more(facts, phase, treatments[0]))


def sentences(facts: Facts, phase: Phase, treatment: Treatment) -> Headline:
    """Return what is said of one treatment, of several."""
    return Headline(_finding(treatment), _title(facts, treatment), _more(facts, phase, treatment))


def _finding(treatment: Treatment) -> Finding:
    return Finding(treatment.primary.finding)


def _primary(facts: Facts) -> str:
    return facts.metrics[facts.protocol.primary].title


_UNKNOWN: Final = (
    "Whoever is missing probably differs from the rest, so that every comparison could be wrong in either direction.",
    "Guardrails go on watching.",
    "The alarm does not go away by itself: find the cause, and start anew.",
)


def _hidden(balance: Balance) -> Headline:
    title = "Hidden: the arms do not have the subjects that they should."
    missing, variant = f"{balance.whole.missing:.0f}", balance.whole.short
    said = f"About {missing} subjects are missing from {variant}, by the weights."
    if balance.strata and balance.strata[0].alarms:
        worst = balance.strata[0]
        stratum, number, arm = worst.name, f"{worst.missing:.0f}", worst.short
        said = (
            f"About {missing} subjects are missing from {variant}, by the weights; the strongest evidence is in "
            f"{stratum}, {number} missing from {arm}."
        )
    return Headline(Finding.HIDDEN, title, " ".join([said, *_UNKNOWN]))


def _title(facts: Facts, one: Treatment) -> str:
    about, variant, control = facts.metrics[facts.protocol.primary], one.name, one.control
    metric, estimate = about.title[0].lower() + about.title[1:], one.primary.estimate
    size = words.size(about.unit, estimate.difference) if estimate else ""
    match _finding(one):
        case Finding.BETTER:
            return f"Better: {variant} changes {metric} by {size} for the better, compared with {control}."
        case Finding.WORSE:
            return f"Worse: {variant} changes {metric} by {size} for the worse, compared with {control}."
        case Finding.SIMILAR:
            share = f"{100 * (facts.protocol.similar or 0):.3g}"
            return f"Similar: {metric} under {variant} and {control} differs by less than {share} %."
        case Finding.STOPPED:
            return _stopped(one)
        case Finding.NOT_IDENTIFIED:
            return f"Not identified: nothing can be said of {metric} under {variant}."
        case Finding.TOO_EARLY:
            return f"Too early: whether {variant} changes {metric} is judged after whole weeks."
    return f"Inconclusive: it is not known whether {variant} changes {metric}."


def _stopped(one: Treatment) -> str:
    hit = [row.metric.title for row in one.guardrails if row.finding is GuardOutcome.STOPPED]
    names, variant, control = " and ".join(title[0].lower() + title[1:] for title in hit), one.name, one.control
    if len(hit) > 1:
        return f"Stopped: under {variant} {names} are worse than under {control} by more than the margin."
    return f"Stopped: under {variant} {names} is worse than under {control} by more than the margin."


def _more(facts: Facts, phase: Phase, one: Treatment) -> str:
    """Say what is still possible, what is ruled out, and when more is known."""
    row, outlook = one.primary, one.outlook
    said = [_interval(facts, phase, one)]
    if row.too_good and row.estimate is not None and row.estimate.lift is not None:
        lift = f"{row.estimate.lift:+.0%}"
        said.append(f"A lift of {lift} is not to be believed unchecked: look for a mistake first.")
    if outlook is not None and row.finding is not Finding.STOPPED:
        said += _possible(facts, one)
    if one.judged is not None and row.finding is Finding.TOO_EARLY:
        word, at = WORD[Finding(one.judged.finding)].lower(), words.moment(one.judged.as_of)
        said.append(f"At the end of the last whole week, {at} UTC, it was {word}.")
    if row.finding is Finding.STOPPED:
        said.append("The guardrail ends the experiment: nobody gets a variant of it any more.")
    elif outlook is not None and outlook.next is not None and row.finding not in (Finding.BETTER, Finding.WORSE):
        said.append(_then(facts, one))
    return " ".join(part for part in said if part)


def _interval(facts: Facts, phase: Phase, one: Treatment) -> str:
    """Say where the difference lies, and after how many days; whole sentences, since each is translated as one."""
    estimate, number, days = one.primary.estimate, phase.day, phase.of
    time = counted(number, "day", "days")
    if estimate is None:
        why = one.primary.not_identified
        if phase.is_over:
            return f"At the end there is no estimate: {why}."
        if days:
            return f"After {number} of {days} days there is no estimate: {why}."
        return f"After {time} there is no estimate: {why}."
    unit, confidence = one.primary.metric.unit, f"{1 - facts.protocol.alpha:.0%}"
    low, high = words.bare(unit, estimate.low), words.difference(unit, estimate.high)
    if phase.is_over:
        return f"At the end the difference lies between {low} and {high} ({confidence} confidence at every look)."
    if days:
        return (
            f"After {number} of {days} days the difference lies between {low} and {high} "
            f"({confidence} confidence at every look)."
        )
    return f"After {time} the difference lies between {low} and {high} ({confidence} confidence at every look)."


def _possible(facts: Facts, one: Treatment) -> list[str]:
    outlook, about, protocol = one.outlook, one.primary.metric, facts.protocol
    assert outlook is not None
    named = [("no effect", outlook.none)]
    if outlook.target is not None and protocol.target is not None:
        target = words.difference(about.unit, protocol.target)
        named.append((f"the target of {target}", outlook.target))
    if outlook.similar is not None and protocol.similar is not None:
        similar = f"{100 * protocol.similar:.3g}"
        named.append((f"a difference of less than {similar} %", outlook.similar))
    said = [_listed([name for name, found in named if found is stand], stand) for stand in (
        Stand.POSSIBLE, Stand.RULED_OUT, Stand.REACHED
    )]  # fmt: skip
    worst = words.size(about.unit, outlook.worst)
    if one.primary.finding is not Finding.WORSE:
        said.append(f"A harm of more than {worst} is ruled out." if outlook.worst else "Any harm is ruled out.")
    return said


def _listed(names: Sequence[str], stand: Stand) -> str:
    if not names:
        return ""
    text = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    possibilities, is_one = text[0].upper() + text[1:], len(names) == 1
    match stand:
        case Stand.POSSIBLE:
            return f"{possibilities} is still possible." if is_one else f"{possibilities} are still possible."
        case Stand.RULED_OUT:
            return f"{possibilities} is ruled out." if is_one else f"{possibilities} are ruled out."
        case Stand.REACHED:
            return f"{possibilities} is reached." if is_one else f"{possibilities} are reached."


def _then(facts: Facts, one: Treatment) -> str:
    outlook, unit = one.outlook, one.primary.metric.unit
    assert outlook is not None
    assert outlook.next is not None
    day, planned = f"{outlook.next:%-d %b}", f"{outlook.planned:,}"
    if outlook.half_width is None:
        return f"More is known after {day}, when the next week is whole; the planned {planned} subjects are in."
    width = words.size(unit, outlook.half_width)
    return (
        f"More is known after {day}, when the next week is whole; at the planned {planned} subjects the interval will "
        f"be about ±{width}."
    )
