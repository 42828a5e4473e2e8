"""What a stream should come to, by the rules as they are written: slow, plain, and sharing no code with the reduction.

Everything is looked up again each time it is asked, members apart; sums are exact fractions.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cached_property
from typing import Any

from experiments.streams import Agreed, Assigned, Exposed, Measured, Paused, Resumed

PAIRS = ("yy", "yd", "dd", "yz", "yk", "dz", "dk", "zz")


class Oracle:
    """The rules, one a method, for one stream and one look."""

    def __init__(self, events, as_of, since=None, until=None):
        self.as_of, self.since, self.until = as_of, since, until
        self.events = [e for e in events if e.at <= as_of and e.known_at <= as_of]
        subjects = {e.subject for e in self.events if isinstance(e, Assigned | Exposed | Agreed | Measured)}
        self.subjects = sorted(subjects)
        self.kept: dict[Any, list[Any]] = {}

    def of(self, kind, subject=None):
        """Return events of a kind (and subject); kept, since that is asked all the time."""
        if (kind, subject) not in self.kept:
            events = [e for e in self.events if isinstance(e, kind) and (subject is None or e.subject == subject)]
            self.kept[kind, subject] = events
        return self.kept[kind, subject]

    def is_paused(self, at, by=None):
        marks = [
            e for e in self.of(Paused | Resumed) if e.at <= at and (by is None or (e.at <= by and e.known_at <= by))
        ]
        marks.sort(key=lambda e: (e.at, e.known_at, e.id, isinstance(e, Paused)))
        return bool(marks) and isinstance(marks[-1], Paused)

    def has_withdrawn(self, subject, at, by=None):
        words = [e for e in self.of(Agreed, subject) if e.at <= at]
        words = [e for e in words if by is None or (e.at <= by and e.known_at <= by)]
        words.sort(key=lambda e: (e.at, e.known_at, e.id, not e.granted))
        return bool(words) and not words[-1].granted

    def is_consented(self, subject):
        return bool(self.of(Agreed, subject)) and not self.has_withdrawn(subject, self.as_of)

    def before_the_end(self, event):
        return self.until is None or event.at < self.until

    def assignment(self, subject):
        made = [e for e in self.of(Assigned, subject) if not self.is_paused(e.at)]
        made.sort(key=lambda e: (e.at, e.id, e.variant, e.phase, e.stratum))
        return made[0] if made else None

    def exposures(self, subject):
        seen = [e for e in self.of(Exposed, subject) if self.before_the_end(e)]
        seen = [e for e in seen if not self.has_withdrawn(subject, e.at)]
        return sorted(seen, key=lambda e: (e.at, e.id, e.variant, e.cluster))

    def state(self, subject):
        """Return "" for who is not exposed, "member", or why not."""
        seen, given = self.exposures(subject), self.assignment(subject)
        if not seen:
            return ""
        if not self.is_consented(subject):
            return "withdrawn"
        if given is None or given.variant == "":
            return "not_assigned"
        if any(e.variant != given.variant for e in seen):
            return "several_variants"
        return "member"

    @cached_property
    def members(self):
        found = []
        for subject in self.subjects:
            if self.state(subject) == "member":
                given, first = self.assignment(subject), self.exposures(subject)[0]
                found.append((subject, given.variant, given.phase, given.stratum, first.cluster, first.at))
        return found

    def excluded(self):
        return Counter(self.state(s) for s in self.subjects if self.state(s) not in ("", "member"))

    def assigned(self):
        return Counter(self.assignment(s).variant for s in self.subjects if self.assignment(s))

    def exposed(self):
        return Counter(self.exposures(s)[0].variant for s in self.subjects if self.state(s))

    def arrived(self):
        """Walk through time: at each moment when something became known, ask who has come by now."""
        places = {}
        news = self.of(Exposed | Assigned)
        for moment in sorted({max(e.at, e.known_at) for e in news}):
            for subject in {e.subject for e in news if max(e.at, e.known_at) == moment}:
                if subject not in places and (place := self.place(subject, moment)):
                    places[subject] = (moment, place)
        return Counter(place for moment, place in places.values() if self.since is None or moment > self.since)

    def place(self, subject, moment):
        seen = [e for e in self.of(Exposed, subject) if self.before_the_end(e) and max(e.at, e.known_at) <= moment]
        seen = [e for e in seen if not self.has_withdrawn(subject, e.at, by=max(e.at, e.known_at))]
        made = [e for e in self.of(Assigned, subject) if max(e.at, e.known_at) <= moment]
        made = [e for e in made if not self.is_paused(e.at, by=max(e.at, e.known_at))]
        made.sort(key=lambda e: (e.at, e.id, e.variant, e.phase, e.stratum))
        return (made[0].phase, made[0].stratum, made[0].variant) if seen and made else None

    def facts(self, subject, metric):
        """Return facts that count, each with the moment when what it says was first known."""
        found = []
        for name in sorted({e.id for e in self.of(Measured) if e.metric == metric}):
            said = [e for e in self.of(Measured) if e.metric == metric and e.id == name]
            last = sorted(said, key=lambda e: (e.known_at, e.at, e.y, e.d, e.subject))[-1]
            first = min(e.known_at for e in said if e._replace(known_at=last.known_at) == last)
            counts = self.before_the_end(last) and not self.has_withdrawn(subject, last.at)
            if last.subject == subject and counts:
                found.append((last, max(last.at, first)))
        return found

    def windows(self, measure, subject, exposed_at):
        start = exposed_at + measure.start
        stop = None if measure.stop is None else exposed_at + measure.stop
        facts = self.facts(subject, measure.metric)
        within = [f for f in facts if f[0].at >= start and (stop is None or f[0].at < stop)]
        return within, [f for f in facts if exposed_at - measure.before <= f[0].at < exposed_at]

    def is_immature(self, measure, exposed_at):
        if measure.shape == "ratio" or measure.stop is None:
            return False
        over = exposed_at + measure.stop
        return over > self.as_of or (self.until is not None and over > self.until)

    def immature(self, measure):
        return sum(self.is_immature(measure, member[-1]) for member in self.members)

    def late(self, measures):
        if self.since is None:
            return 0
        late = 0
        seen = [e for s in self.subjects for e in self.exposures(s)]
        for name in {e.id for e in seen}:
            same = [e for e in seen if e.id == name]
            told = min(max(e.at, e.known_at) for e in same)
            late += min(e.at for e in same) <= self.since < told
        for measure in measures:
            for member in self.members:
                if not self.is_immature(measure, member[-1]):
                    within, earlier = self.windows(measure, member[0], member[-1])
                    late += sum(fact.at <= self.since < told for fact, told in within + earlier)
        return late

    def cells(self, measure) -> dict[Any, dict[str, Fraction]]:
        """Return the sums of every variant, stratum and cluster."""
        cells: dict[Any, Counter[str]] = {}
        for subject, variant, _, stratum, cluster, exposed_at in self.members:
            if self.is_immature(measure, exposed_at):
                continue
            within, earlier = ([f for f, _ in facts] for facts in self.windows(measure, subject, exposed_at))
            y, d = self.together(measure, within)
            before_y, before_d = self.together(measure, earlier)
            k = Fraction(bool(earlier) and before_d > 0)
            value = {"y": y, "d": d, "z": before_y / before_d if k else Fraction(0), "k": k}
            cell = cells.setdefault((variant, stratum, cluster), Counter())
            cell["n"] += 1
            for name, number in value.items():
                cell[name] += number
            for one, other in PAIRS:
                cell[one + other] += value[one] * value[other]
        return cells

    def together(self, measure, facts):
        y, d = sum(Fraction(f.y) for f in facts), sum(Fraction(f.d) for f in facts)
        if measure.shape == "ratio":
            return Fraction(y), Fraction(d)
        if measure.shape == "share":
            return Fraction(any(f.y > 0 for f in facts)), Fraction(1)
        return Fraction(y), Fraction(1)
