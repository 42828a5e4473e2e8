"""What stands between a draft and its start, in words: what blocks it, and what somebody should know. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from common.counts import counted
from experiments.configuration import Configuration
from experiments.preview.allocation import Allocation, Overlap, Verdict
from experiments.preview.sensitivity import Sensitivity, Unknown
from experiments.protocol import Protocol

FEWEST_IN_STRATUM: Final = 15
"""A stratum with fewer athletes has no result of its own."""
_NAMED: Final = 3


class Weight(StrEnum):
    BLOCKER = "blocker"
    WARNING = "warning"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the list. lead: what it is about, in bold on the page; text: the rest of the sentence."""

    weight: Weight
    lead: str
    text: str

    def __str__(self) -> str:
        return f"{self.lead}: {self.text}"


def blocker(lead: str, text: str) -> Check:
    return Check(Weight.BLOCKER, lead, text)


def checks_of(
    configuration: Configuration,
    protocol: Protocol | None,
    allocation: Allocation,
    overlaps: Sequence[Overlap],
    seen: Sensitivity | Unknown,
    *,
    own: Iterable[str],
) -> list[Check]:
    """Return what follows from a preview; what the start itself refuses is the caller's.

    Args:
        own: attributes that our records answer; clients alone know others.
    """
    found = [*_people(configuration, allocation), *_attributes(configuration, protocol, allocation, frozenset(own))]
    if allocation.counts.taken:
        found += [*_strata(configuration, allocation), *_coaches(allocation)]
    for overlap in overlaps:
        if overlap.verdict is Verdict.CHECK:
            text = f"{100 * overlap.share:.0f} % of ours are in it too: its variant may change what ours does"
            found.append(Check(Weight.WARNING, overlap.key, text))
    if protocol is not None:
        found += [*_time(configuration, protocol, seen), *_numbers(configuration, protocol, allocation)]
        weight = Weight.GOOD if protocol.guardrails else Weight.WARNING
        found.append(Check(weight, "Question", _question(protocol)))
    if allocation.draws is not None:
        text = f"{allocation.draws.number} other starts give a largest gap of {allocation.draws.gap:g} in any stratum"
        found.append(Check(Weight.GOOD, "Balance", text))
    elif allocation.counts.taken:
        found.append(Check(Weight.GOOD, "Balance", "each arm is always less than 1 from its share in every stratum"))
    return sorted(found, key=lambda check: list(Weight).index(check.weight))


def _question(protocol: Protocol) -> str:
    name, control, stops = protocol.primary, protocol.control, len(protocol.guardrails)
    if not stops:
        return f"{name} against {control}; nothing stops it by itself"
    if stops == 1:
        return f"{name} against {control}; 1 guardrail stops it by itself"
    return f"{name} against {control}; {stops} guardrails stop it by itself"


def _people(configuration: Configuration, allocation: Allocation) -> Iterable[Check]:
    counts = allocation.counts
    if not counts.roster:
        yield blocker("Roster", "there is no athlete")
    elif counts.without_consent == counts.roster:
        yield blocker("Consent", "nobody on the roster has agreed to experiments")
    elif not counts.taken and not counts.lacking:
        yield blocker("Nobody", "is left of those who agreed: see targeting, holdout, layer and traffic")
    elif counts.taken:
        for variant, share, number in zip(allocation.variants, allocation.shares, allocation.arms, strict=True):
            if not share:
                yield Check(Weight.WARNING, variant, "has a weight of 0 and gets nobody")
            elif not number:
                yield Check(Weight.WARNING, variant, f"gets nobody of {counts.taken} athletes")
    if configuration.closed and counts.never_asked:
        text = f"{counts.never_asked} not asked so far; who agrees after the start stays outside"
        yield Check(Weight.WARNING, "Consent", text)


