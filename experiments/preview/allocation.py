"""Who of a roster would get which variant, and what else they are in: counted, before anybody is assigned. Pure.

The order is that of `experiments.assignment`. A closed roster is ranked as its start ranks it. Of an open one nobody
knows who will come when: all are taken to come, in the order of a hash.

Traffic and variants follow from the frozen configuration, and the moment of the start is part of that. So before the
start the counts are one draw of many; holdout and layer are as they will be.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from common.errors import InvalidInput
from common.shares import FULL
from experiments.assignment import Assignment, Eligible, Reason, Subject, assign_roster, place, screen, stratum_of
from experiments.blocks import Design, arrangement
from experiments.configuration import Configuration, Slice
from experiments.fields import is_value
from experiments.hashing import murmur3, salts_of
from experiments.lifecycle import State

DRAWS: Final = 200
_FEWEST_DRAWS: Final = 20
_MOST_HASHES: Final = 1_000_000
MANY_IN_BOTH: Final = 0.5
"""Where more of ours are in another experiment too, its effect may depend on ours: somebody should look."""


class Candidate(NamedTuple):
    """Somebody on the roster.

    consented: their word about experiments, None where nobody asked. cluster: their coach, their own id without one.
    others: keys of the live experiments in which they have a variant.
    """

    id: str
    attributes: Mapping[str, str]
    consented: bool | None
    cluster: str
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Counts:
    """The roster by the first reason that speaks; all but `roster` add up to it.

    lacking: nothing speaks against them, but an attribute of the strata is not in our records.
    """

    roster: int
    never_asked: int
    refused: int
    not_targeted: int
    held_out: int
    outside_layer: int
    outside_traffic: int
    lacking: int
    taken: int

    @property
    def without_consent(self) -> int:
        return self.never_asked + self.refused

    @property
    def excluded(self) -> int:
        """Who agreed and yet gets no variant."""
        return self.roster - self.without_consent - self.taken


@dataclass(frozen=True, slots=True)
class Row:
    """A stratum. values: of the stratification keys, "" where unknown. roster: all who are targeted, agreed or not."""

    values: tuple[str, ...]
    roster: int
    without_consent: int
    excluded: int
    arms: tuple[int, ...]
    gap: float

    @property
    def taken(self) -> int:
        return sum(self.arms)


@dataclass(frozen=True, slots=True)
class Draws:
    """What other moments of the start would give. gap: the largest in any stratum; arms: fewest and most of each."""

    number: int
    gap: float
    arms: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Allocation:
    """Stratum × variant. `arms` in the order of `variants`; gap: the largest in any stratum.

    clusters: coaches of those who get a variant; one_armed: how many of these have athletes in one arm alone. draws:
    None where each arm is always less than 1 from its share (brick tunnel) or nobody is there.
    """

    variants: tuple[str, ...]
    shares: tuple[float, ...]
    counts: Counts
    rows: tuple[Row, ...]
    arms: tuple[int, ...]
    gap: float
    clusters: int
    one_armed: int
    draws: Draws | None

    @property
    def is_equal(self) -> bool:
        """Whether the arms have equal shares, so that a gap is the difference of the largest and the smallest."""
        return len({share for share in self.shares if share}) == 1


class Verdict(StrEnum):
    CLASH = "clash"  # the start would be refused
    CHECK = "check"
    ALLOWED = "allowed"
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Other:
    """Another experiment that runs or is paused; slice and parameter as they hold now."""

    key: str
    name: str
    status: str
    slice: Slice | None
    parameter: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another experiment beside ours. on_roster: who has a variant there; in_both: who would have one here as well."""

    key: str
    name: str
    status: str
    on_roster: int
    in_both: int
    share: float
    rule: str
    verdict: Verdict


Drawn = Mapping[str, Assignment | None]
"""Each candidate's answer by id; None where an attribute is lacking."""


