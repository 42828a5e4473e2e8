"""Experiments as event streams: from what happened, and when we were told, to what the analysis reads. Pure.

`reduce` is a function of the *set* of events: their order, and the same event twice, change nothing. Each has two
times: `at`, when it happened, and `known_at`, when we were told. A look as of T takes what has both up to T, so what
comes to be known later never changes it. `experiments.warehouse` says the same in SQL.

Where two events are alike, ties are broken by what they say, never by which came first: by id, then by the other fields
in their order; between yes and no at the very same place, withdrawn and paused win.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from experiments.analysis.moments import Table
from experiments.measures import Measure, Measured, Shape, measure_members

__all__ = [
    "Agreed",
    "Assigned",
    "Event",
    "Exposed",
    "Measure",
    "Measured",
    "Member",
    "Paused",
    "Place",
    "Reason",
    "Resumed",
    "Shape",
    "Tally",
    "reduce",
]


class Assigned(NamedTuple):
    """A variant given to a subject, "" to who is held out.

    Where phases had other weights, arms are alike only within a phase: let `stratum` name the phase too.
    """

    id: str
    subject: str
    variant: str
    phase: int
    stratum: str
    at: datetime
    known_at: datetime


class Exposed(NamedTuple):
    """A subject met a variant. cluster: who coached them at that time."""

    id: str
    subject: str
    variant: str
    cluster: str
    at: datetime
    known_at: datetime


class Agreed(NamedTuple):
    """Consent to experiments, given or withdrawn."""

    id: str
    subject: str
    granted: bool
    at: datetime
    known_at: datetime


class Paused(NamedTuple):
    """The experiment takes nobody new from here on."""

    id: str
    at: datetime
    known_at: datetime


class Resumed(NamedTuple):
    """The experiment takes subjects again from here on."""

    id: str
    at: datetime
    known_at: datetime


Event = Assigned | Exposed | Agreed | Measured | Paused | Resumed
Place = tuple[int, str, str]
"""Phase, stratum and assigned variant."""


class Reason(StrEnum):
    """Why an exposed subject is left out; the first that holds."""

    WITHDRAWN = "withdrawn"  # no consent as of then, or none ever
    NOT_ASSIGNED = "not_assigned"  # no assignment that counts, or held out
    SEVERAL_VARIANTS = "several_variants"  # seen in another variant than the assigned one, or in two


class Member(NamedTuple):
    """An exposed subject who is analysed. cluster: at the first exposure, which was at `exposed_at`."""

    subject: str
    variant: str
    phase: int
    stratum: str
    cluster: str
    exposed_at: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """What an experiment was at a look.

    members: by subject. excluded: exposed subjects by the one reason. assigned: subjects by variant, "" for who is held
    out, exposed or not, whatever they agreed to. exposed: subjects by the variant of their first exposure, members and
    excluded together. arrived: who came between the last look and this one; over consecutive looks the
    sum is that of one look over all. late: exposures and facts that count here, happened up to the last look and were
    not known then. tables: by metric. immature: by metric, members whose window was not over.
    """

    members: tuple[Member, ...]
    excluded: Mapping[Reason, int]
    assigned: Mapping[str, int]
    exposed: Mapping[str, int]
    arrived: Mapping[Place, int]
    late: int
    tables: Mapping[str, Table]
    immature: Mapping[str, int]


class _Change(NamedTuple):
    """From `at` on something is off, or on again; `known` is when that began to count. Sorts as changes follow."""

    at: datetime
    known_at: datetime
    id: str
    off: bool

    @property
    def known(self) -> datetime:
        return max(self.at, self.known_at)


@dataclass(slots=True)
class _Subject:
    assigned: list[Assigned] = field(default_factory=list)
    exposed: list[Exposed] = field(default_factory=list)
    agreed: list[_Change] = field(default_factory=list)


@dataclass(slots=True)
class _Sorted:
    """Events up to a look, by what they are about; changes are in their order."""

    subjects: defaultdict[str, _Subject] = field(default_factory=lambda: defaultdict(_Subject))
    facts: list[Measured] = field(default_factory=list)
    pauses: list[_Change] = field(default_factory=list)


def reduce(
    events: Iterable[Event],
    *,
    as_of: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
    measures: Sequence[Measure] = (),
) -> Tally:
    """Return what an experiment was as of a moment, whatever the order of its events.

    - *Assignment*: the one made first (`at`, then id) while the experiment was not paused; [pause, resume) is paused.
      One made after the exposure counts too: clocks differ.
    - *Exposure*: the first (`at`, then id) is where windows start and whose cluster counts.
    - *Consent*: the newest word (`at`, `known_at`, id) decides whether a subject is in; who never agreed is not. What
      happened while consent was withdrawn counts never, also after it was given again; what happened before the first
      word does, such as pre-period values.
    - *Facts*: of one metric and id the one known last counts, in its time and its subject alone.
    - *Arrival*: once a subject, at the moment when an exposure and an assignment were first both known, under the
      assignment that was the earliest made then. An exposure or assignment opens the door if it counted when it became
      known; what is known later moves nobody, since a sequential test has looked already. Who is excluded has arrived.

    Args:
        events: in any order, any of them more than once.
        as_of: the look. since: the look before, for `arrived` and `late`; None for the first.
        until: the experiment's end; exposures and facts at or after it do not count, and windows that reach beyond it
            are never over.
        measures: one a metric.

    Raises:
        ValueError: a time without a time zone, `since` after `as_of`, two measures of one metric, or a fact that is
            read is not a finite number.
    """
    _check(as_of, since, until, measures)
    known = _sorted(events, as_of, until)
    members, excluded, exposed = _placed(known)
    given = (_assignment(subject, known.pauses) for subject in known.subjects.values())
    changes = {member.subject: known.subjects[member.subject].agreed for member in members}
    facts = [
        fact
        for fact in known.facts
        if fact.subject in changes and not (until and fact.at >= until) and not _off(changes[fact.subject], fact.at)
    ]
    found = [measure_members(measure, members, facts, until=min(as_of, until or as_of)) for measure in measures]
    read = frozenset[Measured]().union(*(each.read for each in found))
    return Tally(
        members,
        excluded,
        assigned=Counter(one.variant for one in given if one),
        exposed=exposed,
        arrived=_arrived(known, since),
        late=_late(known, read, since),
        tables={measure.metric: each.table for measure, each in zip(measures, found, strict=True)},
        immature={measure.metric: each.immature for measure, each in zip(measures, found, strict=True)},
    )


def _check(as_of: datetime, since: datetime | None, until: datetime | None, measures: Sequence[Measure]) -> None:
    if any(moment is not None and moment.tzinfo is None for moment in (as_of, since, until)):
        raise ValueError("moments have a time zone")
    if since is not None and since > as_of:
        raise ValueError("a look comes after the one before")
    if len({measure.metric for measure in measures}) < len(measures):
        raise ValueError("one measure a metric")


def _sorted(events: Iterable[Event], as_of: datetime, until: datetime | None) -> _Sorted:
    """Return what was known, without exposures after the end."""
    known = _Sorted()
    for event in events:
        if event.at > as_of or event.known_at > as_of:
            continue
        match event:
            case Assigned():
                known.subjects[event.subject].assigned.append(event)
            case Exposed() if until is None or event.at < until:
                known.subjects[event.subject].exposed.append(event)
            case Agreed():
                change = _Change(event.at, event.known_at, event.id, not event.granted)
                known.subjects[event.subject].agreed.append(change)
            case Measured():
                known.facts.append(event)
            case Paused() | Resumed():
                known.pauses.append(_Change(event.at, event.known_at, event.id, isinstance(event, Paused)))
    known.pauses.sort()
    for subject in known.subjects.values():
        subject.agreed.sort()
    known.facts = _corrected(known.facts)
    return known


def _corrected(facts: Iterable[Measured]) -> list[Measured]:
    """Return the last known fact of each metric and id; `known_at` is when what it says was first known."""
    last: dict[tuple[str, str], Measured] = {}
    first_known: dict[tuple[object, ...], datetime] = {}
    for fact in facts:
        key, says = (fact.metric, fact.id), fact[:-1]
        first_known[says] = min(first_known.get(says, fact.known_at), fact.known_at)
        if key not in last or _rank(fact) > _rank(last[key]):
            last[key] = fact
    return [fact._replace(known_at=first_known[fact[:-1]]) for fact in last.values()]


def _rank(fact: Measured) -> tuple[datetime, datetime, float, float, str]:
    return fact.known_at, fact.at, fact.y, fact.d, fact.subject


def _off(changes: Sequence[_Change], at: datetime, *, known_by: datetime | None = None) -> bool:
    """Tell whether something was off at a moment, by all changes (in order) or by those known at another moment."""
    off = False
    for change in changes:
        if change.at > at:
            break
        if known_by is None or change.known <= known_by:
            off = change.off
    return off


def _known(event: Assigned | Exposed | Measured) -> datetime:
    """Return when an event begins to count: a clock that runs fast may tell of what is yet to happen."""
    return max(event.at, event.known_at)


def _earliest(event: Assigned | Exposed) -> tuple[object, ...]:
    return event.at, event.id, event[2:]


def _assignment(subject: _Subject, pauses: Sequence[_Change]) -> Assigned | None:
    return min((one for one in subject.assigned if not _off(pauses, one.at)), key=_earliest, default=None)


def _exposures(subject: _Subject) -> list[Exposed]:
    return [one for one in subject.exposed if not _off(subject.agreed, one.at)]


def _placed(known: _Sorted) -> tuple[tuple[Member, ...], Counter[Reason], Counter[str]]:
    """Return members by subject, how many were left out for which reason, and who was first seen in which variant."""
    members: list[Member] = []
    excluded: Counter[Reason] = Counter()
    exposed: Counter[str] = Counter()
    for name, subject in sorted(known.subjects.items()):
        seen = _exposures(subject)
        if not seen:
            continue
        first, given = min(seen, key=_earliest), _assignment(subject, known.pauses)
        exposed[first.variant] += 1
        if not subject.agreed or subject.agreed[-1].off:
            excluded[Reason.WITHDRAWN] += 1
        elif given is None or not given.variant:
            excluded[Reason.NOT_ASSIGNED] += 1
        elif {one.variant for one in seen} != {given.variant}:
            excluded[Reason.SEVERAL_VARIANTS] += 1
        else:
            members.append(Member(name, given.variant, given.phase, given.stratum, first.cluster, first.at))
    return tuple(members), excluded, exposed


def _arrived(known: _Sorted, since: datetime | None) -> Counter[Place]:
    found: Counter[Place] = Counter()
    for subject in known.subjects.values():
        arrival = _arrival(subject, known.pauses)
        if arrival and (since is None or arrival[0] > since):
            found[arrival[1]] += 1
    return found


def _arrival(subject: _Subject, pauses: Sequence[_Change]) -> tuple[datetime, Place] | None:
    """Return when a subject arrived, and where; nothing that is known later changes it."""
    seen = [_known(one) for one in subject.exposed if not _off(subject.agreed, one.at, known_by=_known(one))]
    given = [one for one in subject.assigned if not _off(pauses, one.at, known_by=_known(one))]
    if not seen or not given:
        return None
    moment = max(min(seen), min(_known(one) for one in given))
    under = min((one for one in given if _known(one) <= moment), key=_earliest)
    return moment, (under.phase, under.stratum, under.variant)


def _late(known: _Sorted, read: Iterable[Measured], since: datetime | None) -> int:
    """Count exposures and facts by id that happened up to a look and were not known at it."""
    if since is None:
        return 0
    times: dict[str, tuple[datetime, datetime]] = {}
    for subject in known.subjects.values():
        for one in _exposures(subject):
            at, told = times.get(one.id, (one.at, _known(one)))
            times[one.id] = min(at, one.at), min(told, _known(one))
    exposures = sum(at <= since < told for at, told in times.values())
    return exposures + sum(fact.at <= since < _known(fact) for fact in read)