def _attributes(
    configuration: Configuration, protocol: Protocol | None, allocation: Allocation, own: frozenset[str]
) -> Iterable[Check]:
    lacking = allocation.counts.lacking
    if lacking:
        strangers = [name for name in configuration.strata if name not in own]
        what = ", ".join(strangers or configuration.strata)
        text = f"our records do not say {what} of {lacking} athletes, and the strata need it"
        if configuration.closed:
            yield blocker("Strata", f"{text}: nobody would be enrolled")
        elif protocol is not None and protocol.parameter and not allocation.counts.taken:
            yield blocker("Strata", f"{text}: what sets {protocol.parameter} asks by our records alone")
        else:
            yield Check(Weight.WARNING, "Strata", f"{text}: clients must send it")
    unknown = [name for name, _ in configuration.targeting if name not in own]
    if unknown:
        text = f"{', '.join(unknown)} is known to clients alone: here nobody counts as targeted by it"
        yield Check(Weight.WARNING, "Targeting", text)


def _strata(configuration: Configuration, allocation: Allocation) -> Iterable[Check]:
    small = [row for row in allocation.rows if configuration.strata and 0 < row.taken < FEWEST_IN_STRATUM]
    for row in small[:_NAMED]:
        name = ", ".join(value or "unknown" for value in row.values)
        text = f"{athletes(row.taken)}, no separate result will be shown (min {FEWEST_IN_STRATUM})"
        yield Check(Weight.WARNING, name[:1].upper() + name[1:], text)
    if len(small) > _NAMED:
        text = f"{len(small) - _NAMED} more have fewer than {FEWEST_IN_STRATUM} athletes: no separate results"
        yield Check(Weight.WARNING, "Strata", text)


def _coaches(allocation: Allocation) -> Iterable[Check]:
    if allocation.one_armed:
        text = f"{allocation.one_armed} of {allocation.clusters} have athletes in one arm only: the interval gets wider"
        yield Check(Weight.WARNING, "Coaches", text)


def _time(configuration: Configuration, protocol: Protocol, seen: Sensitivity | Unknown) -> Iterable[Check]:
    start, end = configuration.start_at, configuration.end_at
    if end is not None and end - start < timedelta(weeks=protocol.fewest_weeks):
        text = f"{day(end)} is before {protocol.fewest_weeks} whole weeks have passed: no conclusion would be drawn"
        yield Check(Weight.WARNING, "End date", text)
    if isinstance(seen, Unknown):
        yield Check(Weight.WARNING, "Detectable effect", f"not known: {seen.why}")
        return
    if seen.target is None:
        yield Check(Weight.WARNING, "Target", "none is given, so nobody can tell how long it must run")
    elif seen.needed is None or seen.needed > seen.arrivals.of:
        yield Check(
            Weight.WARNING, "Target", f"{_showing(seen)}; {athletes(seen.arrivals.of)} of the roster would be in"
        )
    elif seen.days_needed is None:
        yield Check(Weight.WARNING, "Target", "nobody met the use in the last 8 weeks, so no time can be told")
    elif end is not None and start + timedelta(days=seen.days_needed) > end:
        short = days_in_words(start + timedelta(days=seen.days_needed) - end)
        text = f"{day(end)} is {short} short of the {seen.days_needed} days needed for the target"
        yield Check(Weight.WARNING, "End date", text)


def _showing(seen: Sensitivity) -> str:
    """Return how many athletes would show the target, from the best case to the cautious one."""
    best, cautious = seen.needed_at_best, seen.needed
    if best is None:
        return "no number of athletes shows it with these coaches"
    if cautious == best:
        return f"{best} athletes would show it"
    most = "no number" if cautious is None else str(cautious)
    return f"{best} athletes would show it if both arms of a coach share what makes them alike, {most} if they do not"


def _numbers(configuration: Configuration, protocol: Protocol, allocation: Allocation) -> Iterable[Check]:
    taken = allocation.counts.taken
    if configuration.closed and 0 < taken < protocol.planned_subjects:
        text = f"{protocol.planned_subjects} planned, {taken} would be in: the intervals are tuned to more than come"
        yield Check(Weight.WARNING, "Planned", text)


def day(moment: datetime) -> str:
    """Return a day in words, such as 5 Jan 2027."""
    return f"{moment.day} {moment:%b %Y}"


def athletes(number: int) -> str:
    return counted(number, "athlete", "athletes")


def days_in_words(span: timedelta) -> str:
    """Return whole days in words, begun ones too."""
    number = -(-span // timedelta(days=1))
    return counted(number, "day", "days")