def draw(configuration: Configuration, candidates: Iterable[Candidate]) -> Drawn:
    """Return what each would be answered if the experiment started at the configuration's moment.

    Raises:
        InvalidInput: a candidate has no id.
    """
    running, at = replace(configuration, state=State.RUNNING), configuration.start_at
    answers: dict[str, Assignment | None] = {}
    eligible: dict[str, tuple[Subject, Eligible]] = {}
    for one in candidates:
        subject = Subject(one.id, one.attributes)
        try:
            found = screen(running, subject, at=at, consented=bool(one.consented))
        except InvalidInput:
            if not one.id:
                raise
            answers[one.id] = None
            continue
        if isinstance(found, Eligible):
            eligible[one.id] = subject, found
        else:
            answers[one.id] = found
    if running.closed:
        answers |= assign_roster(running, [subject for subject, _ in eligible.values()], at=at, consented=eligible)
    else:
        numbers: Counter[str] = Counter()
        for key in sorted(eligible, key=lambda one: (murmur3(one, running.salts.variant), one)):
            found = eligible[key][1]
            answers[key] = place(running, found, numbers[found.stratum])
            numbers[found.stratum] += 1
    return answers


def taken(drawn: Drawn) -> frozenset[str]:
    """Return the ids of those who get a variant."""
    return frozenset(key for key, answer in drawn.items() if answer is not None and answer.variant is not None)


def allocate(
    configuration: Configuration, candidates: Sequence[Candidate], drawn: Drawn, *, control: str = ""
) -> Allocation:
    """Count a draw. control: the variant that comes first; the others in the order of their names."""
    arms = sorted(configuration.arms, key=lambda arm: (arm[0] != control, arm[0]))
    variants, shares = tuple(name for name, _ in arms), tuple(share for _, share in arms)
    rows = _rows(configuration, candidates, drawn, variants, shares)
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for one in candidates:
        answer = drawn[one.id]
        if answer is not None and answer.variant is not None:
            seen[one.cluster].add(answer.variant)
    return Allocation(
        variants=variants,
        shares=shares,
        counts=_counts(candidates, drawn),
        rows=rows,
        arms=_summed(rows, len(variants)),
        gap=max((row.gap for row in rows), default=0.0),
        clusters=len(seen),
        one_armed=sum(len(found) == 1 for found in seen.values()),
        draws=_draws(configuration, candidates, drawn, variants, shares),
    )


def gap_of(arms: Sequence[int], shares: Sequence[float]) -> float:
    """Return how far arms are apart: the largest less the smallest, or the farthest from its share if these differ."""
    used = [(count, share) for count, share in zip(arms, shares, strict=True) if share]
    if len({share for _, share in used}) == 1:
        return float(max(count for count, _ in used) - min(count for count, _ in used))
    return round(max(abs(count - share * sum(arms)) for count, share in used), 9)


def overlap_with(
    other: Other, configuration: Configuration, parameter: str, candidates: Iterable[Candidate], mine: frozenset[str]
) -> Overlap:
    """Return how another experiment stands to ours, of which `mine` are those who would get a variant."""
    there = {one.id for one in candidates if other.key in one.others}
    both = len(there & mine)
    share = both / len(mine) if mine else 0.0
    rule, is_apart, is_refused = _rule(configuration.slice, other.slice)
    same = bool(parameter) and other.parameter == parameter
    if is_refused or (same and not is_apart):
        verdict, rule = Verdict.CLASH, f"both set {parameter}" if same and not is_refused else rule
    elif is_apart and not both:
        verdict = Verdict.APART
    elif is_apart or share > MANY_IN_BOTH:
        verdict = Verdict.CHECK
    else:
        verdict = Verdict.ALLOWED
    return Overlap(other.key, other.name, other.status, len(there), both, share, rule, verdict)


def _rule(mine: Slice | None, other: Slice | None) -> tuple[str, bool, bool]:
    """Return what keeps two experiments apart in words, whether it does, and whether the start would refuse it."""
    if mine is None or other is None:
        return "drawn independently", False, False
    if mine.layer != other.layer:
        return "other layer: drawn independently", False, False
    if mine.start < other.stop and other.start < mine.stop:
        return "same layer, parts overlap", False, True
    return "same layer, other part", True, False


