"""One conclusion in words, which begins with the outcome: also that nothing is known. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

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
    title = f"{' '.join(parts)} {_primary(facts)}, each against {facts.protocol.control}."
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


def _hidden(balance: Balance) -> Headline:
    title = "Hidden: the arms do not have the subjects that they should."
    said = f"About {balance.whole.missing:.0f} subjects are missing from {balance.whole.short}, by the weights"
    if balance.strata and balance.strata[0].alarms:
        worst = balance.strata[0]
        said += f"; the strongest evidence is in {worst.name}, {worst.missing:.0f} missing from {worst.short}"
    return Headline(
        Finding.HIDDEN,
        title,
        f"{said}. Whoever is missing probably differs from the rest, so that every comparison could be "
        "wrong in either direction. Guardrails go on watching. The alarm does not go away by itself: find the cause, "
        "and start anew.",
    )


def _title(facts: Facts, one: Treatment) -> str:
    about, finding, control = facts.metrics[facts.protocol.primary], _finding(one), one.control
    metric, estimate = about.title[0].lower() + about.title[1:], one.primary.estimate
    by = "" if estimate is None else f" by {words.size(about.unit, estimate.difference)}"
    match finding:
        case Finding.BETTER | Finding.WORSE:
            return f"{WORD[finding]}: {one.name} changes {metric}{by} for the {finding}, compared with {control}."
        case Finding.SIMILAR:
            near = f"by less than {100 * (facts.protocol.similar or 0):.3g} %"
            return f"Similar: {metric} under {one.name} and {control} differs {near}."
        case Finding.STOPPED:
            return f"Stopped: under {one.name} {_stopping(one)} worse than under {control} by more than the margin."
        case Finding.NOT_IDENTIFIED:
            return f"Not identified: nothing can be said of {metric} under {one.name}."
        case Finding.TOO_EARLY:
            return f"Too early: whether {one.name} changes {metric} is judged after whole weeks."
    return f"Inconclusive: it is not known whether {one.name} changes {metric}."


def _stopping(one: Treatment) -> str:
    hit = [row.metric.title for row in one.guardrails if row.finding is GuardOutcome.STOPPED]
    names = " and ".join(title[0].lower() + title[1:] for title in hit)
    return f"{names} {'are' if len(hit) > 1 else 'is'}"


def _more(facts: Facts, phase: Phase, one: Treatment) -> str:
    """Say what is still possible, what is ruled out, and when more is known."""
    row, outlook = one.primary, one.outlook
    said = [f"{_when(phase)} {_interval(facts, one)}"]
    if row.too_good and row.estimate is not None and row.estimate.lift is not None:
        said.append(f"A lift of {row.estimate.lift:+.0%} is not to be believed unchecked: look for a mistake first.")
    if outlook is not None and row.finding is not Finding.STOPPED:
        said += _possible(facts, one)
    if one.judged is not None and row.finding is Finding.TOO_EARLY:
        word = WORD[Finding(one.judged.finding)].lower()
        said.append(f"At the end of the last whole week, {words.moment(one.judged.as_of)} UTC, it was {word}.")
    if row.finding is Finding.STOPPED:
        said.append("The guardrail ends the experiment: nobody gets a variant of it any more.")
    elif outlook is not None and outlook.next is not None and row.finding not in (Finding.BETTER, Finding.WORSE):
        said.append(_then(facts, one))
    return " ".join(part for part in said if part)


def _when(phase: Phase) -> str:
    if phase.is_over:
        return "At the end"
    return (
        f"After {phase.day} of {phase.of} days" if phase.of else f"After {phase.day} day{'' if phase.day == 1 else 's'}"
    )


def _interval(facts: Facts, one: Treatment) -> str:
    estimate = one.primary.estimate
    if estimate is None:
        return f"there is no estimate: {one.primary.not_identified}."
    unit = one.primary.metric.unit
    low, high = words.bare(unit, estimate.low), words.difference(unit, estimate.high)
    return f"the difference lies between {low} and {high} ({1 - facts.protocol.alpha:.0%} confidence at every look)."


def _possible(facts: Facts, one: Treatment) -> list[str]:
    outlook, about, protocol = one.outlook, one.primary.metric, facts.protocol
    assert outlook is not None
    named = [("no effect", outlook.none)]
    if outlook.target is not None and protocol.target is not None:
        named.append((f"the target of {words.difference(about.unit, protocol.target)}", outlook.target))
    if outlook.similar is not None and protocol.similar is not None:
        named.append((f"a difference of less than {100 * protocol.similar:.3g} %", outlook.similar))
    said = [
        _listed([name for name, stand in named if stand is Stand.POSSIBLE], "is still possible", "are still possible"),
        _listed([name for name, stand in named if stand is Stand.RULED_OUT], "is ruled out", "are ruled out"),
        _listed([name for name, stand in named if stand is Stand.REACHED], "is reached", "are reached"),
    ]
    worst = words.size(about.unit, outlook.worst)
    if one.primary.finding is not Finding.WORSE:
        said.append(f"A harm of more than {worst} is ruled out." if outlook.worst else "Any harm is ruled out.")
    return said


def _listed(names: Sequence[str], one: str, several: str) -> str:
    if not names:
        return ""
    text = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{text[0].upper()}{text[1:]} {one if len(names) == 1 else several}."


def _then(facts: Facts, one: Treatment) -> str:
    outlook, unit = one.outlook, one.primary.metric.unit
    assert outlook is not None
    assert outlook.next is not None
    text = f"More is known after {outlook.next:%-d %b}, when the next week is whole"
    if outlook.half_width is None:
        return f"{text}; the planned {outlook.planned:,} subjects are in."
    width = words.size(unit, outlook.half_width)
    return f"{text}; at the planned {outlook.planned:,} subjects the interval will be about ±{width}."