_COUNTED: Final = {
    Reason.NOT_TARGETED: "not_targeted",
    Reason.HOLDOUT: "held_out",
    Reason.EXCLUDED_BY_LAYER: "outside_layer",
    Reason.NOT_IN_TRAFFIC: "outside_traffic",
    Reason.ASSIGNED: "taken",
}


def _counts(candidates: Sequence[Candidate], drawn: Drawn) -> Counts:
    found: Counter[str] = Counter()
    for one in candidates:
        answer = drawn[one.id]
        if not one.consented:
            found["never_asked" if one.consented is None else "refused"] += 1
        else:
            found["lacking" if answer is None else _COUNTED[answer.reason]] += 1
    names = (*_COUNTED.values(), "never_asked", "refused", "lacking")
    return Counts(roster=len(candidates), **{name: found[name] for name in names})


def _rows(
    configuration: Configuration,
    candidates: Iterable[Candidate],
    drawn: Drawn,
    variants: Sequence[str],
    shares: Sequence[float],
) -> tuple[Row, ...]:
    """Return the strata of all who are targeted, in the order of their values."""
    found: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for one in candidates:
        if not all(one.attributes.get(name) in values for name, values in configuration.targeting):
            continue
        row, answer = found[tuple(one.attributes.get(name, "") for name in configuration.strata)], drawn[one.id]
        row["roster"] += 1
        if not one.consented:
            row["without_consent"] += 1
        elif answer is None or answer.variant is None:
            row["excluded"] += 1
        else:
            row[f"arm {answer.variant}"] += 1
    rows = []
    for values, row in sorted(found.items()):
        arms = tuple(row[f"arm {name}"] for name in variants)
        rows.append(Row(values, row["roster"], row["without_consent"], row["excluded"], arms, gap_of(arms, shares)))
    return tuple(rows)


def _summed(rows: Iterable[Row], variants: int) -> tuple[int, ...]:
    return tuple(sum(column) for column in zip((0,) * variants, *(row.arms for row in rows), strict=True))


def _draws(
    configuration: Configuration,
    candidates: Iterable[Candidate],
    drawn: Drawn,
    variants: Sequence[str],
    shares: Sequence[float],
) -> Draws | None:
    """Return what other salts would give: counts follow from each stratum's size and the last block alone."""
    strata: defaultdict[str, list[str]] = defaultdict(list)
    for one in candidates:
        answer = drawn[one.id]
        is_known = all(is_value(one.attributes.get(name)) for name in configuration.strata)
        if is_known and answer is not None and answer.reason in (Reason.ASSIGNED, Reason.NOT_IN_TRAFFIC):
            strata[stratum_of(configuration, one.attributes)].append(one.id)
    people = sum(len(members) for members in strata.values())
    if configuration.design.tunnel or not people:
        return None
    all_in = configuration.traffic == FULL
    number = DRAWS if all_in else min(max(_MOST_HASHES // people, _FEWEST_DRAWS), DRAWS)
    order = [[name for name, _ in configuration.arms].index(variant) for variant in variants]
    gap, totals = 0.0, []
    for n in range(number):
        salts = salts_of(key=configuration.key, layer="", version=f"{configuration.version}:{n}")
        total = [0] * len(variants)
        for stratum, members in strata.items():
            size = len(members) if all_in else _let_in(members, salts.traffic, configuration.traffic)
            counts = _after(configuration.design, salts.variant, stratum, size)
            arms = [counts[arm] for arm in order]
            gap = max(gap, gap_of(arms, shares))
            total = [before + more for before, more in zip(total, arms, strict=True)]
        totals.append(total)
    return Draws(number, gap, tuple((min(column), max(column)) for column in zip(*totals, strict=True)))


def _let_in(members: Iterable[str], salt: int, traffic: int) -> int:
    return sum(murmur3(one, salt) % FULL < traffic for one in members)


def _after(design: Design, salt: int, stratum: str, n: int) -> list[int]:
    """Return how many each arm has after n subjects of a stratum."""
    full, rest = divmod(n, design.size)
    counts = [full * copies for copies in design.copies]
    for arm in arrangement(design, salt, stratum, full)[:rest] if rest else ():
        counts[arm] += 1
    return counts
